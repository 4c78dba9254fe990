"""A merge of the facts of several executions in path order."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from service.concurrency import run_all
from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.file_chunk import FileWithEvidence
from service.domain.file_decision import FileEvidence, fold_facts
from service.files.fact_scan import FactScan
from service.ports import FactStore

_ONLY_DIRECTORY = {FactKind.DIRECTORY}
"""The kind of facts that are not about a file. Directories are only counted."""


@dataclass(slots=True)
class _Member:
    """One execution's files that were read and not returned yet."""

    index: int
    scan: FactScan
    files: list[tuple[str, FileEvidence]] = field(default_factory=list)
    exhausted: bool = False

    async def fill(self) -> None:
        while not self.files and not self.exhausted:
            paths = await self.scan.next_paths()
            self.exhausted = not paths
            index = self.index
            self.files = [(path, fold_facts(index, facts)) for path, facts in paths if facts.keys() != _ONLY_DIRECTORY]


class FactMerge:
    """The files of some executions in path order, each with the evidence of each execution."""

    def __init__(self, facts: FactStore, executions: Sequence[Execution], *, after: str = "") -> None:
        self._members = [_Member(i, FactScan(facts, e, after=after)) for i, e in enumerate(executions)]

    async def next_files(self) -> list[FileWithEvidence]:
        """Return the next files: at least one, or none after the last. Evidence is in the order of the executions."""
        await run_all(member.fill() for member in self._members)
        # All members have been read up to this path, so every file up to it is complete.
        complete_to = min((m.files[-1][0] for m in self._members if m.files), default=None)
        if complete_to is None:
            return []
        files = [entry for member in self._members for entry in _take_up_to(member, complete_to)]
        if len(self._members) == 1:
            return [(path, (evidence,)) for path, evidence in files]
        files.sort(key=itemgetter(0))
        return [(path, [entry for _, entry in group]) for path, group in groupby(files, key=itemgetter(0))]


def _take_up_to(member: _Member, path: str) -> list[tuple[str, FileEvidence]]:
    """Remove and return a member's files up to the path."""
    count = bisect_right(member.files, path, key=itemgetter(0))
    taken, member.files = member.files[:count], member.files[count:]
    return taken
