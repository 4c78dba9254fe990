"""ScheduleExpression: when a task is started by itself."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import CroniterBadDateError, CroniterError, croniter

from emulator.errors import ApiError
from emulator.moments import now
from emulator.state import State, Task

Start = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
_TICK_S = 1.0

_RATE = re.compile(r"rate\((\d{1,6}) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def next_start(expression: str, after: datetime, begun: datetime) -> datetime | None:
    """The first time after `after`, in UTC, if there is one; a rate counts from when the schedule was set, `begun`.

    Takes AWS's two forms, `rate(12 hours)` and `cron(minute hour day month weekday year)`. Raises ValueError for
    anything else.
    """
    rate = _RATE.fullmatch(expression)
    if rate and int(rate[1]):
        period = int(rate[1]) * _UNITS[rate[2]]
        return begun + period * (max(after - begun, timedelta()) // period + 1)
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise ValueError(f"{expression} is neither rate(…) nor cron(… six fields …)")
    minute, hour, day, month, weekday, year = cron.groups()
    days = re.sub(r"(?<!#)\b\d\b", lambda number: str(int(number[0]) - 1), weekday)  # AWS counts from Sunday as 1
    fields = [minute, hour, day, month, days, "0", year]
    try:
        found: datetime = croniter(" ".join(fields).replace("?", "*"), after).get_next(datetime)
    except CroniterBadDateError:
        return None
    except (CroniterError, ValueError) as error:
        raise ValueError(f"{expression}: {error}") from error
    return found.astimezone(UTC)


def due(tasks: list[Task], last: datetime, present: datetime) -> list[Task]:
    """The tasks whose schedule has a time after `last` and not after `present`."""
    return [task for task in tasks if _is_due(task, last, present)]


def _is_due(task: Task, last: datetime, present: datetime) -> bool:
    schedule = task.request.get("Schedule")
    if schedule is None or schedule.get("Status", "ENABLED") != "ENABLED":
        return False
    following = next_start(schedule["ScheduleExpression"], last, task.schedule_set_at or task.created_at)
    return following is not None and following <= present


async def keep_schedules(state: State, start: Start) -> None:
    """Looks every second for tasks that are due, until it is cancelled; a start that is refused is noted."""
    last = now()
    while True:
        await asyncio.sleep(_TICK_S)
        present = now()
        for task in due(list(state.tasks.values()), last, present):
            try:
                await start({"TaskArn": task.arn})
            except ApiError as error:
                print(f"{task.arn} was not started as scheduled: {error}", flush=True)
        last = present
