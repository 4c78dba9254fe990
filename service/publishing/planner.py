"""The planner, which loads the executions of a task and plans with them."""

from collections.abc import Callable

from service.domain.execution import Execution
from service.domain.publish_plan import last_fully_published, with_plan
from service.domain.start_order import has_older_active, older_than
from service.ports import ExecutionStore, TaskStore


class Planner:
    """A planner of an execution's publishing, once no older execution of its task is active."""

    def __init__(self, tasks: TaskStore, executions: ExecutionStore, *, now_ms: Callable[[], int]) -> None:
        self._tasks = tasks
        self._executions = executions
        self._now_ms = now_ms

    async def plan(self, execution: Execution) -> Execution | None:
        """Return the execution with its plan. None: an older execution is active, or may still be registered."""
        task = await self._tasks.get_or_create(execution.task_id, first_seen_at_ms=self._now_ms())
        if not task.backlog_registered:
            return None
        complete_ms = task.fully_published_start_ms or 0
        is_late = complete_ms >= execution.started_at_ms
        siblings = await self._executions.list_of_task(task.task_id, started_since_ms=0 if is_late else complete_ms)
        if has_older_active(execution, siblings):
            return None
        complete = last_fully_published(older_than(execution, siblings))
        if complete:  # The next plan need not load the executions before it.
            await self._tasks.advance_fully_published(task.task_id, start_ms=complete.started_at_ms)
        return with_plan(execution, siblings)
