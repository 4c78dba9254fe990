"""What a tick did, as values. Metrics and log lines are made from these, and from nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from service.domain.errors import Trouble
from service.domain.execution import Outcome
from service.domain.facts import FactKind, Unknown
from service.domain.names import ExecutionName, TaskArn, TaskMode
from service.domain.phases import Phase, Reason


@dataclass(frozen=True, slots=True)
class Swept:
    """A look over all tasks, by the one worker that does it at the time."""

    tasks: int
    listed: int
    registered: Sequence[ExecutionName]
    left_alone: int


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A look over the table: how many executions there are, and which of the open ones this worker has taken.

    `oldest_unpublished_age_s` is the time since the end of the longest waiting execution; 0 when none waits.
    """

    phases: Mapping[Phase, int]
    oldest_unpublished_age_s: float
    taken: Sequence[str]
    leases_held: int


@dataclass(frozen=True, slots=True)
class Looked:
    """A look at an execution's status and log.

    `unknown` counts the lines that were not understood by why, `samples` are the beginnings of some of them.
    """

    name: ExecutionName
    mode: TaskMode
    status: str
    pages: int
    lines: Mapping[str, int]
    facts: Mapping[FactKind, int]
    unknown: Mapping[Unknown, int]
    samples: Sequence[tuple[Unknown, str]]
    at_end: bool
    pass_number: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A transition of an execution. `files` counts its files, `delay_s` is from DataSync's end to the last message."""

    name: ExecutionName
    before: Phase
    phase: Phase
    reason: Reason | None
    status: str
    reconciled: bool | None
    files: Mapping[str, int]
    delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A stretch of files that was decided on and sent. `failed` counts files that failed verification."""

    name: ExecutionName
    messages: int
    outcomes: Mapping[Outcome, int]
    failed: int
    cursor: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An execution that still waits had half of its retention behind it, and has the whole of it before it again."""

    name: ExecutionName
    phase: Phase
    started_at_ms: int
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class Notified:
    """A transition whose notification the topic has taken."""

    name: ExecutionName
    phase: Phase
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class UnknownStatus:
    """DataSync used a status that its API model does not list; it is taken to mean: not yet."""

    name: ExecutionName
    status: str


LOOPS = ("sweep", "survey", "renew", "notify", "wake", "execution")
"""The loops of a worker: at most one of each, but for `execution`: one for each claimed execution."""


@dataclass(frozen=True, slots=True)
class Setback:
    """A tick that did not work out. The loop waits `pause_s` and tries again.

    `loop` is one of LOOPS, `kind` is a kind of Trouble in lower case, or `bug`. `error` is kept for its traceback.
    """

    loop: str
    kind: str
    detail: str
    pause_s: float
    error: BaseException
    execution_id: str | None = None
    task: TaskArn | None = None
    setbacks: int = 1


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """Somebody else works on this now, or may: this worker has stopped acting on it."""

    lease: str


Report = Swept | Surveyed | Looked | Moved | Sent | Kept | Notified | UnknownStatus | Setback | LeaseLost


class Tick(NamedTuple):
    """The result of one tick: what it did, when the next one is worth its while, whether there will be any.

    `trouble` is what stopped a tick half-way, after it had done something; the loop treats it as if it were raised.
    `unsaved`: what it had done is not stored yet, so that whoever takes over would do it again.
    """

    reports: Sequence[Report] = ()
    pause_s: float = 0.0
    done: bool = False
    trouble: Trouble | None = None
    unsaved: bool = False


@dataclass(slots=True)
class Health:
    """When each loop last made a round, on the loop's own clock, and how long a round may take. Read by `/healthz`.

    `succeeded` are the loops that have made a round without a setback: what `/readyz` waits for.
    """

    rounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    succeeded: set[str] = field(default_factory=set)

    def late(self, now_s: float) -> list[str]:
        """Names of the loops that should have made a round by now."""
        return [name for name, (at_s, patience_s) in self.rounds.items() if now_s - at_s > patience_s]
