"""The supervisor, which starts the loops and a runner for each claimed execution, and stops them in order."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from service.concurrency import cancel_all
from service.domain.names import ExecutionId
from service.leasing.owned_leases import OwnedLeases
from service.ports import WakeUps
from service.worker.claiming import ExecutionClaimer
from service.worker.execution_runner import ExecutionRunner
from service.worker.loop import LoopContext, TickFunction, WakeSignal, run_loop
from service.worker.wake import Waker

RELEASE_TIMEOUT_S = 3.0
"""Time for releasing the leases. An unreachable table must not use up the time until SIGKILL."""


class Supervisor:
    """The supervisor of a worker, which runs until its stop event is set, then for at most `drain_s` more.

    Leases are renewed until the work has ended, so that no worker takes over what is being finished. Work that is cut
    off is safe: it was stored, or is done again. `ticks` are the other loops, by name.
    """

    def __init__(
        self,
        claimer: ExecutionClaimer,
        leases: OwnedLeases,
        execution_runner: Callable[[ExecutionId], ExecutionRunner],
        ticks: Mapping[str, TickFunction],
        *,
        wake_ups: WakeUps | None,
        drain_s: float,
    ) -> None:
        self._claimer = claimer
        self._leases = leases
        self._execution_runner = execution_runner
        self._ticks = ticks
        self._wake_ups = wake_ups
        self._drain_s = drain_s
        self._runners: dict[str, asyncio.Task[None]] = {}

    async def run(self, context: LoopContext) -> None:
        """Return once everything has stopped and all leases are released. Never raise a loop's error."""
        without_wake = replace(context, wake_signal=WakeSignal())
        stop_renewing = asyncio.Event()
        renewal = asyncio.create_task(
            run_loop(
                "renew",
                self._leases.renew_all,
                replace(without_wake, stop=stop_renewing),
                # A longer pause would lose every lease because one of them could not be renewed.
                max_backoff_s=self._leases.renewal_interval_s,
            ),
            name="renew",
        )
        ticks = {**self._ticks, "claim": lambda: self._claim_and_start(context)}
        loops = [asyncio.create_task(run_loop(name, tick, context), name=name) for name, tick in ticks.items()]
        waking = []
        if self._wake_ups is not None:
            waker = Waker(self._wake_ups, context.wake_signal)
            waking = [asyncio.create_task(run_loop("wake", waker.tick, without_wake), name="wake")]
        try:
            await context.stop.wait()
            # Cancel it first: its long poll would use up the drain time. Messages that it has not deleted wake another
            # worker.
            await cancel_all(waking)
            await asyncio.wait({*loops, *self._runners.values()}, timeout=self._drain_s)
        finally:
            stop_renewing.set()
            await cancel_all([renewal, *waking, *loops, *self._runners.values()])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leases.release_all(), RELEASE_TIMEOUT_S)

    async def _claim_and_start(self, context: LoopContext) -> float:
        """Claim executions and start a runner for each, even if claiming raises after a lease was acquired."""
        try:
            return await self._claimer.tick(self._runners.keys())
        finally:
            for execution_id in sorted(self._leases.execution_ids - self._runners.keys()):
                self._start_runner(ExecutionId(execution_id), context)

    def _start_runner(self, execution_id: ExecutionId, context: LoopContext) -> None:
        task = asyncio.create_task(self._run_execution(execution_id, context), name=execution_id)
        self._runners[execution_id] = task
        task.add_done_callback(lambda _: self._runners.pop(execution_id, None))

    async def _run_execution(self, execution_id: ExecutionId, context: LoopContext) -> None:
        runner = self._execution_runner(execution_id)
        await run_loop(
            "execution", runner.tick, context, execution_id=execution_id, has_unsaved_work=runner.has_unsaved_sends
        )
        if not context.stop.is_set():
            await self._leases.release(execution_id)
