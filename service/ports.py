"""What the worker needs of the world, in the worker's own words.

Every method may raise `Transient` and `Denied`; what else it raises, it says. Nothing but these names and the domain's
values crosses: no dict, no SDK type, no token that the worker would have to understand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.domain.execution import Execution
from service.domain.facts import Fact, FactKind
from service.domain.messages import Message, StoredObject
from service.domain.names import ExecutionArn, ExecutionId, TaskArn, TaskId
from service.domain.notifications import Notification
from service.domain.phases import Phase
from service.domain.records import (
    Delivery,
    ExecutionDescription,
    ExecutionListing,
    Lease,
    LogPage,
    ObjectPage,
    OpenExecution,
    Outcomes,
    TaskDescription,
    TaskListing,
    TaskRecord,
)


class DataSync(Protocol):
    """Tasks and their executions."""

    async def tasks(self) -> Sequence[TaskListing]:
        """All tasks that the service is to look after, in no order."""

    async def task(self, arn: TaskArn) -> TaskDescription:
        """One task. Raises Absent when there is none of that name."""

    async def executions(self, task: TaskArn) -> Sequence[ExecutionListing]:
        """All executions of the task that DataSync remembers (30 days), in no order."""

    async def execution(self, arn: ExecutionArn) -> ExecutionDescription:
        """One execution. Raises Absent when DataSync does not know it, or no longer."""


class Logs(Protocol):
    """Log streams."""

    async def streams(self, group: str, prefix: str) -> Sequence[str]:
        """Names of the streams that begin with the prefix. Raises Absent when there is no such group."""

    async def page(self, group: str, stream: str, token: str | None) -> LogPage:
        """The page after the token, or the first one. Events may come late, twice, or only in a later reading.

        Raises Rejected when the token is no longer good, and Absent when there is no such stream.
        """


class Facts(Protocol):
    """The facts of each execution, as rows that sort by their path's UTF-8 bytes."""

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        """Return once all are stored. May store them again; what is stored twice is there once."""

    async def count(self, execution: Execution, kind: FactKind) -> int:
        """How many distinct facts of the kind are stored; every `add` that returned is counted."""

    async def page(self, execution: Execution, kind: FactKind, shard: int, *, after: str, limit: int) -> Sequence[Fact]:
        """At most `limit` facts of one shard whose path is greater than `after`, in order. Empty: there are no more."""


class OutcomeLog(Protocol):
    """What became of the verified files, stretch by stretch in the order of their paths."""

    async def write(self, execution: ExecutionId, outcomes: Outcomes, *, expires_at_s: int) -> None:
        """Store a stretch; a stretch that ends at the same path is replaced."""

    async def read(self, execution: ExecutionId, *, start: str, limit: int) -> Sequence[Outcomes]:
        """At most `limit` stretches that end at `start` or after it, in order."""


class Leases(Protocol):
    """Who works on what. Leases save double work; correctness rests on conditional writes."""

    async def read(self, name: str) -> Lease:
        """The lease as it stands; a free one where there never was any."""

    async def take(self, seen: Lease, owner: str) -> Lease:
        """Become the owner. Raises Conflict unless the lease still stands as it was seen."""

    async def renew(self, lease: Lease) -> Lease:
        """Return the lease with a new beat. Raises Conflict when somebody else has it."""

    async def release(self, lease: Lease) -> None:
        """Set it free for anyone at once. No effect when somebody else has it."""


class Executions(Protocol):
    """The executions that the service knows.

    Where notifications are wanted, `save` and `move` to a phase that is not open put an announcement in the Outbox:
    both are stored or, whatever crashes, neither.
    """

    async def register(self, execution: Execution) -> bool:
        """Add it as it is. False, and no change, when it is known already."""

    async def get(self, execution: ExecutionId) -> Execution | None:
        """The execution as last saved; None when it is not known."""

    async def save(self, execution: Execution, lease: Lease) -> None:
        """Store it; in a phase that is not open, free its lease with it. Raises Conflict unless the lease holds."""

    async def move(self, execution: Execution, seen: Phase) -> None:
        """Store a transition of an execution that nobody holds. Raises Conflict unless its phase is still `seen`."""

    async def keep(self, execution: Execution) -> None:
        """Let it, and its place among its task's, expire when it now says; all else of it stays as it is stored.

        Raises Conflict when it is not known any longer.
        """

    async def of_task(self, task: TaskId, *, since_ms: int) -> Sequence[Execution]:
        """The task's executions that started then or later, in order of their start; all that were registered."""


