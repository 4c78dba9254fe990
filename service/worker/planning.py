"""Which executions are published together: read from the table, decided in `domain.plan`."""

from dataclasses import replace

from service.domain.execution import Execution, Publishing
from service.domain.phases import OPEN
from service.domain.plan import last_settled, order, plan
from service.ports import Ports
from service.worker.terms import Clock


class Planner:
    """Plans the publishing of an execution when its turn has come."""

    def __init__(self, ports: Ports, clock: Clock) -> None:
        self._ports = ports
        self._now_ms = clock.now_ms

    async def plan(self, execution: Execution) -> Publishing | None:
        """The plan; None while an older execution of the task is still open, or may be found yet.

        What an earlier plan of the same execution has already sent is kept.
        """
        task = await self._ports.tasks.remember(execution.name.task_id, seen_at_ms=self._now_ms())
        if not task.is_complete:
            return None
        settled_ms = task.reconciled_start_ms or 0
        overtaken = settled_ms >= execution.started_at_ms
        siblings = await self._ports.executions.of_task(task.task_id, since_ms=0 if overtaken else settled_ms)
        older = [s for s in siblings if order(s) < order(execution)]
        if any(s.phase in OPEN for s in older):
            return None
        settled = last_settled(older)
        if settled:  # So that the next plan need not look at what is behind it.
            await self._ports.tasks.reconcile(task.task_id, start_ms=settled.started_at_ms)
        planned, earlier = plan(execution, siblings), execution.publishing
        if earlier is None:
            return planned
        ahead = (*earlier.ahead, *planned.ahead)
        return replace(planned, cursor=earlier.cursor, ahead=ahead, outcomes=earlier.outcomes)
