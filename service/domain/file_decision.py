"""The decision about one file: which execution decides, and whether the file is new.

POINT_IN_TIME_CONSISTENT, Basic mode's default, verifies the whole dataset in each execution, so a verified file need
not be new. And DataSync does not transfer again what it verified in an execution that ended in ERROR. So each file is
decided over all executions of the task since the last fully published one.

`tests/domain/test_six_cases.py` shows the six typical cases as a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from service.domain.execution import Outcome, PlanMember
from service.domain.facts import Fact, FactKind


class FileEvidence(NamedTuple):
    """The facts of one plan member about one file. `member` is its index in the plan.

    `previous_outcome` is the stored outcome of the file in that execution; None if nothing was decided.
    """

    member: int
    verified: Fact | None = None
    transferred: bool = False
    failed: Fact | None = None
    deleted: bool = False
    previous_outcome: Outcome | None = None

    @property
    def already_published(self) -> bool:
        """Whether the file, as this execution verified it, was published with this execution or an earlier one."""
        decided = self.previous_outcome in (Outcome.PUBLISHED, Outcome.UNCHANGED)
        return decided and self.verified is not None and not self.failed


class FileVerdict(StrEnum):
    """The verdict of the newest evidence about a file."""

    CANDIDATE = "candidate"
    FAILED = "failed"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class FileDecision:
    """The decision about one file, as far as the logs prove it.

    `deciding_member` is the plan member that decides. `superseded` are the publishing members that verified the file
    before it did. `is_new` is None if only S3's LastModified can tell, by comparison with `new_since_ms` (None:
    nothing is known, and the file counts as new).
    """

    verdict: FileVerdict
    deciding_member: int
    superseded: tuple[int, ...]
    is_new: bool | None = None
    new_since_ms: int | None = None


def fold_facts(member: int, facts: Mapping[FactKind, Fact]) -> FileEvidence:
    """Fold one execution's facts about one file."""
    return FileEvidence(
        member,
        verified=facts.get(FactKind.VERIFIED),
        transferred=FactKind.TRANSFERRED in facts,
        failed=facts.get(FactKind.FAILED),
        deleted=FactKind.DELETED in facts,
    )


def decide_file(
    evidence: Sequence[FileEvidence],
    members: Sequence[PlanMember],
    only_transferred: Sequence[bool],
    new_since_ms: int | None,
) -> FileDecision:
    """Decide about one file. `evidence` is ordered oldest first and never empty; the newest entry decides.

    `only_transferred[i]` is whether member i verifies only what it transfers (ONLY_FILES_TRANSFERRED).
    """
    newest = evidence[-1]
    superseded = tuple(e.member for e in evidence[:-1] if e.verified and members[e.member].publishes)
    if newest.failed:
        return FileDecision(FileVerdict.FAILED, newest.member, superseded)
    publishes = members[newest.member].publishes
    if newest.deleted or newest.verified is None or not publishes or newest.already_published:
        return FileDecision(FileVerdict.SKIP, newest.member, superseded)
    published = [e.member for e in evidence if e.already_published]
    unpublished = [e for e in evidence if not published or e.member > published[-1]]
    if any(e.transferred or (e.verified and only_transferred[e.member]) for e in unpublished):
        return FileDecision(FileVerdict.CANDIDATE, newest.member, superseded, is_new=True)
    since_ms = members[published[-1] + 1].started_at_ms if published else new_since_ms
    return FileDecision(FileVerdict.CANDIDATE, newest.member, superseded, new_since_ms=since_ms)


def is_new(decision: FileDecision, last_modified_ms: int | None, *, logs_transfers: bool) -> bool:
    """Return whether a candidate is new. S3's LastModified has whole seconds; in doubt a file is new.

    Without a LastModified, because S3 is not asked, only a log that states transfers can tell.
    """
    if decision.is_new is not None:
        return decision.is_new
    if last_modified_ms is None:
        return not logs_transfers
    return decision.new_since_ms is None or last_modified_ms >= decision.new_since_ms // 1000 * 1000
