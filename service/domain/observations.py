"""Observations: what a worker has done or found, as values. Metrics and log lines derive from these alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from service.domain.errors import AwsCallError
from service.domain.execution import Execution, Outcome
from service.domain.facts import FactKind, UnparsedReason
from service.domain.log_pass import LineCounts
from service.domain.names import ExecutionIds, TaskArn, TaskMode
from service.domain.phases import Phase, Reason

LOOPS = ("discover", "claim", "renew", "extend", "notify", "wake", "execution")
"""The loops of a worker: at most one of each, and one `execution` loop for each claimed execution."""


@dataclass(frozen=True, slots=True)
class DiscoveryPass:
    """A discovery pass over all tasks, by the one worker that does this at a time."""

    tasks: int
    tasks_listed: int
    registered: Sequence[ExecutionIds]
    ignored: int


@dataclass(frozen=True, slots=True)
class ClaimPass:
    """A read of the table's indexes: the number of executions by phase, and the ids that this worker has claimed.

    `oldest_unpublished_age_s` is the time since the end of the execution that has waited longest; 0 if none waits.
    """

    phases: Mapping[Phase, int]
    oldest_unpublished_age_s: float
    claimed: Sequence[str]
    leases_held: int


@dataclass(frozen=True, slots=True)
class LogRead:
    """A read of some pages of an execution's log.

    `unparsed` counts the lines that could not be parsed; `samples` are the beginnings of some of them.
    """

    ids: ExecutionIds
    task_mode: TaskMode
    status: str
    pages: int
    counts: LineCounts
    unparsed: Mapping[UnparsedReason, int]
    samples: Sequence[tuple[UnparsedReason, str]]
    at_end: bool
    pass_number: int

    @property
    def lines(self) -> Mapping[str, int]:
        """The lines by `kind`: facts, lines that are known and state no fact, and unknown ones."""
        facts, unknown = sum(self.counts.lines_by_kind.values()), sum(self.unparsed.values())
        return {"fact": facts, "known": self.counts.lines - facts - unknown, "unknown": unknown}

    @property
    def facts(self) -> Mapping[FactKind, int]:
        """The lines that state a fact, by kind."""
        return self.counts.lines_by_kind


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """A transition of an execution.

    `publish_delay_s` is the time from DataSync's end to the last message, if this transition followed it.
    """

    ids: ExecutionIds
    previous_phase: Phase
    phase: Phase
    reason: Reason | None
    reason_detail: str | None
    status: str
    reconciled: bool | None
    files: Mapping[str, int]
    publish_delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class ChunkSent:
    """A chunk of files that was decided and, as far as they are published, sent. `failed_files` failed verification."""

    ids: ExecutionIds
    messages: int
    outcomes: Mapping[Outcome, int]
    failed_files: int
    cursor: str


@dataclass(frozen=True, slots=True)
class RetentionExtended:
    """The retention of an execution that is not finished was extended, because half of it had passed."""

    ids: ExecutionIds
    phase: Phase
    started_at_ms: int
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class NotificationSent:
    """A notification of a transition that the topic has accepted."""

    ids: ExecutionIds
    phase: Phase
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class UnknownStatusSeen:
    """A status that DataSync's API model does not list. It counts as not terminal."""

    ids: ExecutionIds
    status: str


@dataclass(frozen=True, slots=True)
class TickFailed:
    """A tick that failed. The loop retries it in `retry_in_s`; None: it does not.

    `loop` is one of LOOPS, `kind` the kind of an AwsCallError or `internal`. `error` is kept for its traceback.
    """

    loop: str
    kind: str
    detail: str
    retry_in_s: float | None
    error: BaseException
    execution_id: str | None = None
    task: TaskArn | None = None
    failures_in_a_row: int = 1


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """A lease that another worker has, or may have. This worker has stopped acting on it."""

    lease: str


Observation = (
    DiscoveryPass
    | ClaimPass
    | LogRead
    | PhaseChanged
    | ChunkSent
    | RetentionExtended
    | NotificationSent
    | UnknownStatusSeen
    | TickFailed
    | LeaseLost
)

Observe = Callable[[Observation], None]
"""A function that takes an observation at the moment at which it is made."""


def tick_failed(
    loop: str,
    error: Exception,
    *,
    retry_in_s: float | None = None,
    execution_id: str | None = None,
    task: TaskArn | None = None,
    failures_in_a_row: int = 1,
) -> TickFailed:
    """Return the observation of an error. One that is no AwsCallError is a bug of this service."""
    kind = error.kind if isinstance(error, AwsCallError) else "internal"
    return TickFailed(loop, kind, str(error), retry_in_s, error, execution_id, task, failures_in_a_row)


def phase_changed(before: Execution, after: Execution) -> PhaseChanged:
    """Return the observation of a transition."""
    delay_ms = (after.published_at_ms or 0) - (after.ended_at_ms or after.end_seen_at_ms or 0)
    return PhaseChanged(
        ids=after.ids,
        previous_phase=before.phase,
        phase=after.phase,
        reason=after.reason,
        reason_detail=after.reason_detail,
        status=after.status,
        reconciled=after.reconciled,
        files=after.file_counts(),
        publish_delay_s=delay_ms / 1000 if after.published_at_ms != before.published_at_ms else None,
    )
