"""Values that cross the ports: AWS's answers in the service's words, and what is stored beside the executions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.domain.execution import Outcome, S3Location
from service.domain.facts import Fact
from service.domain.messages import StoredObject
from service.domain.names import ExecutionArn, ExecutionId, TaskArn, TaskId, TaskMode
from service.domain.phases import ACTIVE_PHASES, Phase


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
    """The location that a task's executions write to, and the group that they log to.

    `location` is None if the destination location is not in S3.
    """

    arn: TaskArn
    location: S3Location | None
    log_group: str | None


@dataclass(frozen=True, slots=True)
class ExecutionDescription:
    """An execution as DescribeTaskExecution shows it. None: DataSync does not report the value."""

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
    """One event of a log stream. The message may be any text."""

    at_ms: int
    message: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of a log stream. It may be empty before the end; only `at_end` means that nothing follows yet."""

    events: Sequence[LogEvent]
    token: str
    at_end: bool


@dataclass(frozen=True, slots=True)
class OutcomeRange:
    """The outcomes of an execution's verified files up to a path: a default, and the files that have another one."""

    last_path: str
    default: Outcome
    exceptions: Mapping[Outcome, Sequence[str]]


class StoredRun(NamedTuple):
    """Some facts of an execution, sorted by path, as stored under a key. Keys sort like the runs' first paths."""

    key: str
    facts: Sequence[Fact]


class RunPage(NamedTuple):
    """Some runs of an execution, in key order. The next page starts after `next_key`; None: there is none."""

    runs: Sequence[StoredRun]
    next_key: str | None


class SeekPoint(NamedTuple):
    """A place in an execution's facts: runs with keys up to `key` hold no path after `path`."""

    path: str
    key: str


class Lease(NamedTuple):
    """A lease. `fencing_token` grows with each owner, `heartbeat` with each renewal. Without an owner it is free."""

    name: str
    owner: str | None
    fencing_token: int
    heartbeat: int


class ExecutionEntry(NamedTuple):
    """The index entry of an execution: what a worker must know to claim it."""

    execution_id: ExecutionId
    task_id: TaskId
    phase: Phase
    started_at_ms: int
    ended_at_ms: int | None
    lease: Lease

    @property
    def start_order(self) -> tuple[int, ExecutionId]:
        """The sort key of the order in which a task's executions started."""
        return self.started_at_ms, self.execution_id

    @property
    def is_active(self) -> bool:
        """Whether a worker has something to do."""
        return self.phase in ACTIVE_PHASES


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """The stored state of a task.

    `first_seen_at_ms` is when the service first saw it. `backlog_registered`: all executions that it had then are
    registered or ignored. `fully_published_start_ms` is the start of the newest execution before which everything of
    the task is published.
    """

    task_id: TaskId
    first_seen_at_ms: int
    backlog_registered: bool = False
    fully_published_start_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of sending some messages: each id is in exactly one of the three.

    `rejected` gives the reason why SQS will never accept the message.
    """

    sent: frozenset[str]
    failed: frozenset[str]
    rejected: Mapping[str, str]


class ObjectPage(NamedTuple):
    """A page of a bucket's listing, in key order. `is_last`: no key follows."""

    objects: Sequence[StoredObject]
    is_last: bool
