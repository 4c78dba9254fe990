"""Follow an execution until DataSync reports its end, then until its log is complete, and rule on it."""

from dataclasses import replace

from service.domain.errors import Absent, Denied
from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.names import is_known
from service.domain.phases import Event, Reason
from service.domain.reports import Moved, Report, Tick, UnknownStatus
from service.domain.sealing import (
    Ruling,
    blocker,
    close,
    is_past_deadline,
    next_look_ms,
    quiet_until_ms,
    rule,
)
from service.ports import Ports
from service.worker.lease import Keeper
from service.worker.reader import Reader
from service.worker.terms import Clock, Terms


class Sealer:
    """One tick at a time, from an execution's registration to the ruling on its log."""

    def __init__(self, ports: Ports, keeper: Keeper, reader: Reader, terms: Terms, clock: Clock) -> None:
        self._ports = ports
        self._keeper = keeper
        self._reader = reader
        self._policy = terms.policy
        self._poll_s = terms.poll_s
        self._now_ms = clock.now_ms

    async def follow(self, execution: Execution) -> tuple[Execution, Tick]:
        """Read on while the execution runs; once it has ended, say so."""
        try:
            asked = await self._reader.ask(execution)
        except Absent:
            return await self._move(execution, Event.HOLD, Reason.EXECUTION_NOT_FOUND)
        if asked.ended:
            return await self._move(asked, Event.ENDED)
        execution, reports = await self._note(execution, asked)
        if blocker(execution):
            return execution, Tick(reports, self._poll_s)
        execution, looked = await self._reader.look(execution)
        return execution, Tick([*reports, looked], self._poll_s if looked.at_end else 0.0)

    async def seal(self, execution: Execution) -> tuple[Execution, Tick]:
        """Read on, and rule on the log once it is read to its end and quiet."""
        blocked = blocker(execution)
        if blocked:
            return await self._move(execution, Event.HOLD, blocked)
        execution, reports = await self._note(execution, await self._ask(execution))
        try:
            execution, looked = await self._reader.look(execution)
        except Denied:
            if not is_past_deadline(execution, self._policy, now_ms=self._now_ms()):
                raise
            return await self._move(execution, Event.HOLD, Reason.ACCESS_DENIED)
        reports.append(looked)
        if not looked.at_end:
            return execution, Tick(reports)
        if self._now_ms() < quiet_until_ms(execution, self._policy):
            return execution, Tick(reports, self._pause_s(execution))
        if await self._older_ones_are_open(execution):
            return execution, Tick(reports, self._poll_s)
        execution, tick = await self._rule(await self._counted(execution))
        return execution, tick._replace(reports=[*reports, *tick.reports])

    async def _rule(self, execution: Execution) -> tuple[Execution, Tick]:
        match rule(execution, self._policy, now_ms=self._now_ms()):
            case Ruling.WAIT:
                return execution, Tick((), self._pause_s(execution))
            case Ruling.REREAD:
                reading = execution.reading.restarted(execution.rows, now_ms=self._now_ms())
                return await self._save(replace(execution, reading=reading)), Tick()
            case ruling:
                complete = ruling is Ruling.SEALED
                has_stream = bool(execution.reading.positions)
                event, reason = close(execution, self._policy, complete=complete, has_stream=has_stream)
                return await self._move(replace(execution, reconciled=complete), event, reason)

    async def _ask(self, execution: Execution) -> Execution:
        """DataSync may still correct its counters. That it forgets an execution does not undo its end."""
        try:
            return await self._reader.ask(execution)
        except Absent:
            return execution

    async def _counted(self, execution: Execution) -> Execution:
        """Count the distinct facts, if lines were read since they were last counted."""
        reading = execution.reading
        if reading.counted_lines == reading.tally.lines:
            return execution
        rows = {kind: await self._ports.facts.count(execution, kind) for kind in FactKind}
        reading = replace(reading, counted_lines=reading.tally.lines)
        return await self._save(replace(execution, rows=rows, reading=reading))

    async def _older_ones_are_open(self, execution: Execution) -> bool:
        return any(
            other.task_id == execution.name.task_id
            and other.execution_id != execution.name.execution_id
            and (other.started_at_ms, other.execution_id) < (execution.started_at_ms, execution.name.execution_id)
            for other in await self._ports.overview.open()
        )

    def _pause_s(self, execution: Execution) -> float:
        now_ms = self._now_ms()
        return (next_look_ms(execution, self._policy, now_ms=now_ms, poll_s=self._poll_s) - now_ms) / 1000

    async def _note(self, before: Execution, asked: Execution) -> tuple[Execution, list[Report]]:
        if asked == before:
            return before, []
        surprising = asked.status != before.status and not is_known(asked.status)
        reports: list[Report] = [UnknownStatus(asked.name, asked.status)] if surprising else []
        return await self._save(asked), reports

    async def _move(self, execution: Execution, event: Event, reason: Reason | None = None) -> tuple[Execution, Tick]:
        after = await self._save(execution.on(event, reason))
        return after, Tick([moved(execution, after)])

    async def _save(self, execution: Execution) -> Execution:
        await self._ports.executions.save(execution, self._keeper.lease(execution.name.execution_id))
        return execution


def moved(before: Execution, after: Execution) -> Moved:
    """The report of a transition."""
    delay_ms = (after.published_at_ms or 0) - (after.ended_at_ms or after.terminal_seen_at_ms or 0)
    return Moved(
        name=after.name,
        before=before.phase,
        phase=after.phase,
        reason=after.reason,
        status=after.status,
        reconciled=after.reconciled,
        files=after.files(),
        delay_s=delay_ms / 1000 if after.published_at_ms != before.published_at_ms else None,
    )
