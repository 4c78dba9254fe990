"""Which executions are published together: read from the table, decided in `freshness.plan`."""

from collections.abc import Callable
from dataclasses import replace

from service.domain.execution import Execution, Publishing
from service.domain.freshness import plan
from service.domain.phases import OPEN
from service.ports import Ports


class Planner:
    """Plans the publishing of an execution when its turn has come."""

    def __init__(self, ports: Ports, *, now_ms: Callable[[], int]) -> None:
        self._ports = ports
        self._now_ms = now_ms

    async def plan(self, execution: Execution) -> Publishing | None:
        """The plan; None while an older execution of the task is still open.

        What an earlier plan of the same execution has already sent is kept.
        """
        task = await self._ports.tasks.remember(execution.name.task_id, seen_at_ms=self._now_ms())
        settled_ms = task.reconciled_start_ms
        overtaken = settled_ms is not None and settled_ms >= execution.started_at_ms
        since_ms = execution.started_at_ms if overtaken else (settled_ms or 0) + 1
        siblings = await self._ports.executions.of_task(execution.name.task_id, since_ms=since_ms)
        if any(s.phase in OPEN and s.started_at_ms < execution.started_at_ms for s in siblings):
            return None
        planned = plan(execution, siblings, min(s.started_at_ms for s in (execution, *siblings)))
        earlier = execution.publishing or planned
        return replace(planned, cursor=earlier.cursor, ahead=earlier.ahead, outcomes=earlier.outcomes)
