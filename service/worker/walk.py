"""A sorted walk over the facts of several executions, with no more memory than a page per shard."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter

from service.domain.execution import Execution
from service.domain.facts import Fact, FactKind
from service.domain.freshness import Saying, said
from service.ports import Facts
from service.worker.together import together

PAGE = 1000
BUFFERED = 8000
"""How many facts a walk holds at the most: with many shards the pages are smaller, so that memory does not grow."""

FILE_KINDS = (FactKind.VERIFIED, FactKind.TRANSFERRED, FactKind.FAILED, FactKind.DELETED)
"""The kinds that say something about a file; directories are only counted."""


@dataclass(slots=True)
class _Run:
    """One shard of one kind of one execution, read a page at a time."""

    source: int
    execution: Execution
    kind: FactKind
    shard: int
    after: str
    buffer: list[Fact] = field(default_factory=list)
    exhausted: bool = False


class Walk:
    """The files of some executions in the order of their paths, each with what each execution says about it.

    Facts sort by their path's UTF-8 bytes, which is the order of Python's strings, of DynamoDB's sort keys and of
    S3's listings alike.
    """

    def __init__(self, facts: Facts, executions: Sequence[Execution], *, after: str = "") -> None:
        self._facts = facts
        self._runs = [
            _Run(number, execution, kind, shard, after)
            for number, execution in enumerate(executions)
            for kind in FILE_KINDS
            if execution.reconciled is None or execution.rows.get(kind)  # Counted for good once it is sealed.
            for shard in range(execution.shards)
        ]
        self._page = min(PAGE, BUFFERED // max(1, len(self._runs)) + 1)

    async def next(self) -> list[tuple[str, list[Saying]]]:
        """The next files: at least one, or none when the walk is over. Sayings are in the order of the executions."""
        empty = [run for run in self._runs if not run.buffer and not run.exhausted]
        await together(self._fill(run) for run in empty)
        # Up to the least path that a run has read to, no run can have anything more to say.
        frontier = min((run.buffer[-1].path for run in self._runs if not run.exhausted), default=None)
        said_so_far = [(fact.path, run.source, fact) for run in self._runs for fact in _upto(run, frontier)]
        said_so_far.sort(key=itemgetter(0, 1))
        return [(path, list(_fold(lines))) for path, lines in groupby(said_so_far, key=itemgetter(0))]

    async def _fill(self, run: _Run) -> None:
        page = await self._facts.page(run.execution, run.kind, run.shard, after=run.after, limit=self._page)
        run.buffer = list(page)
        if page:
            run.after = page[-1].path
        else:
            run.exhausted = True


def _upto(run: _Run, frontier: str | None) -> Sequence[Fact]:
    """Take what a run has up to the frontier out of its buffer."""
    count = len(run.buffer) if frontier is None else bisect_right(run.buffer, frontier, key=attrgetter("path"))
    taken, run.buffer = run.buffer[:count], run.buffer[count:]
    return taken


def _fold(lines: Iterator[tuple[str, int, Fact]]) -> Iterator[Saying]:
    for source, facts in groupby(lines, key=itemgetter(1)):
        yield said(source, {fact.kind: fact for _, _, fact in facts})
