"""Schedules of tasks."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from emulator.clock import utc_now
from emulator.errors import ApiError
from emulator.schedule import due_tasks, next_start, run_schedules
from emulator.state import State, Task

NOW = datetime(2026, 11, 23, 17, 5, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("rate(12 hours)", "2026-11-24 05:05"),
        ("rate(1 day)", "2026-11-24 17:05"),
        ("cron(0 * * * ? *)", "2026-11-23 18:00"),
        ("cron(0 12 ? * SUN,WED *)", "2026-11-25 12:00"),
        ("cron(0 12 ? * 1 *)", "2026-11-29 12:00"),
        ("cron(0 12 ? * 2#1 *)", "2026-12-07 12:00"),
        ("cron(15 10 L * ? *)", "2026-11-30 10:15"),
        ("cron(0 0 1 1 ? 2028)", "2028-01-01 00:00"),
    ],
)
def test_next_start_follows_the_aws_expression(expression, following):
    assert f"{next_start(expression, NOW, NOW):%Y-%m-%d %H:%M}" == following


@pytest.mark.parametrize(
    "expression", ["", "hourly", "rate(0 hours)", "cron(0 * * * *)", "cron(99 * * * ? *)", "at(x)"]
)
def test_invalid_expression_is_rejected(expression):
    with pytest.raises(ValueError, match=r"rate|cron|\["):
        next_start(expression, NOW, NOW)


def test_past_schedule_has_no_next_start_and_is_never_due():
    expression = "cron(0 0 1 1 ? 2020)"
    assert next_start(expression, NOW, NOW) is None
    assert (
        due_tasks([Task("arn", {"Schedule": {"ScheduleExpression": expression}}, NOW)], NOW, NOW + timedelta(days=9))
        == []
    )


async def test_due_tasks_are_started_even_after_a_start_failed():
    started = asyncio.Queue()

    async def start(request):
        started.put_nowait(request["TaskArn"])
        raise ApiError("InvalidRequestException", "50 are queued")

    almost = utc_now() - timedelta(seconds=59)
    schedule = {"Schedule": {"ScheduleExpression": "rate(1 minute)"}}
    state = State(tasks={arn: Task(arn, schedule, almost) for arn in ("first", "second")})
    keeping = asyncio.create_task(run_schedules(state, start))
    assert [await asyncio.wait_for(started.get(), 10) for _ in range(2)] == ["first", "second"]
    assert not keeping.done()
    keeping.cancel()


def test_rate_counts_from_the_time_it_was_set():
    assert next_start("rate(2 hours)", NOW + timedelta(hours=5), NOW) == NOW + timedelta(hours=6)


@pytest.mark.parametrize(
    ("schedule", "is_due"),
    [
        (None, False),
        ({"ScheduleExpression": "cron(6 17 * * ? *)"}, True),
        ({"ScheduleExpression": "cron(6 17 * * ? *)", "Status": "DISABLED"}, False),
        ({"ScheduleExpression": "cron(5 17 * * ? *)"}, False),
    ],
)
def test_enabled_task_is_due_once_per_scheduled_time(schedule, is_due):
    task = Task("arn", {"Schedule": schedule} if schedule else {}, NOW)
    assert bool(due_tasks([task], NOW, NOW + timedelta(minutes=1))) is is_due
    assert due_tasks([task], NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)) == []
