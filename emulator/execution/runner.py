"""Runner of executions: one at a time per task, the others wait in the order in which they were started."""

import asyncio
import functools
import traceback
from collections import defaultdict

from emulator.clock import utc_now
from emulator.execution.execution_run import ExecutionRun, StatusListener
from emulator.execution.setup import ExecutionSetup
from emulator.state import Execution, Task


class Runner:
    """Owner of one asyncio task per execution that has not ended; `close` cancels them all."""

    def __init__(self, setup: ExecutionSetup, phase_s: float, on_status: StatusListener) -> None:
        self._setup = setup
        self._phase_s = phase_s
        self._on_status = on_status
        self._task_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, execution: Execution, task: Task) -> None:
        """Add an execution to its task's queue."""
        running = asyncio.create_task(self._run(execution, task), name=execution.arn)
        self._running[execution.arn] = running
        running.add_done_callback(lambda _: self._running.pop(execution.arn, None))

    def cancel(self, execution: Execution) -> None:
        """Set CANCELLING. A running execution ends in ERROR soon, a queued one at once."""
        running = self._running.get(execution.arn)
        if running is not None and execution.status != "CANCELLING":
            execution.status = "CANCELLING"
            running.cancel()

    async def close(self) -> None:
        """Cancel everything that runs."""
        running = list(self._running.values())
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, execution: Execution, task: Task) -> None:
        templates = self._setup.templates
        execution_run = ExecutionRun(execution, templates, self._setup.faults, self._phase_s, self._on_status)
        failure = (templates.code_cancelled, templates.detail_cancelled)
        try:
            await self._on_status(execution)
            async with self._task_locks[task.arn]:
                await self._setup.faults.wait_until_released(execution.arn, "QUEUED")
                await execution_run.run(functools.partial(self._setup.prepare, execution, task))
        except asyncio.CancelledError:
            if execution.status != "CANCELLING":
                raise
        except Exception as error:  # noqa: BLE001  (an execution that never ends would block its task)
            traceback.print_exc()
            failure = ("InternalError", repr(error))
        if not execution.ended:
            execution.error_code, execution.error_detail = failure
            execution.ended_at, execution.status = utc_now(), "ERROR"