class Outbox(Protocol):
    """Transitions that are still to be announced, each under an id of its own."""

    async def pending(self, *, after: str, limit: int) -> Sequence[str]:
        """At most `limit` ids that are greater than `after`, in order: the oldest first. Empty: there are no more."""

    async def get(self, announcement: str) -> Execution | None:
        """The execution as it was right after the transition; None when that is announced already.

        Raises Rejected when a version of the service stored it whose words this one does not know.
        """

    async def done(self, announcement: str) -> None:
        """Forget it. No effect when that is done already."""


class Overview(Protocol):
    """Many executions at a glance. May lag behind a write by a second or so."""

    async def open(self) -> Sequence[OpenExecution]:
        """The executions in an open phase, in order of their start."""

    async def expiring(self, phase: Phase, *, before_s: int) -> Sequence[ExecutionId]:
        """The executions in one phase that expire before then, in order of their start."""

    async def counts(self) -> Mapping[Phase, int]:
        """How many executions there are in each phase."""

    async def latest(self, limit: int) -> Sequence[Execution]:
        """The executions that started last, newest first."""


class Tasks(Protocol):
    """What is remembered of tasks."""

    async def remember(self, task: TaskId, *, seen_at_ms: int) -> TaskRecord:
        """The task's record, made now if there was none."""

    async def known(self, task: TaskId) -> frozenset[ExecutionId]:
        """Ids of its executions that are registered or left alone."""

    async def leave_alone(self, task: TaskId, execution: ExecutionId, *, started_at_ms: int) -> None:
        """Note an execution that is not to be looked at again, for as long as DataSync may list it."""

    async def complete(self, task: TaskId) -> None:
        """Note that all executions that a remembered task had at first sight are registered or left alone."""

    async def reconcile(self, task: TaskId, *, start_ms: int) -> None:
        """Note the start of an execution behind which nothing waits; an earlier one changes nothing."""


class Queue(Protocol):
    """Where messages go."""

    batch_size: int
    """The most messages of one `send`."""

    async def send(self, messages: Sequence[Message]) -> Delivery:
        """Hand over a batch; what is `sent` is the queue's. May deliver a message twice, never claims one it has not.

        Raises Transient when it is not known what became of any, Absent when there is no such queue.
        """


class Topic(Protocol):
    """Where notifications go."""

    async def publish(self, notification: Notification) -> None:
        """Return once the topic has it. It may have it twice, and may have it after a failure.

        Raises Rejected when it will never take this one, and Absent when there is no such topic.
        """


class WakeUps(Protocol):
    """Word from outside that a look may be worth its while now. It is no evidence, and may never come."""

    async def wait(self) -> bool:
        """Wait for word, for 20 s at most; whether any came. What came is gone, or it comes again.

        Raises Absent when there is no such queue.
        """


class Objects(Protocol):
    """S3 objects. Both methods raise Absent when there is no such bucket."""

    async def page(self, bucket: str, *, prefix: str, after: str) -> ObjectPage:
        """Up to a thousand objects under the prefix whose keys are greater than `after`."""

    async def head(self, bucket: str, key: str) -> StoredObject | None:
        """One object, or None."""


class Readiness(Protocol):
    """A thing that must answer before the service can work."""

    async def check(self) -> str:
        """Return a few words about it. Raises Absent, Denied or Transient."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The whole world of a worker. Without a topic there are no notifications, without wake-ups no early looks."""

    datasync: DataSync
    logs: Logs
    facts: Facts
    outcomes: OutcomeLog
    executions: Executions
    outbox: Outbox
    overview: Overview
    leases: Leases
    tasks: Tasks
    queue: Queue
    objects: Objects
    topic: Topic | None = None
    wake_ups: WakeUps | None = None
