"""Which execution decides for a file, and whether the file is new.

`POINT_IN_TIME_CONSISTENT`, Basic mode's default, verifies the whole dataset each time, so 'verified' does not mean
'new'. And a file that was verified in an execution that ended in ERROR is not transferred again by the next one. Both
are settled here, file by file, over all executions of the task since its last reconciled SUCCESS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from service.domain.execution import Execution, Outcome, Publishing, Source
from service.domain.facts import Fact, FactKind
from service.domain.names import Status, VerifyMode
from service.domain.phases import Phase

MAX_SENT_SOURCES = 8
"""How many executions that were published without being reconciled are looked at again.

Each may lack some lines of the dataset, so that none alone proves that a file went out. That the same line was missing
in eight executions running is not assumed, and looking at all would cost more with each.
"""


class Saying(NamedTuple):
    """What one execution says about one file. `source` is its place among the sources, in order of their start."""

    source: int
    verified: Fact | None = None
    transferred: bool = False
    failed: bool = False
    deleted: bool = False


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
    path: str,
) -> Decision:
    """Decide for one file. `sayings` are oldest first and not empty; the newest one has the word.

    `transfers[i]` says whether all that source i verifies it has also transferred (ONLY_FILES_TRANSFERRED).
    """
    newest = sayings[-1]
    decider = sources[newest.source]
    superseded = tuple(s.source for s in sayings[:-1] if s.verified and sources[s.source].publishes)
    if newest.failed:
        return Decision(Ruling.FAILED, newest.source, superseded)
    if newest.deleted or newest.verified is None or not decider.publishes or _sent(decider, path):
        return Decision(Ruling.NOT_OURS, newest.source, superseded)
    sent = [s.source for s in sayings if s.verified and not s.failed and _sent(sources[s.source], path)]
    unsent = [s for s in sayings if not sent or s.source > sent[-1]]
    if any(s.transferred or (s.verified and transfers[s.source]) for s in unsent):
        return Decision(Ruling.CANDIDATE, newest.source, superseded, fresh=True)
    floor_ms = sources[sent[-1] + 1].started_at_ms if sent else since_ms
    return Decision(Ruling.CANDIDATE, newest.source, superseded, fresh_since_ms=floor_ms)


def is_fresh(decision: Decision, last_modified_ms: int | None) -> bool:
    """Whether a candidate is new. S3's LastModified has whole seconds: in doubt a file is fresh.

    Without a LastModified (S3 is not asked) only the logs can call a file fresh.
    """
    if decision.fresh is not None:
        return decision.fresh
    if last_modified_ms is None:
        return False
    return decision.fresh_since_ms is None or last_modified_ms >= decision.fresh_since_ms // 1000 * 1000


def _sent(source: Source, path: str) -> bool:
    return source.sent_upto is None or path <= source.sent_upto


def plan(execution: Execution, siblings: Sequence[Execution], first_start_ms: int | None) -> Publishing:
    """Choose the executions that take part in publishing one.

    `siblings` are the task's executions since its last reconciled SUCCESS, and every later one that is closed;
    `first_start_ms` is the start of the first execution after that SUCCESS (None: not known).
    """
    started = execution.started_at_ms
    others = [s for s in siblings if s.name.execution_id != execution.name.execution_id]
    carried = [s for s in others if s.phase is Phase.CARRIED and s.started_at_ms <= started]
    sent = [s for s in others if s.phase is Phase.PUBLISHED and s.started_at_ms <= started]
    silent = [s for s in others if s.phase in (Phase.HELD, Phase.DISCARDED)]
    later = [s for s in others if s.started_at_ms > started and s.phase in (Phase.PUBLISHED, Phase.CARRIED)]
    if all(e.verify_mode == VerifyMode.ONLY_FILES_TRANSFERRED for e in (execution, *carried)):
        sent = []  # What such a mode verifies is fresh, whatever went out before.
    sources = [
        *(replace(_source(s), sent_upto=_taken_upto(s, silent)) for s in carried),
        *(_witness(s) for s in (*sent[-MAX_SENT_SOURCES:], *silent, *later)),
        _source(execution),
    ]
    sources.sort(key=lambda source: (source.started_at_ms, source.execution_id))
    return Publishing(tuple(sources), first_start_ms)


def _source(execution: Execution) -> Source:
    return Source(execution.name.execution_id, execution.started_at_ms, publishes=True)


def _taken_upto(carried: Execution, held: Sequence[Execution]) -> str:
    """How far its files went out with an execution that was held in the midst of publishing."""
    name = carried.name.execution_id
    plans = [execution.publishing for execution in held if execution.publishing]
    return max((p.cursor for p in plans if any(s.execution_id == name and s.publishes for s in p.sources)), default="")


def _witness(execution: Execution) -> Source:
    """An execution that has a say about files and sends none of its own."""
    if execution.phase is Phase.PUBLISHED:
        sent_upto = None
    else:
        sent_upto = execution.publishing.cursor if execution.publishing else ""
    return replace(_source(execution), publishes=False, sent_upto=sent_upto)


def settles_freshness(execution: Execution) -> bool:
    """Whether the executions before this one need not be looked at again once it is published."""
    return execution.status == Status.SUCCESS and execution.reconciled is True


def majority(outcomes: Mapping[str, Outcome]) -> Outcome:
    """The most frequent outcome, so that only the others need to be stored by name."""
    counts = dict.fromkeys(Outcome, 0)
    for outcome in outcomes.values():
        counts[outcome] += 1
    return max(counts, key=lambda outcome: counts[outcome])
