"""The steps of FOLLOWING and SEALING: until DataSync reports an end, and then until the log is sealed."""

from collections.abc import Callable
from dataclasses import replace

from service.domain.errors import NotFoundError
from service.domain.execution import Execution
from service.domain.names import is_documented_status
from service.domain.observations import UnknownStatusSeen
from service.domain.options import WorkerOptions
from service.domain.phases import PhaseEvent
from service.domain.sealing import (
    SealDecision,
    decide_seal,
    event_after_seal,
    next_check_ms,
    quiet_until_ms,
    unverifiable_reason,
)
from service.domain.start_order import has_older_active
from service.evidence.log_reader import LogReader
from service.files.fact_count import count_facts
from service.leasing.leased_executions import LeasedExecution
from service.ports import FactStore, Overview


class Sealer:
    """The steps from an execution's registration to the decision about its log. Each returns a pause in seconds."""

    def __init__(
        self,
        log_reader: LogReader,
        facts: FactStore,
        overview: Overview,
        options: WorkerOptions,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._log_reader = log_reader
        self._facts = facts
        self._overview = overview
        self._options = options
        self._now_ms = now_ms

    async def follow(self, leased: LeasedExecution) -> float:
        """Read on while the execution runs. Once it has ended, go on to SEALING."""
        described = await self._log_reader.describe(leased.current)
        if described.has_ended:
            await leased.save(described.apply(PhaseEvent.ENDED))
            return 0.0
        await self._save_if_changed(leased, described)
        if unverifiable_reason(leased.current):
            return self._options.poll_interval_s
        at_end = await self._log_reader.read(leased)
        return self._options.poll_interval_s if at_end else 0.0

    async def seal(self, leased: LeasedExecution) -> float:
        """Read on. Decide about the log once it is read to its end and quiet."""
        unverifiable = unverifiable_reason(leased.current)
        if unverifiable:
            await leased.transition(PhaseEvent.HOLD, unverifiable)
            return 0.0
        await self._save_if_changed(leased, await self._describe(leased.current))
        if not await self._log_reader.read(leased):
            return 0.0
        if self._now_ms() < quiet_until_ms(leased.current, self._options):
            return self._pause_s(leased.current)
        if has_older_active(leased.current, await self._overview.active_executions()):
            return self._options.poll_interval_s
        await self._recount(leased)
        return await self._decide(leased)

    async def _decide(self, leased: LeasedExecution) -> float:
        execution = leased.current
        decision = decide_seal(execution, self._options, now_ms=self._now_ms())
        if decision is SealDecision.WAIT:
            return self._pause_s(execution)
        if decision is SealDecision.REREAD:
            next_pass = execution.log_pass.next_pass(execution.fact_counts, now_ms=self._now_ms())
            await leased.save(replace(execution, log_pass=next_pass))
            return 0.0
        leased.current = replace(execution, reconciled=decision is SealDecision.SEALED)
        await leased.transition(*event_after_seal(leased.current, self._options))
        return 0.0

    async def _describe(self, execution: Execution) -> Execution:
        """Return the newest description, because DataSync may still correct its counters, or the known one."""
        try:
            return await self._log_reader.describe(execution)
        except NotFoundError:
            return execution

    async def _recount(self, leased: LeasedExecution) -> None:
        """Count the distinct facts if lines were read since they were last counted."""
        execution, log_pass = leased.current, leased.current.log_pass
        if log_pass.lines_at_last_count == log_pass.counts.lines:
            return
        fact_counts = await count_facts(self._facts, execution)
        log_pass = replace(log_pass, lines_at_last_count=log_pass.counts.lines)
        await leased.save(replace(execution, fact_counts=fact_counts, log_pass=log_pass))

    def _pause_s(self, execution: Execution) -> float:
        now_ms = self._now_ms()
        return (next_check_ms(execution, self._options, now_ms=now_ms) - now_ms) / 1000

    async def _save_if_changed(self, leased: LeasedExecution, described: Execution) -> None:
        if described == leased.current:
            return
        if described.status != leased.current.status and not is_documented_status(described.status):
            leased.observe(UnknownStatusSeen(described.ids, described.status))
        await leased.save(described)
