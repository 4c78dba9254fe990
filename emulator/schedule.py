"""Scheduled starts of tasks: ScheduleExpression."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import CroniterBadDateError, CroniterError, croniter

from emulator.clock import utc_now
from emulator.errors import ApiError
from emulator.state import State, Task

Start = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
_CHECK_INTERVAL_S = 1.0

_RATE = re.compile(r"rate\((\d{1,6}) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def next_start(expression: str, after: datetime, schedule_set_at: datetime) -> datetime | None:
    """Return the first scheduled time after `after`, in UTC, or None if there is none.

    Accepts AWS's two formats: `rate(12 hours)`, counted from `schedule_set_at`, and `cron(minute hour day month weekday
    year)`. Raises ValueError for anything else.
    """
    rate = _RATE.fullmatch(expression)
    if rate and int(rate[1]):
        period = int(rate[1]) * _UNITS[rate[2]]
        return schedule_set_at + period * (max(after - schedule_set_at, timedelta()) // period + 1)
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise ValueError(f"{expression} is neither rate(…) nor cron(…) with six fields")
    minute, hour, day, month, weekday, year = cron.groups()
    days = re.sub(r"(?<!#)\b\d\b", lambda number: str(int(number[0]) - 1), weekday)  # AWS numbers Sunday 1, croniter 0
    fields = [minute, hour, day, month, days, "0", year]
    try:
        found: datetime = croniter(" ".join(fields).replace("?", "*"), after).get_next(datetime)
    except CroniterBadDateError:
        return None
    except (CroniterError, ValueError) as error:
        raise ValueError(f"{expression}: {error}") from error
    return found.astimezone(UTC)


def due_tasks(tasks: list[Task], last: datetime, present: datetime) -> list[Task]:
    """Return the tasks whose schedule has a time after `last` and not after `present`."""
    return [task for task in tasks if _is_due(task, last, present)]


def _is_due(task: Task, last: datetime, present: datetime) -> bool:
    schedule = task.request.get("Schedule")
    if schedule is None or schedule.get("Status", "ENABLED") != "ENABLED":
        return False
    following = next_start(schedule["ScheduleExpression"], last, task.schedule_set_at or task.created_at)
    return following is not None and following <= present


async def run_schedules(state: State, start: Start) -> None:
    """Start due tasks, checking every second, until cancelled. A start that fails is printed."""
    last = utc_now()
    while True:
        await asyncio.sleep(_CHECK_INTERVAL_S)
        present = utc_now()
        for task in due_tasks(list(state.tasks.values()), last, present):
            try:
                await start({"TaskArn": task.arn})
            except ApiError as error:
                print(f"{task.arn} was not started as scheduled: {error}", flush=True)
        last = present
