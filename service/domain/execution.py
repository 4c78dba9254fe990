"""The stored state of an execution: everything that a worker needs to continue where another one stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from service.domain.facts import FactKind
from service.domain.log_pass import LogPass
from service.domain.names import ExecutionId, ExecutionIds, TaskId, TaskMode, VerifyMode, is_terminal
from service.domain.phases import ACTIVE_PHASES, Phase, PhaseEvent, Reason, next_phase


class Outcome(StrEnum):
    """The decision about a file that its execution verified."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class S3Location:
    """The S3 location that an execution writes to. `prefix` has no leading slash and is empty or ends with one."""

    bucket: str
    prefix: str

    def key(self, path: str) -> str:
        """Return the S3 key of a path, not percent-encoded."""
        return self.prefix + path


@dataclass(frozen=True, slots=True)
class PlanMember:
    """An execution whose facts take part in publishing another one.

    If `publishes`, its verified files are published; otherwise its facts only help to decide.
    """

    execution_id: ExecutionId
    started_at_ms: int
    publishes: bool


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """The executions that are published together, in start order, the planned one among them.

    An object that S3 wrote at `new_since_ms` or later is new. None: nothing is known, so every object is.
    """

    members: tuple[PlanMember, ...]
    new_since_ms: int | None


@dataclass(frozen=True, slots=True)
class SendProgress:
    """The progress of sending.

    `cursor` is the last path whose outcome is stored. `acknowledged_ahead` are the ids of messages for later paths
    that the queue has acknowledged.
    """

    cursor: str = ""
    acknowledged_ahead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayState:
    """The replays of an execution: how many were requested, whether the last one is active, and its progress."""

    count: int = 0
    active: bool = False
    progress: SendProgress = SendProgress()

    def start_next(self) -> "ReplayState":
        """Return the state with another replay started."""
        return ReplayState(self.count + 1, active=True)


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as the service sees it. Times are milliseconds since the epoch, UTC.

    `status` and `files_verified` are DataSync's own. `fact_counts` are the distinct facts as last counted.
    `end_seen_at_ms` is the time at which a worker first saw a terminal status, `log_last_grew_at_ms` the time at
    which the log last grew. `outcome_counts` are of this execution's files; `carried_outcome_counts` are of the
    carried executions that its plan publishes.

    `reason_detail` is a sentence for a person. `blocked_since_ms` is the time of the first of the errors that keep the
    execution from going on, `blocked_reason` the reason with which it will be held. A HELD execution that has
    `retry_at_ms` is retried from then on, in the phase `held_from`, with the reason that it had before.
    """

    ids: ExecutionIds
    task_mode: TaskMode
    verify_mode: str | None
    log_level: str | None
    log_group: str | None
    location: S3Location | None
    status: str
    started_at_ms: int
    expires_at_s: int
    ended_at_ms: int | None = None
    files_verified: int | None = None
    phase: Phase = Phase.FOLLOWING
    reason: Reason | None = None
    reason_detail: str | None = None
    blocked_since_ms: int | None = None
    blocked_reason: Reason | None = None
    held_from: Phase | None = None
    reason_before_hold: Reason | None = None
    retry_at_ms: int | None = None
    reconciled: bool | None = None
    end_seen_at_ms: int | None = None
    log_last_grew_at_ms: int | None = None
    log_pass: LogPass = field(default_factory=LogPass)
    fact_counts: Mapping[FactKind, int] = field(default_factory=dict)
    plan: PublishPlan | None = None
    progress: SendProgress = SendProgress()
    outcome_counts: Mapping[Outcome, int] = field(default_factory=dict)
    carried_outcome_counts: Mapping[ExecutionId, Mapping[Outcome, int]] = field(default_factory=dict)
    published_at_ms: int | None = None
    replay: ReplayState = ReplayState()

    @property
    def id(self) -> ExecutionId:
        """The id in its ARN."""
        return self.ids.execution_id

    @property
    def task_id(self) -> TaskId:
        """The id of its task."""
        return self.ids.task_id

    @property
    def start_order(self) -> tuple[int, ExecutionId]:
        """The sort key of the order in which a task's executions started."""
        return self.started_at_ms, self.ids.execution_id

    @property
    def is_active(self) -> bool:
        """Whether a worker has something to do."""
        return self.phase in ACTIVE_PHASES

    @property
    def has_ended(self) -> bool:
        """Whether DataSync has reported a terminal status."""
        return is_terminal(self.status)

    @property
    def sending(self) -> SendProgress:
        """The progress of the active replay, or else of the first sending."""
        return self.replay.progress if self.replay.active else self.progress

    def with_sending(self, progress: SendProgress) -> "Execution":
        """Return the execution with this progress of the active replay, or else of the first sending."""
        if self.replay.active:
            return replace(self, replay=replace(self.replay, progress=progress))
        return replace(self, progress=progress)

    def apply(self, event: PhaseEvent, reason: Reason | None = None, detail: str | None = None) -> "Execution":
        """Return the execution after the event. Raise ForbiddenTransitionError if the table has no such transition.

        A refusal that blocked it stays known as long as it is active.
        """
        phase = next_phase(self.phase, event)
        blocked_since_ms = self.blocked_since_ms if phase in ACTIVE_PHASES else None
        return replace(
            self,
            phase=phase,
            reason=reason,
            reason_detail=detail or (self.reason_detail if blocked_since_ms is not None else None),
            blocked_since_ms=blocked_since_ms,
            blocked_reason=self.blocked_reason if blocked_since_ms is not None else None,
            held_from=self.phase if event is PhaseEvent.HOLD else None,
            reason_before_hold=self.reason if event is PhaseEvent.HOLD else None,
            retry_at_ms=None,
        )

    def file_counts(self) -> dict[str, int]:
        """Count the files by state. Before the log is sealed, the counts are of lines."""
        seen = self.fact_counts or self.log_pass.counts.lines_by_kind
        if not self.fact_counts and self.log_pass.previous_counts is not None:
            seen = max(seen, self.log_pass.previous_counts.lines_by_kind, key=lambda kinds: sum(kinds.values()))
        verified = seen.get(FactKind.VERIFIED, 0)
        transferred = seen.get(FactKind.TRANSFERRED, 0)
        if self.verify_mode == VerifyMode.ONLY_FILES_TRANSFERRED:
            # Basic mode may log no transfers, but in this mode every verified file was transferred.
            transferred = max(transferred, verified)
        return {
            "transferred": transferred,
            "verified": verified,
            "failed": seen.get(FactKind.FAILED, 0),
            **{outcome.value: self.outcome_counts.get(outcome, 0) for outcome in Outcome},
        }
