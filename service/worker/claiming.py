"""The loop that claims executions which no worker processes."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from service.domain.observations import ClaimPass, Observe
from service.domain.port_types import ExecutionEntry
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock, Overview

MAX_CLAIMED_PER_TASK = 2
"""A task's executions are published in start order: only the oldest active one and the next one can be processed."""


def claimable(executions: Sequence[ExecutionEntry]) -> list[ExecutionEntry]:
    """Return those of all active executions, in start order, that need not wait for another one."""
    chosen: list[ExecutionEntry] = []
    per_task: dict[str, int] = defaultdict(int)
    for execution in executions:
        per_task[execution.task_id] += 1
        if per_task[execution.task_id] <= MAX_CLAIMED_PER_TASK:
            chosen.append(execution)
    return chosen


class ExecutionClaimer:
    """The claiming of executions that are free, up to `max_executions` at a time."""

    def __init__(
        self,
        overview: Overview,
        leases: OwnedLeases,
        clock: Clock,
        observe: Observe,
        *,
        max_executions: int,
        poll_interval_s: float,
    ) -> None:
        self._overview = overview
        self._leases = leases
        self._clock = clock
        self._observe = observe
        self._max_executions = max_executions
        self._poll_interval_s = poll_interval_s

    async def tick(self, still_running: Collection[str]) -> float:
        """Claim what is free. `still_running` are executions whose runner has not ended yet, claimed or not."""
        active = await self._overview.active_executions()
        held = await self._overview.held_to_retry(now_ms=self._clock.now_ms())
        claimed = []
        for execution in (*claimable(active), *held):
            execution_id = execution.execution_id
            if execution_id in self._leases.names or execution_id in still_running:
                continue
            if not self._leases.may_acquire(execution.lease):
                continue
            if self._has_room_for(execution, active) and await self._leases.acquire(execution.lease):
                claimed.append(execution_id)
        self._leases.watch_only({execution.execution_id for execution in (*active, *held)})
        phases = await self._overview.counts()
        self._observe(ClaimPass(phases, self._oldest_age_s(active), claimed, len(self._leases.names)))
        return self._poll_interval_s

    def _has_room_for(self, execution: ExecutionEntry, active: Sequence[ExecutionEntry]) -> bool:
        """Exceed the limit for an execution that one of ours waits for; otherwise both wait forever.

        Ours may have become unclaimable, because a release or a replay has made older ones active again.
        """
        if len(self._leases.execution_ids) < self._max_executions:
            return True
        return any(
            later.task_id == execution.task_id
            and later.start_order > execution.start_order
            and later.execution_id in self._leases.names
            for later in active
        )

    def _oldest_age_s(self, active: Sequence[ExecutionEntry]) -> float:
        ended_at_ms = [e.ended_at_ms for e in active if e.ended_at_ms is not None]
        return max(0.0, (self._clock.now_ms() - min(ended_at_ms)) / 1000) if ended_at_ms else 0.0
