"""The order in which a task's executions started. They are published in this order."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from service.domain.names import ExecutionId, TaskId


class Started(Protocol):
    """An execution, as a record or as an index entry."""

    @property
    def task_id(self) -> TaskId:
        """The id of its task."""

    @property
    def start_order(self) -> tuple[int, ExecutionId]:
        """The start time, and the id for executions that started at the same time."""

    @property
    def is_active(self) -> bool:
        """Whether a worker has something to do."""


StartedT = TypeVar("StartedT", bound=Started)


def start_order(execution: Started) -> tuple[int, ExecutionId]:
    """Return the sort key of the start order."""
    return execution.start_order


def older_than(execution: Started, others: Iterable[StartedT]) -> list[StartedT]:
    """Return the executions of the same task that started before this one."""
    return [o for o in others if o.task_id == execution.task_id and o.start_order < execution.start_order]


def has_older_active(execution: Started, others: Iterable[Started]) -> bool:
    """Return whether an execution that started before this one still has to be published, carried or held."""
    return any(older.is_active for older in older_than(execution, others))
