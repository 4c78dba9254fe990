"""A scan of one execution's facts in path order, with bounded memory."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter

from service.domain.execution import Execution
from service.domain.fact_runs import lower_bound
from service.domain.facts import Fact, FactKind
from service.domain.port_types import SeekPoint
from service.ports import FactStore

MAX_BUFFERED_FACTS = 300_000
"""The most facts that a scan buffers. If more overlap, it reads the later paths in a further pass over the runs."""

PathFacts = tuple[str, Mapping[FactKind, Fact]]
"""A path, and the newest fact of each kind about it."""

_path = attrgetter("path")


class FactScan:
    """The facts of one execution, path by path.

    Facts sort by the UTF-8 bytes of their path, which is the order of Python's strings, of DynamoDB's sort keys and
    of S3's listings. Runs overlap: a path is complete once no unread run can hold it. `seek_point` is the place that
    the scan has reached: every path up to it has been returned.
    """

    def __init__(self, facts: FactStore, execution: Execution, *, after: str = "") -> None:
        self.seek_point = SeekPoint(after, "")
        self._facts = facts
        self._execution = execution
        self._first = f"{after}\0" if after else ""
        self._deferred_from: str | None = None
        self._after_key: str | None = None
        self._is_over = False
        self._buffer: list[Fact] = []
        self._overlapping: list[SeekPoint] = []

    async def next_paths(self) -> list[PathFacts]:
        """Return the next paths: at least one, or none after the last."""
        while not self._is_over:
            next_key = await self._read_page()
            # Unread runs hold no path below this bound, and this pass none of the deferred ones.
            bounds = [lower_bound(next_key)] if next_key is not None else []
            bounds += [self._deferred_from] if self._deferred_from is not None else []
            taken = self._take(min(bounds, default=None))
            if next_key is not None and min(bounds) != self._deferred_from:
                self._after_key = next_key
            elif self._deferred_from is not None:
                self._first, self._deferred_from, self._overlapping = self._deferred_from, None, []
                self._after_key = self.seek_point.key
            else:
                self._is_over = True
            if taken:
                return taken
        return []

    async def _read_page(self) -> str | None:
        """Add the facts of the next page to the buffer, which stays sorted. Return the key of its last run."""
        if self._after_key is None:
            await self._find_seek_point()
        page = await self._facts.read_page(self._execution, after_key=self._after_key or "")
        first, end = self._first, self._deferred_from
        for run in page.runs:
            self._overlapping.append(SeekPoint(run.facts[-1].path, run.key))
            self._buffer += [f for f in run.facts if f.path >= first and (end is None or f.path < end)]
        self._buffer.sort(key=_path)
        if len(self._buffer) > MAX_BUFFERED_FACTS:
            self._defer()
        return page.next_key

    def _defer(self) -> None:
        """Leave the later half of the buffered paths to a further pass, but at least one path to this one."""
        middle = bisect_left(self._buffer, self._buffer[MAX_BUFFERED_FACTS // 2].path, key=_path)
        kept = middle or bisect_right(self._buffer, self._buffer[0].path, key=_path)
        if kept < len(self._buffer):
            self._deferred_from = self._buffer[kept].path
            del self._buffer[kept:]

    async def _find_seek_point(self) -> None:
        """Start at the last stored seek point before the first path, so that no run before it is read."""
        seek_points = await self._facts.read_seek_points(self._execution) if self._first else ()
        place = bisect_right(seek_points, self.seek_point.path, key=attrgetter("path"))
        self._after_key = seek_points[place - 1].key if place else ""
        self.seek_point = SeekPoint(self.seek_point.path, self._after_key)

    def _take(self, below: str | None) -> list[PathFacts]:
        """Remove and return the paths below a bound from the buffer; None: all."""
        count = len(self._buffer) if below is None else bisect_left(self._buffer, below, key=_path)
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        paths = [(path, _newest(facts)) for path, facts in groupby(taken, key=_path)]
        if paths:
            last = paths[-1][0]
            passed = next((i for i, run in enumerate(self._overlapping) if run.path > last), len(self._overlapping))
            key = self._overlapping[passed - 1].key if passed else self.seek_point.key
            del self._overlapping[:passed]
            self.seek_point = SeekPoint(last, key)
        return paths


def _newest(facts: Iterable[Fact]) -> Mapping[FactKind, Fact]:
    newest: dict[FactKind, Fact] = {}
    for fact in facts:
        other = newest.get(fact.kind)
        if other is None or fact.at_ms >= other.at_ms:
            newest[fact.kind] = fact
    return newest
