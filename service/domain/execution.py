"""What is stored of an execution: everything that a worker needs to go on where another one stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from service.domain.facts import Fact, FactKind, Known, Parsed, fingerprint
from service.domain.names import ExecutionId, ExecutionName, TaskMode, is_terminal
from service.domain.phases import Event, Phase, Reason, after

_MASK = (1 << 64) - 1


class Outcome(StrEnum):
    """What became of a file that its execution verified."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Target:
    """Where an execution writes to in S3. `prefix` has no leading slash and is empty or ends with one."""

    bucket: str
    prefix: str

    def key(self, path: str) -> str:
        """The S3 key of a path: joined by exactly one slash, not percent-encoded."""
        return self.prefix + path


@dataclass(frozen=True, slots=True)
class Tally:
    """What one pass over the log, from its head, has brought so far. Lines that come twice count twice.

    `print` is the order-free fingerprint: two passes that read the same lines have the same one.
    """

    lines: int = 0
    kinds: Mapping[FactKind, int] = field(default_factory=dict)
    print: int = 0
    finish_seen: bool = False

    def with_lines(self, parsed: list[Parsed]) -> "Tally":
        """Return the tally after these lines too."""
        kinds, print_, finish_seen = dict(self.kinds), self.print, self.finish_seen
        for line in parsed:
            if isinstance(line, Fact):
                kinds[line.kind] = kinds.get(line.kind, 0) + 1
                print_ += fingerprint(line)
            elif line is Known.FINISHED:
                finish_seen = True
        return Tally(self.lines + len(parsed), kinds, print_ & _MASK, finish_seen)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log stream is read: a cache, never a proof. `token_at_ms` is when CloudWatch gave the token."""

    token: str
    token_at_ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A pass over the execution's log, and what was known when it began.

    `previous` is what the last complete pass read, `rows_before` how many distinct facts the store held after it.
    `began_at_ms` is when this pass began (None: the first one, with the execution), `ended_at_ms` when it first reached
    the end, `counted_lines` how many of its lines had been read when the
    distinct facts were last counted.
    """

    pass_number: int = 1
    positions: Mapping[str, Position] = field(default_factory=dict)
    tally: Tally = Tally()
    previous: Tally | None = None
    rows_before: Mapping[FactKind, int] | None = None
    began_at_ms: int | None = None
    ended_at_ms: int | None = None
    counted_lines: int | None = None

    def restarted(self, rows: Mapping[FactKind, int], *, now_ms: int) -> "Reading":
        """Return the reading that begins again at the head of each stream, when `rows` are stored."""
        return Reading(self.pass_number + 1, {}, Tally(), self.tally, rows, began_at_ms=now_ms)

    def abandoned(self) -> "Reading":
        """Return the reading that begins this same pass again: what it has read so far proves nothing."""
        return replace(self, positions={}, tally=Tally(), ended_at_ms=None, counted_lines=None)

    def grown(self, *, lines: int) -> bool:
        """Whether the log has more to say than before, now that this pass is at its end after `lines` new ones.

        A pass that comes to the end for the first time may have read its lines in many looks.
        """
        if self.ended_at_ms is not None:
            return lines > 0
        return self.tally.lines > 0 if self.previous is None else not self.passes_agree

    @property
    def passes_agree(self) -> bool:
        """Whether this pass and the one before it read the same lines."""
        return self.previous is not None and self.previous.print == self.tally.print


@dataclass(frozen=True, slots=True)
class Source:
    """An execution whose facts take part in publishing another one.

    `publishes`: its verified files go out; otherwise it only has a say about files.
    """

    execution_id: ExecutionId
    started_at_ms: int
    publishes: bool


@dataclass(frozen=True, slots=True)
class Publishing:
    """Which executions go out together, and how far that has come.

    `sources` are in the order in which the executions started, this one among them. A file is fresh when S3 wrote it
    at `fresh_since_ms` or later. `cursor` is the last path whose outcome is stored; `ahead` are the ids of messages
    beyond it that the queue has nevertheless acknowledged. `outcomes` counts files per execution id.
    """

    sources: tuple[Source, ...]
    fresh_since_ms: int | None
    cursor: str = ""
    ahead: tuple[str, ...] = ()
    outcomes: Mapping[ExecutionId, Mapping[Outcome, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replay:
    """A wanted repetition of an execution's messages: which one it is, and how far it has come, as in Publishing."""

    number: int = 0
    under_way: bool = False
    cursor: str = ""
    ahead: tuple[str, ...] = ()

    def next(self) -> "Replay":
        """The replay after this one."""
        return Replay(self.number + 1, under_way=True)


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as the service sees it. Times are milliseconds since the epoch, UTC.

    `status` and `files_verified` are DataSync's own. `rows` counts the distinct facts as they last were counted.
    `terminal_seen_at_ms` is when a worker first saw a terminal status, `quiet_since_ms` when the log last grew.
    """

    name: ExecutionName
    task_mode: TaskMode
    verify_mode: str | None
    log_level: str | None
    log_group: str | None
    target: Target | None
    shards: int
    status: str
    started_at_ms: int
    expires_at_s: int
    ended_at_ms: int | None = None
    files_verified: int | None = None
    phase: Phase = Phase.FOLLOWING
    reason: Reason | None = None
    reconciled: bool | None = None
    terminal_seen_at_ms: int | None = None
    quiet_since_ms: int | None = None
    reading: Reading = Reading()
    rows: Mapping[FactKind, int] = field(default_factory=dict)
    publishing: Publishing | None = None
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    published_at_ms: int | None = None
    replay: Replay = Replay()

    def on(self, event: Event, reason: Reason | None = None) -> "Execution":
        """Return the execution after the event. Raises ForbiddenTransitionError where the table forbids it."""
        return replace(self, phase=after(self.phase, event), reason=reason)

    @property
    def ended(self) -> bool:
        """Whether DataSync has reported a terminal status."""
        return is_terminal(self.status)

    def files(self) -> dict[str, int]:
        """Count the files by what is known of them: exact once the log is sealed, lines before."""
        seen = self.rows or self.reading.tally.kinds
        if not self.rows and self.reading.previous is not None:
            seen = max(seen, self.reading.previous.kinds, key=lambda kinds: sum(kinds.values()))
        verified = seen.get(FactKind.VERIFIED, 0)
        transferred = seen.get(FactKind.TRANSFERRED, 0)
        if self.verify_mode == "ONLY_FILES_TRANSFERRED":
            # Basic mode may log no transfers at all; what this mode verifies, it has transferred.
            transferred = max(transferred, verified)
        return {
            "transferred": transferred,
            "verified": verified,
            "failed": seen.get(FactKind.FAILED, 0),
            **{outcome.value: self.outcomes.get(outcome, 0) for outcome in Outcome},
        }
