"""Values that the ports carry: what AWS answers, in the service's words, and what is stored beside the executions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.domain.execution import Outcome, Target
from service.domain.messages import StoredObject
from service.domain.names import ExecutionArn, ExecutionId, TaskArn, TaskId, TaskMode


class TaskListing(NamedTuple):
    """A task and its status, as ListTasks shows them."""

    arn: TaskArn
    status: str


class ExecutionListing(NamedTuple):
    """An execution and its status, as ListTaskExecutions shows them."""

    arn: ExecutionArn
    status: str


@dataclass(frozen=True, slots=True)
class TaskDescription:
    """What a task says of its executions: where they write to and log to. `target` is None for another end than S3."""

    arn: TaskArn
    target: Target | None
    log_group: str | None


@dataclass(frozen=True, slots=True)
class ExecutionDescription:
    """An execution as DescribeTaskExecution shows it. None: DataSync does not say."""

    arn: ExecutionArn
    status: str
    task_mode: TaskMode
    verify_mode: str | None
    log_level: str | None
    started_at_ms: int | None
    ended_at_ms: int | None
    files_verified: int | None
    estimated_files: int | None


class LogEvent(NamedTuple):
    """One event of a log stream. The message is whatever was written: any text."""

    at_ms: int
    message: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of a log stream. It may be empty before the end; `at_end` alone says that nothing follows for now."""

    events: Sequence[LogEvent]
    token: str
    at_end: bool


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of an execution's verified files up to a path: one outcome for all but those that are named."""

    upto: str
    most: Outcome
    others: Mapping[Outcome, Sequence[str]]

    def of(self, path: str) -> Outcome:
        """The outcome of a verified file within this stretch."""
        return next((outcome for outcome, paths in self.others.items() if path in paths), self.most)


class Lease(NamedTuple):
    """A claim to a thing. `fence` grows with each new owner, `beat` with each renewal; no owner: it is free."""

    name: str
    owner: str | None
    fence: int
    beat: int


class OpenExecution(NamedTuple):
    """An execution in which there is something to do, and who does it."""

    execution_id: ExecutionId
    task_id: TaskId
    started_at_ms: int
    waiting_since_ms: int | None
    lease: Lease


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What is remembered of a task.

    `seen_at_ms` is when the service first saw it. `is_complete`: all executions that it had then are known by now.
    `reconciled_start_ms` is the start of an execution of it behind which nothing waits to be published.
    """

    task_id: TaskId
    seen_at_ms: int
    is_complete: bool = False
    reconciled_start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of messages that were handed over: each id is in exactly one of the three.

    `rejected` names why SQS will never take the message.
    """

    sent: frozenset[str]
    failed: frozenset[str]
    rejected: Mapping[str, str]


class ObjectPage(NamedTuple):
    """Objects of a listing in order of their keys; `complete` when no key follows."""

    objects: Sequence[StoredObject]
    complete: bool
