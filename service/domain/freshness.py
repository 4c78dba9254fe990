"""Which execution decides for a file, and whether the file is new.

`POINT_IN_TIME_CONSISTENT`, Basic mode's default, verifies the whole dataset each time, so 'verified' does not mean
'new'. And a file that was verified in an execution that ended in ERROR is not transferred again by the next one. Both
are settled here, file by file, over all executions of the task since its last reconciled SUCCESS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from service.domain.execution import Outcome, Source
from service.domain.facts import Fact, FactKind


class Saying(NamedTuple):
    """What one execution says about one file. `source` is its place among the sources, in order of their start.

    `before` is what became of the file when that execution was published, or was begun to be; None: nothing yet.
    """

    source: int
    verified: Fact | None = None
    transferred: bool = False
    failed: bool = False
    deleted: bool = False
    before: Outcome | None = None

    @property
    def has_gone_out(self) -> bool:
        """Whether the file as this execution verified it is on the queue, with this execution or an earlier one."""
        went = self.before in (Outcome.PUBLISHED, Outcome.UNCHANGED)
        return went and self.verified is not None and not self.failed


class Ruling(StrEnum):
    """What the newest word about a file means."""

    CANDIDATE = "candidate"
    FAILED = "failed"
    NOT_OURS = "not_ours"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of one file, as far as the logs can tell.

    `owner` is the source that decides for the file. `superseded` are the publishing sources that verified it and were
    overtaken. `fresh` is True or False where the logs prove it; None where S3's LastModified must say, against
    `fresh_since_ms` (None: nothing is known, and in doubt a file is fresh).
    """

    ruling: Ruling
    owner: int
    superseded: tuple[int, ...]
    fresh: bool | None = None
    fresh_since_ms: int | None = None


def said(source: int, facts: Mapping[FactKind, Fact]) -> Saying:
    """Fold an execution's facts about one file."""
    return Saying(
        source,
        verified=facts.get(FactKind.VERIFIED),
        transferred=FactKind.TRANSFERRED in facts,
        failed=FactKind.FAILED in facts,
        deleted=FactKind.DELETED in facts,
    )


def decide(
    sayings: Sequence[Saying],
    sources: Sequence[Source],
    transfers: Sequence[bool],
    since_ms: int | None,
) -> Decision:
    """Decide for one file. `sayings` are oldest first and not empty; the newest one has the word.

    `transfers[i]` says whether all that source i verifies it has also transferred (ONLY_FILES_TRANSFERRED).
    """
    newest = sayings[-1]
    decider = sources[newest.source]
    superseded = tuple(s.source for s in sayings[:-1] if s.verified and sources[s.source].publishes)
    if newest.failed:
        return Decision(Ruling.FAILED, newest.source, superseded)
    if newest.deleted or newest.verified is None or not decider.publishes or newest.has_gone_out:
        return Decision(Ruling.NOT_OURS, newest.source, superseded)
    sent = [s.source for s in sayings if s.has_gone_out]
    unsent = [s for s in sayings if not sent or s.source > sent[-1]]
    if any(s.transferred or (s.verified and transfers[s.source]) for s in unsent):
        return Decision(Ruling.CANDIDATE, newest.source, superseded, fresh=True)
    floor_ms = sources[sent[-1] + 1].started_at_ms if sent else since_ms
    return Decision(Ruling.CANDIDATE, newest.source, superseded, fresh_since_ms=floor_ms)


def is_fresh(decision: Decision, last_modified_ms: int | None, *, logs_transfers: bool) -> bool:
    """Whether a candidate is new. S3's LastModified has whole seconds: in doubt a file is fresh.

    Without a LastModified (S3 is not asked) a log that tells what was transferred decides, and nothing else can.
    """
    if decision.fresh is not None:
        return decision.fresh
    if last_modified_ms is None:
        return not logs_transfers
    return decision.fresh_since_ms is None or last_modified_ms >= decision.fresh_since_ms // 1000 * 1000


def majority(outcomes: Mapping[str, Outcome]) -> Outcome:
    """The most frequent outcome, so that only the others need to be stored by name."""
    counts = dict.fromkeys(Outcome, 0)
    for outcome in outcomes.values():
        counts[outcome] += 1
    return max(counts, key=lambda outcome: counts[outcome])
