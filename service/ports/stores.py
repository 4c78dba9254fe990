"""The ports on the table."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.domain.execution import Execution
from service.domain.facts import Fact
from service.domain.names import ExecutionId, TaskId
from service.domain.phases import Phase
from service.domain.port_types import ExecutionEntry, Lease, OutcomeRange, RunPage, SeekPoint, TaskRecord


class FactStore(Protocol):
    """The facts of each execution, in immutable runs. Raises RequestRejectedError for a run that cannot be read."""

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        """Return once all are stored. May store a fact again, which changes nothing."""

    async def read_page(self, execution: Execution, *, after_key: str) -> RunPage:
        """Read the next runs after a key, "" for the first ones. At least one run, unless it is the last page.

        Every `add` that has returned is seen. A fact may be in several runs.
        """

    async def extend_expiry(self, execution: Execution, *, after_key: str) -> str | None:
        """Give the next runs after a key the execution's expiry. Return the last key; None after the last run."""

    async def write_seek_points(self, execution: Execution, seek_points: Sequence[SeekPoint]) -> None:
        """Replace the seek points, which let a reader start in the middle."""

    async def read_seek_points(self, execution: Execution) -> Sequence[SeekPoint]:
        """Return the seek points in path order; none if they were never written."""


class OutcomeStore(Protocol):
    """The outcomes of verified files, as ranges in path order."""

    async def write(self, execution: ExecutionId, outcomes: OutcomeRange, *, expires_at_s: int) -> None:
        """Store a range. A range that ends at the same path is replaced."""

    async def read(self, execution: ExecutionId, *, start: str, limit: int) -> Sequence[OutcomeRange]:
        """Read at most `limit` ranges that end at `start` or later, in order."""


class LeaseStore(Protocol):
    """The leases. They avoid double work; correctness rests on conditional writes."""

    async def read(self, name: str) -> Lease:
        """Read the lease. A lease that was never acquired is free."""

    async def acquire(self, expected: Lease, owner: str) -> Lease:
        """Become the owner. Raise ConflictError unless the lease still is as expected."""

    async def renew(self, lease: Lease) -> Lease:
        """Return the lease with its next heartbeat. Raise ConflictError if another worker owns it."""

    async def release(self, lease: Lease) -> None:
        """Free the lease at once. No effect if another worker owns it."""


class ExecutionStore(Protocol):
    """The executions that the service knows.

    If notifications are wanted, a transition to a phase that is not active also writes an entry to the Outbox: both
    are stored or, even in a crash, neither.
    """

    async def register(self, execution: Execution) -> bool:
        """Add the execution. Return False, and change nothing, if it is known already."""

    async def get(self, execution: ExecutionId) -> Execution | None:
        """Return the execution as last saved; None if it is not known."""

    async def save_owned(self, execution: Execution, lease: Lease, *, is_transition: bool) -> None:
        """Store the execution and, in a phase that is not active, free its lease.

        Raise ConflictError unless the lease is still owned.
        """

    async def transition_unowned(self, execution: Execution, *, expected_phase: Phase) -> None:
        """Store a transition of an execution that no worker owns. Raise ConflictError if its phase is another one."""

    async def extend_expiry(self, execution: Execution) -> None:
        """Store the execution's expiry, and nothing else of it. Raise ConflictError if it is not known any more."""

    async def list_of_task(self, task: TaskId, *, started_since_ms: int) -> Sequence[Execution]:
        """Return all executions of the task that are registered and started then or later, in start order."""


class Outbox(Protocol):
    """The transitions that are still to be notified, each under a separate id."""

    async def pending(self, *, after: str, limit: int) -> Sequence[str]:
        """Return at most `limit` ids that are greater than `after`, oldest first. Empty: no more."""

    async def get(self, outbox_id: str) -> Execution | None:
        """Return the execution as it was right after the transition; None if it was notified already.

        Raise RequestRejectedError if another version of the service stored it in a form that this one cannot read.
        """

    async def delete(self, outbox_id: str) -> None:
        """Delete the entry. No effect if it is deleted already."""


class Overview(Protocol):
    """Lists of executions. They may be some seconds older than the last write."""

    async def active_executions(self) -> Sequence[ExecutionEntry]:
        """Return the executions in an active phase, in start order."""

    async def held_to_retry(self, *, now_ms: int) -> Sequence[ExecutionEntry]:
        """Return the HELD executions whose retry is due, in start order."""

    async def expiring_before(self, phase: Phase, *, before_s: int) -> Sequence[ExecutionId]:
        """Return the executions in one phase that expire before then, in start order."""

    async def counts(self) -> Mapping[Phase, int]:
        """Count the executions in each phase."""

    async def latest(self, limit: int) -> Sequence[Execution]:
        """Return the executions that started last, newest first."""


class TaskStore(Protocol):
    """The stored state of tasks."""

    async def get_or_create(self, task: TaskId, *, first_seen_at_ms: int) -> TaskRecord:
        """Return the task's record, which is created if there is none."""

    async def known_execution_ids(self, task: TaskId) -> frozenset[ExecutionId]:
        """Return the ids of its executions that are registered or ignored."""

    async def ignore(self, task: TaskId, execution: ExecutionId, *, started_at_ms: int) -> None:
        """Record that an execution is not processed, for as long as DataSync may list it."""

    async def mark_backlog_registered(self, task: TaskId) -> None:
        """Record that all executions that the task had when it was first seen are registered or ignored."""

    async def advance_fully_published(self, task: TaskId, *, start_ms: int) -> None:
        """Record that everything of the task is published up to this start time. Never moves backwards."""
