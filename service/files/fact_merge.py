"""A merge of the facts of several executions in path order, with no more memory than a page per shard."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter

from service.concurrency import run_all
from service.domain.execution import Execution
from service.domain.facts import Fact, FactKind
from service.domain.file_chunk import FileWithEvidence
from service.domain.file_decision import FileEvidence, fold_facts
from service.ports import FactStore

_PAGE = 1000
MAX_BUFFERED_FACTS = 8000
"""The most facts that a merge buffers. With many shards the pages are smaller, so that memory does not grow."""

_FILE_KINDS = (FactKind.VERIFIED, FactKind.TRANSFERRED, FactKind.FAILED, FactKind.DELETED)
"""The kinds that are about a file. Directories are only counted."""


@dataclass(slots=True)
class _ShardReader:
    """The reader of one shard of one kind of one execution, a page at a time."""

    member: int
    execution: Execution
    kind: FactKind
    shard: int
    after: str
    buffer: list[Fact] = field(default_factory=list)
    exhausted: bool = False


class FactMerge:
    """The files of some executions in path order, each with the evidence of each execution.

    Facts sort by the UTF-8 bytes of their path, which is the order of Python's strings, of DynamoDB's sort keys and
    of S3's listings.
    """

    def __init__(self, facts: FactStore, executions: Sequence[Execution], *, after: str = "") -> None:
        self._facts = facts
        self._readers = [
            _ShardReader(number, execution, kind, shard, after)
            for number, execution in enumerate(executions)
            for kind in _FILE_KINDS
            if execution.reconciled is None or execution.fact_counts.get(kind)  # Counts are final once it is sealed.
            for shard in range(execution.shards)
        ]
        self._page = min(_PAGE, MAX_BUFFERED_FACTS // max(1, len(self._readers)) + 1)

    async def next_files(self) -> list[FileWithEvidence]:
        """Return the next files: at least one, or none after the last. Evidence is in the order of the executions."""
        empty = [reader for reader in self._readers if not reader.buffer and not reader.exhausted]
        await run_all(self._fill(reader) for reader in empty)
        # All shards have been read up to this path, so every file up to it is complete.
        complete_to = min((r.buffer[-1].path for r in self._readers if not r.exhausted), default=None)
        facts = [(fact.path, r.member, fact) for r in self._readers for fact in _take_up_to(r, complete_to)]
        facts.sort(key=itemgetter(0, 1))
        return [(path, list(_fold_by_member(group))) for path, group in groupby(facts, key=itemgetter(0))]

    async def _fill(self, reader: _ShardReader) -> None:
        page = await self._facts.read_page(
            reader.execution, reader.kind, reader.shard, after=reader.after, limit=self._page
        )
        reader.buffer = list(page)
        if page:
            reader.after = page[-1].path
        else:
            reader.exhausted = True


def _take_up_to(reader: _ShardReader, path: str | None) -> Sequence[Fact]:
    """Remove and return a reader's facts up to the path; None: all."""
    count = len(reader.buffer) if path is None else bisect_right(reader.buffer, path, key=attrgetter("path"))
    taken, reader.buffer = reader.buffer[:count], reader.buffer[count:]
    return taken


def _fold_by_member(facts: Iterator[tuple[str, int, Fact]]) -> Iterator[FileEvidence]:
    for member, group in groupby(facts, key=itemgetter(1)):
        yield fold_facts(member, {fact.kind: fact for _, _, fact in group})
