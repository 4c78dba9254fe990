"""The extension of retentions: an execution that is not finished does not expire.

Facts are stored with their expiry, so all of them are written again when half of the retention has passed. An
execution that is unfinished for weeks is rare, and its files would be lost without them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from service.domain.errors import ConflictError, TransientError
from service.domain.execution import Execution
from service.domain.names import ExecutionId
from service.domain.observations import Observe, RetentionExtended
from service.domain.phases import Phase
from service.leasing.leased_executions import LeasedExecution
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock, ExecutionStore, FactStore, OutcomeStore, Overview

WAITING_PHASES = (Phase.CARRIED, Phase.HELD)
"""The phases in which an execution waits.

It is not finished, and no worker processes it except to retry a HELD one.
"""

SCAN_INTERVAL_S = 3600.0
_RANGES_PER_PAGE = 100


@dataclass(slots=True)
class _ExtensionProgress:
    """The progress of an extension. `facts_key` is the last key of a run that was written again; None: all were.

    `outcomes_path` is the last path of a range of outcomes that was.
    """

    extended: Execution
    facts_key: str | None = ""
    outcomes_path: str = ""


class RetentionExtension:
    """The extension of one execution's retention, a page at each step: facts, outcomes, and then the execution.

    Every write is idempotent. A failed step is repeated; an extension that another process began starts again.
    """

    def __init__(
        self,
        executions: ExecutionStore,
        facts: FactStore,
        outcomes: OutcomeStore,
        *,
        retention_s: int,
        now_ms: Callable[[], int],
        observe: Observe,
    ) -> None:
        self._executions = executions
        self._facts = facts
        self._outcomes = outcomes
        self._retention_s = retention_s
        self._now_ms = now_ms
        self._observe = observe
        self._progress: _ExtensionProgress | None = None

    def extend_before_s(self) -> int:
        """Return the time, in seconds since the epoch, before which an expiry must be extended."""
        return self._now_ms() // 1000 + self._retention_s // 2

    def is_due(self, execution: Execution) -> bool:
        """Return whether half of the retention has passed."""
        return execution.expires_at_s < self.extend_before_s()

    async def extend(self, leased: LeasedExecution) -> float:
        """Extend the retention of an execution that this worker owns by a page. Return the pause in seconds."""
        extended = await self.step(leased.current)
        if extended is not leased.current:
            leased.adopt(extended)
        return 0.0

    async def step(self, execution: Execution) -> Execution:
        """Write the next page again and return the execution, after the last page with its new expiry.

        Raise ConflictError if the execution is not known any more.
        """
        if self._progress is None or self._progress.extended.id != execution.id:
            self._progress = self._start(execution)
        progress = self._progress
        if progress.facts_key is not None:
            after_key = progress.facts_key
            progress.facts_key = await self._facts.extend_expiry(progress.extended, after_key=after_key)
        elif not await self._write_outcomes(progress):
            await self._executions.extend_expiry(progress.extended)
            self._progress = None
            expires_at_s = progress.extended.expires_at_s
            self._observe(RetentionExtended(execution.ids, execution.phase, execution.started_at_ms, expires_at_s))
            return replace(execution, expires_at_s=expires_at_s)
        return execution

    def _start(self, execution: Execution) -> _ExtensionProgress:
        return _ExtensionProgress(replace(execution, expires_at_s=self._now_ms() // 1000 + self._retention_s))

    async def _write_outcomes(self, progress: _ExtensionProgress) -> bool:
        """Write some ranges again. Return False if there are no more."""
        execution_id, expires_at_s = progress.extended.id, progress.extended.expires_at_s
        read = await self._outcomes.read(execution_id, start=progress.outcomes_path, limit=_RANGES_PER_PAGE)
        ranges = [outcomes for outcomes in read if outcomes.last_path != progress.outcomes_path]
        for outcomes in ranges:
            await self._outcomes.write(execution_id, outcomes, expires_at_s=expires_at_s)
            progress.outcomes_path = outcomes.last_path
        return bool(ranges)


class WaitingRetention:
    """The loop that extends the retention of executions that wait, one after the other.

    It works while this worker owns the discovery lease. An execution that cannot be extended does not delay the others:
    it is due again at the next scan.
    """

    def __init__(
        self,
        overview: Overview,
        executions: ExecutionStore,
        extension: RetentionExtension,
        leases: OwnedLeases,
        clock: Clock,
        *,
        poll_interval_s: float,
    ) -> None:
        self._overview = overview
        self._executions = executions
        self._extension = extension
        self._leases = leases
        self._clock_s = clock.monotonic_s
        self._poll_interval_s = poll_interval_s
        self._scanned_at_s = float("-inf")
        self._due = list[ExecutionId]()
        self._execution: Execution | None = None

    async def tick(self) -> float:
        """Write one more page; once an hour, ask which executions are due.

        Raise an error that may concern one execution only, and go on with the next one. A TransientError is raised too,
        and its page is written again.
        """
        if not self._leases.owns_discovery:
            return self._poll_interval_s
        if self._clock_s() - self._scanned_at_s >= SCAN_INTERVAL_S:
            before_s = self._extension.extend_before_s()
            found = [await self._overview.expiring_before(phase, before_s=before_s) for phase in WAITING_PHASES]
            self._due, self._scanned_at_s = [id_ for ids in found for id_ in ids], self._clock_s()
        self._execution = self._execution or await self._next()
        if self._execution is None:
            return 0.0 if self._due else self._poll_interval_s
        try:
            extended = await self._extension.step(self._execution)
        except ConflictError:  # It has expired, or a person has cleared the table.
            self._execution = None
        except TransientError:
            raise
        except Exception:
            self._execution = None
            raise
        else:
            self._execution = extended if self._extension.is_due(extended) else None
        return 0.0

    async def _next(self) -> Execution | None:
        execution = await self._executions.get(self._due.pop(0)) if self._due else None
        is_due = execution is not None and execution.phase in WAITING_PHASES and self._extension.is_due(execution)
        return execution if is_due else None
