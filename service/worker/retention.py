"""What waits does not expire: it is given its whole retention once more when half of it is over.

Facts are stored with their expiry, so that all of them are written again. An execution that waits for so long is rare,
and its files would be lost without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.domain.errors import Conflict
from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.names import ExecutionId
from service.domain.phases import Phase
from service.domain.reports import Kept, Report, Tick
from service.ports import Ports
from service.worker import past, walk
from service.worker.terms import Clock, Terms

WAITING = (Phase.CARRIED, Phase.HELD)
"""The phases in which an execution waits and no worker has it in hand."""

LOOK_S = 3600.0
PAGES_PER_LOOK = 10
"""A sweep must not take long: what it registers is seen by nobody else."""


@dataclass(slots=True)
class _Way:
    """How far one extension has come. `after` is the last path that is written again, in the first of `shards`."""

    extended: Execution
    shards: list[tuple[FactKind, int]]
    after: str = ""


class Extension:
    """Prolongs an execution, a page at each tick: its facts, what became of its files, and only then itself.

    A tick that fails is repeated; what another process has begun begins anew. What is written twice is there once.
    """

    def __init__(self, ports: Ports, terms: Terms, clock: Clock) -> None:
        self._ports = ports
        self._retention_s = terms.retention_s
        self._clock = clock
        self._way: _Way | None = None

    def due_s(self) -> int:
        """What expires before then, in seconds since the epoch, is to be prolonged now."""
        return self._clock.now_ms() // 1000 + self._retention_s // 2

    def is_due(self, execution: Execution) -> bool:
        """Whether half of its retention is over."""
        return execution.expires_at_s < self.due_s()

    async def tick(self, execution: Execution) -> tuple[Execution, Tick]:
        """Write a page again; behind the last one return the execution with its new expiry. Conflict: it is gone."""
        if self._way is None or self._way.extended.name != execution.name:
            self._way = self._begun(execution)
        way, expires_at_s = self._way, self._way.extended.expires_at_s
        if way.shards:
            await self._facts(way)
        elif not await self._outcomes(way):
            await self._ports.executions.keep(way.extended)
            self._way = None
            kept = Kept(execution.name, execution.phase, execution.started_at_ms, expires_at_s)
            return replace(execution, expires_at_s=expires_at_s), Tick([kept])
        return execution, Tick()

    def _begun(self, execution: Execution) -> _Way:
        expires_at_s = self._clock.now_ms() // 1000 + self._retention_s
        shards = [(kind, shard) for kind in FactKind for shard in range(execution.shards)]
        return _Way(replace(execution, expires_at_s=expires_at_s), shards)

    async def _facts(self, way: _Way) -> None:
        kind, shard = way.shards[0]
        page = await self._ports.facts.page(way.extended, kind, shard, after=way.after, limit=walk.PAGE)
        await self._ports.facts.add(way.extended, page)
        way.after = page[-1].path if page else ""
        if not page:
            way.shards.pop(0)

    async def _outcomes(self, way: _Way) -> bool:
        """Write some stretches again; False when there are no more."""
        name, expires_at_s = way.extended.name.execution_id, way.extended.expires_at_s
        read = await self._ports.outcomes.read(name, start=way.after, limit=past.PAGE)
        stretches = [stretch for stretch in read if stretch.upto != way.after]
        for stretch in stretches:
            await self._ports.outcomes.write(name, stretch, expires_at_s=expires_at_s)
            way.after = stretch.upto
        return bool(stretches)


class Retention:
    """Prolongs the executions that wait and that no worker has in hand, one after the other."""

    def __init__(self, ports: Ports, terms: Terms, clock: Clock) -> None:
        self._ports = ports
        self._extension = Extension(ports, terms, clock)
        self._clock_s = clock.monotonic_s
        self._looked_at_s = float("-inf")
        self._due = list[ExecutionId]()
        self._execution: Execution | None = None

    async def look(self) -> list[Report]:
        """Go on for some pages; once an hour, ask what is due."""
        if self._clock_s() - self._looked_at_s >= LOOK_S:
            before_s = self._extension.due_s()
            found = [await self._ports.overview.expiring(phase, before_s=before_s) for phase in WAITING]
            self._due, self._looked_at_s = [name for names in found for name in names], self._clock_s()
        reports: list[Report] = []
        for _ in range(PAGES_PER_LOOK):
            self._execution = self._execution or await self._next()
            if self._execution is None:
                break
            reports += await self._prolong(self._execution)
        return reports

    async def _prolong(self, execution: Execution) -> Sequence[Report]:
        try:
            after, tick = await self._extension.tick(execution)
        except Conflict:  # It is gone, as somebody has cleared the table.
            self._execution = None
            return ()
        self._execution = after if self._extension.is_due(after) else None
        return tick.reports

    async def _next(self) -> Execution | None:
        execution = await self._ports.executions.get(self._due.pop(0)) if self._due else None
        is_ours = execution is not None and execution.phase in WAITING and self._extension.is_due(execution)
        return execution if is_ours else None
