"""Read an execution's status and log: facts first, position after."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from service.domain.errors import Absent, Rejected
from service.domain.execution import Execution, Position
from service.domain.facts import Fact, FactKind, Parsed, Unknown, storable
from service.domain.following import described, has_stale_token, noted_end
from service.domain.records import LogEvent
from service.domain.reports import Looked
from service.parsing import PARSERS
from service.ports import Ports
from service.worker.lease import Keeper
from service.worker.terms import Clock, Terms

PAGES_PER_LOOK = 20
SAMPLES_PER_LOOK = 3


@dataclass(slots=True)
class _Account:
    """What a look has read so far."""

    pages: int = 0
    lines: Counter[str] = field(default_factory=lambda: Counter(fact=0, known=0, unknown=0))
    facts: Counter[FactKind] = field(default_factory=Counter)
    unknown: Counter[Unknown] = field(default_factory=Counter)
    samples: list[tuple[Unknown, str]] = field(default_factory=list)

    def add(self, events: Sequence[LogEvent], parsed: Sequence[Parsed]) -> None:
        self.pages += 1
        for event, line in zip(events, parsed, strict=True):
            if isinstance(line, Fact):
                self.lines["fact"] += 1
                self.facts[line.kind] += 1
            elif isinstance(line, Unknown):
                self.lines["unknown"] += 1
                self.unknown[line] += 1
                if len(self.samples) < SAMPLES_PER_LOOK:
                    self.samples.append((line, event.message[:200]))
            else:
                self.lines["known"] += 1


class Reader:
    """Reads logs into facts. What it has read is stored before the position behind it is."""

    def __init__(self, ports: Ports, keeper: Keeper, terms: Terms, clock: Clock) -> None:
        self._ports = ports
        self._keeper = keeper
        self._stream_prefix = terms.stream_prefix
        self._now_ms = clock.now_ms

    async def ask(self, execution: Execution) -> Execution:
        """Return the execution with what DataSync says of it now. Raises Absent when DataSync has forgotten it."""
        description = await self._ports.datasync.execution(execution.name.arn)
        return described(execution, description, now_ms=self._now_ms())

    async def look(self, execution: Execution) -> tuple[Execution, Looked]:
        """Read on, up to some pages, from where the execution's reading stands.

        Returns the execution as it is stored by then; `at_end` says whether all its streams were read to their ends.
        """
        account = _Account()
        streams = await self._streams(execution)
        execution = await self._without_stale_tokens(execution)
        pass_number = execution.reading.pass_number
        unread = list(streams)
        for _ in range(PAGES_PER_LOOK):
            if not unread:
                break
            execution, at_end = await self._read_page(execution, unread[0], account)
            if at_end:
                unread.pop(0)
            elif not execution.reading.positions:
                unread = list(streams)  # The pass has begun again.
        if not unread:
            execution = await self._note_end(execution, sum(account.lines.values()))
        report = Looked(
            execution.name,
            execution.task_mode,
            execution.status,
            account.pages,
            dict(account.lines),
            dict(account.facts),
            dict(account.unknown),
            account.samples,
            not unread,
            pass_number,
        )
        return execution, report

    async def _streams(self, execution: Execution) -> Sequence[str]:
        if execution.log_group is None:
            return ()
        name = execution.name
        prefix = self._stream_prefix.format(task_id=name.task_id, execution_id=name.execution_id)
        try:
            return await self._ports.logs.streams(execution.log_group, prefix)
        except Absent:
            return ()  # The group may come with its first line.

    async def _without_stale_tokens(self, execution: Execution) -> Execution:
        stale = has_stale_token(execution, now_ms=self._now_ms())
        return await self._begin_again(execution) if stale else execution

    async def _begin_again(self, execution: Execution) -> Execution:
        return await self._save(replace(execution, reading=execution.reading.abandoned()))

    async def _read_page(self, execution: Execution, stream: str, account: _Account) -> tuple[Execution, bool]:
        """Store the facts of one page, then the position behind it. Without a good token the pass begins again."""
        position = execution.reading.positions.get(stream)
        try:
            page = await self._ports.logs.page(execution.log_group or "", stream, position.token if position else None)
        except Rejected:
            if position is None:
                raise
            return await self._begin_again(execution), False
        except Absent:
            return execution, True  # Deleted since it was listed, and its lines with it.
        parse = PARSERS[execution.task_mode]
        parsed = [parse(event.message, event.at_ms) for event in page.events]
        account.add(page.events, parsed)
        await self._ports.facts.add(execution, [storable(line) for line in parsed if isinstance(line, Fact)])
        if position is None or position.token != page.token:
            reading = execution.reading
            positions = {**reading.positions, stream: Position(page.token, self._now_ms())}
            reading = replace(reading, positions=positions, tally=reading.tally.with_lines(parsed))
            execution = await self._save(replace(execution, reading=reading))
        return execution, page.at_end

    async def _note_end(self, execution: Execution, lines: int) -> Execution:
        noted = noted_end(execution, lines, now_ms=self._now_ms())
        return execution if noted is execution else await self._save(noted)

    async def _save(self, execution: Execution) -> Execution:
        await self._ports.executions.save(execution, self._keeper.lease(execution.name.execution_id))
        return execution
