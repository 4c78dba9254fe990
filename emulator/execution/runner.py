"""Runs executions: of each task one at a time, the others wait in the order in which they were started."""

import asyncio
import functools
import traceback
from collections import defaultdict

from emulator.execution.opening import Workshop
from emulator.execution.walk import Announce, Walk
from emulator.moments import now
from emulator.state import Execution, Task


class Runner:
    """Owns an asyncio task per execution that has not ended; `close` ends them all."""

    def __init__(self, workshop: Workshop, phase_s: float, announce: Announce) -> None:
        self._workshop = workshop
        self._phase_s = phase_s
        self._announce = announce
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, execution: Execution, task: Task) -> None:
        """Takes an execution into its task's queue."""
        running = asyncio.create_task(self._run(execution, task), name=execution.arn)
        self._running[execution.arn] = running
        running.add_done_callback(lambda _: self._running.pop(execution.arn, None))

    def cancel(self, execution: Execution) -> None:
        """Sets CANCELLING; the execution ends as ERROR soon, one that waits in the queue at once."""
        running = self._running.get(execution.arn)
        if running is not None and execution.status != "CANCELLING":
            execution.status = "CANCELLING"
            running.cancel()

    async def close(self) -> None:
        """Stops everything that runs, wherever it is."""
        running = list(self._running.values())
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, execution: Execution, task: Task) -> None:
        forms = self._workshop.forms
        walk = Walk(execution, forms, self._workshop.faults, self._phase_s, self._announce)
        failure = (forms.code_cancelled, forms.detail_cancelled)
        try:
            await self._announce(execution)
            async with self._turns[task.arn]:
                await self._workshop.faults.released(execution.arn, "QUEUED")
                await walk.run(functools.partial(self._workshop.open, execution, task))
        except asyncio.CancelledError:
            if execution.status != "CANCELLING":
                raise
        except Exception as error:  # noqa: BLE001 - because nothing may leave an execution, and with it its task, stuck
            traceback.print_exc()
            failure = ("InternalError", repr(error))
        if not execution.ended:
            execution.error_code, execution.error_detail = failure
            execution.ended_at, execution.status = now(), "ERROR"
