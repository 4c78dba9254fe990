"""One pass over an execution's log, from its head."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from service.domain.facts import FactKind

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class LineCounts:
    """The counts of log lines: of a page, or of one pass over the log. A line that is read twice counts twice.

    `fingerprint` does not depend on the order of lines: two passes that read the same lines have the same one.
    """

    lines: int = 0
    lines_by_kind: Mapping[FactKind, int] = field(default_factory=dict)
    fingerprint: int = 0
    saw_finish_line: bool = False

    def plus(self, more: "LineCounts") -> "LineCounts":
        """Return the sum of both."""
        return LineCounts(
            self.lines + more.lines,
            dict(Counter(self.lines_by_kind) + Counter(more.lines_by_kind)),
            (self.fingerprint + more.fingerprint) & _MASK,
            self.saw_finish_line or more.saw_finish_line,
        )


@dataclass(frozen=True, slots=True)
class StreamCheckpoint:
    """The position up to which a log stream is read: a cache, never a proof.

    `token_issued_at_ms` is the time at which CloudWatch Logs returned the token.
    """

    token: str
    token_issued_at_ms: int


@dataclass(frozen=True, slots=True)
class LogPass:
    """One pass over the execution's log, from its head.

    `previous_counts` are the counts of the last complete pass; `fact_counts_before` the distinct facts that were
    stored after it. `started_at_ms` is None for the first pass, which starts with the execution. `reached_end_at_ms`
    is the time at which this pass first reached the end of the log. `lines_at_last_count` is the number of its lines
    that were read when the distinct facts were last counted.
    """

    number: int = 1
    checkpoints: Mapping[str, StreamCheckpoint] = field(default_factory=dict)
    counts: LineCounts = LineCounts()
    previous_counts: LineCounts | None = None
    fact_counts_before: Mapping[FactKind, int] | None = None
    started_at_ms: int | None = None
    reached_end_at_ms: int | None = None
    lines_at_last_count: int | None = None

    def next_pass(self, fact_counts: Mapping[FactKind, int], *, now_ms: int) -> "LogPass":
        """Return the next pass, from the head of each stream, at a time when `fact_counts` are stored."""
        return LogPass(self.number + 1, {}, LineCounts(), self.counts, fact_counts, started_at_ms=now_ms)

    def restart_pass(self) -> "LogPass":
        """Return this pass from the head again. Its counts so far prove nothing."""
        return replace(self, checkpoints={}, counts=LineCounts(), reached_end_at_ms=None, lines_at_last_count=None)

    def has_new_lines(self, *, lines: int) -> bool:
        """Return whether the log has grown, now that this pass is at the end after reading `lines` more lines.

        At the first end of a pass all its lines count, because it may have taken many reads to get there.
        """
        if self.reached_end_at_ms is not None:
            return lines > 0
        return self.counts.lines > 0 if self.previous_counts is None else not self.passes_agree

    @property
    def passes_agree(self) -> bool:
        """Whether this pass and the previous one read the same lines."""
        return self.previous_counts is not None and self.previous_counts.fingerprint == self.counts.fingerprint
