"""Starts tasks at the times of their schedules."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from emulator.errors import ApiError
from emulator.moments import now
from emulator.schedule import next_start
from emulator.state import State, Task

_TICK_S = 1.0
Start = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


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


def due(tasks: list[Task], last: datetime, present: datetime) -> list[Task]:
    """The tasks whose schedule has a time after `last` and not after `present`."""
    return [task for task in tasks if _is_due(task, last, present)]


def _is_due(task: Task, last: datetime, present: datetime) -> bool:
    schedule = task.request.get("Schedule")
    if schedule is None or schedule.get("Status", "ENABLED") != "ENABLED":
        return False
    return next_start(schedule["ScheduleExpression"], last, task.schedule_set_at or task.created_at) <= present
