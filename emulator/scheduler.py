"""Starts tasks at the times of their schedules."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from emulator.errors import ApiError
from emulator.schedule import next_start
from emulator.state import State, Task

_TICK_S = 1.0
Start = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


async def keep_schedules(state: State, start: Start) -> None:
    """Looks every second for tasks that are due, until it is cancelled; a start that is refused is noted."""
    last = datetime.now(UTC)
    while True:
        await asyncio.sleep(_TICK_S)
        now = datetime.now(UTC)
        for task in due(list(state.tasks.values()), last, now):
            try:
                await start({"TaskArn": task.arn})
            except ApiError as error:
                print(f"{task.arn} was not started as scheduled: {error}", flush=True)
        last = now


def due(tasks: list[Task], last: datetime, now: datetime) -> list[Task]:
    """The tasks whose schedule has a time after `last` and not after `now`."""
    return [task for task in tasks if _is_due(task, last, now)]


def _is_due(task: Task, last: datetime, now: datetime) -> bool:
    schedule = task.request.get("Schedule")
    if schedule is None or schedule.get("Status", "ENABLED") != "ENABLED":
        return False
    return next_start(schedule["ScheduleExpression"], last, task.schedule_set_at or task.created_at) <= now
