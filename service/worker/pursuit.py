"""One execution in this worker's hands, from the moment it is claimed until nothing is left to do."""

from collections.abc import Awaitable, Callable, Mapping

from service.domain.execution import Execution
from service.domain.names import ExecutionId
from service.domain.phases import Event, Phase, Reason
from service.domain.reports import Tick
from service.ports import Executions
from service.worker.lease import Keeper
from service.worker.retention import Extension
from service.worker.seal import moved

Step = Callable[[Execution], Awaitable[tuple[Execution, Tick]]]


class Pursuit:
    """Does what the execution's phase asks for, a step at each tick. `steps` holds one for each open phase."""

    def __init__(
        self,
        execution_id: ExecutionId,
        executions: Executions,
        keeper: Keeper,
        steps: Mapping[Phase, Step],
        extension: Extension,
    ) -> None:
        self._execution_id = execution_id
        self._executions = executions
        self._keeper = keeper
        self._steps = steps
        self._extension = extension
        self._execution: Execution | None = None

    async def tick(self) -> Tick:
        """Take the next step. After a failed one, begin from what is stored. Raises Conflict without a good lease."""
        self._keeper.lease(self._execution_id)
        execution, self._execution = self._execution or await self._executions.get(self._execution_id), None
        if execution is None or execution.phase not in self._steps:
            return Tick(done=True)
        step = self._extension.tick if self._extension.is_due(execution) else self._steps[execution.phase]
        after, tick = await step(execution)
        self._execution = None if tick.unsaved else after
        return tick._replace(done=after.phase not in self._steps)

    async def set_aside(self) -> Tick:
        """Hold the execution for a person to look at, because its steps fail for a reason of our own."""
        execution = await self._executions.get(self._execution_id)
        if execution is None or execution.phase not in self._steps:
            return Tick(done=True)
        held = execution.on(Event.HOLD, Reason.INTERNAL_ERROR)
        await self._executions.save(held, self._keeper.lease(self._execution_id))
        return Tick([moved(execution, held)], done=True)
