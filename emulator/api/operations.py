"""Table of DataSync's operations."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from emulator.api.account import Account
from emulator.api.executions import Executions
from emulator.api.location_kinds import KINDS
from emulator.api.locations import Locations
from emulator.api.tags import Tags
from emulator.api.tasks import Tasks

Operation = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def operations(account: Account) -> dict[str, Operation]:
    """Return every emulated operation by its name in the service model."""
    tasks, executions, tags = Tasks(account), Executions(account), Tags(account)
    return _of_locations(Locations(account)) | {
        "CreateTask": tasks.create,
        "UpdateTask": tasks.update,
        "DescribeTask": tasks.describe,
        "ListTasks": tasks.list_all,
        "DeleteTask": tasks.delete,
        "StartTaskExecution": executions.start,
        "DescribeTaskExecution": executions.describe,
        "ListTaskExecutions": executions.list_all,
        "UpdateTaskExecution": executions.update,
        "CancelTaskExecution": executions.cancel,
        "TagResource": tags.tag,
        "UntagResource": tags.untag,
        "ListTagsForResource": tags.list_all,
    }


def _of_locations(locations: Locations) -> dict[str, Operation]:
    table: dict[str, Operation] = {"ListLocations": locations.list_all, "DeleteLocation": locations.delete}
    for kind in KINDS:
        table[f"CreateLocation{kind}"] = functools.partial(locations.create, kind)
        table[f"UpdateLocation{kind}"] = functools.partial(locations.update, kind)
        table[f"DescribeLocation{kind}"] = functools.partial(locations.describe, kind)
    return table
