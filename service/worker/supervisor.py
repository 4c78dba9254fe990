"""Starts the loops, gives each claimed execution one of its own, and stops them in order."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from service.domain.names import ExecutionId
from service.domain.reports import Tick
from service.ports import WakeUps
from service.worker.lease import SWEEP, Keeper
from service.worker.loop import Bell, Surroundings, repeat
from service.worker.notify import Notifier
from service.worker.pursuit import Pursuit
from service.worker.survey import Surveyor
from service.worker.sweep import Sweeper
from service.worker.together import end
from service.worker.wake import Waker

RELEASE_S = 3.0
"""How long giving the leases back may take: an unreachable table must not eat up the time until SIGKILL."""


class Supervisor:
    """Runs a worker until its stop event is set, then for at most `drain_s` more.

    Renewal outlives the work, so that nobody takes over what is still being finished. What is cut off in its midst is
    safe: it was either stored or is done again.
    """

    def __init__(
        self,
        sweeper: Sweeper,
        surveyor: Surveyor,
        keeper: Keeper,
        pursuit: Callable[[ExecutionId], Pursuit],
        notifier: Notifier | None = None,
        *,
        wake_ups: WakeUps | None,
        drain_s: float,
    ) -> None:
        self._sweeper = sweeper
        self._surveyor = surveyor
        self._keeper = keeper
        self._pursuit = pursuit
        self._notifier = notifier
        self._wake_ups = wake_ups
        self._drain_s = drain_s
        self._pursued: dict[str, asyncio.Task[None]] = {}

    async def run(self, around: Surroundings) -> None:
        """Return once everything has stopped and all leases are given back. Never raises a loop's failure."""
        unwoken = replace(around, bell=Bell())
        renewed_until = asyncio.Event()
        renewal = asyncio.create_task(
            repeat("renew", self._keeper.tick, replace(unwoken, stop=renewed_until)), name="renew"
        )
        ticks: dict[str, Callable[[], Awaitable[Tick]]] = {
            "sweep": self._sweeper.tick,
            "survey": lambda: self._survey(around),
        }
        if self._notifier is not None:
            ticks["notify"] = self._notifier.tick
        loops = [asyncio.create_task(repeat(name, tick, around), name=name) for name, tick in ticks.items()]
        waking = []
        if self._wake_ups is not None:
            waker = Waker(self._wake_ups, around.bell)
            waking = [asyncio.create_task(repeat("wake", waker.tick, unwoken), name="wake")]
        try:
            await around.stop.wait()
            # Its long poll must not use up the drain. What is cut off with it is not deleted, and wakes somebody else.
            await end(waking)
            await asyncio.wait({*loops, *self._pursued.values()}, timeout=self._drain_s)
        finally:
            renewed_until.set()
            await end([renewal, *waking, *loops, *self._pursued.values()])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._keeper.release_all(), RELEASE_S)

    async def _survey(self, around: Surroundings) -> Tick:
        """Claim, and see through whatever is claimed, even if the survey failed behind the claim."""
        try:
            return await self._surveyor.tick(self._pursued.keys())
        finally:
            for execution_id in sorted(self._keeper.held - self._pursued.keys() - {SWEEP}):
                self._pursue(ExecutionId(execution_id), around)

    def _pursue(self, execution_id: ExecutionId, around: Surroundings) -> None:
        task = asyncio.create_task(self._see_through(execution_id, around), name=execution_id)
        self._pursued[execution_id] = task
        task.add_done_callback(lambda _: self._pursued.pop(execution_id, None))

    async def _see_through(self, execution_id: ExecutionId, around: Surroundings) -> None:
        pursuit = self._pursuit(execution_id)
        await repeat("execution", pursuit.tick, around, execution_id=execution_id, give_up=pursuit.set_aside)
        if not around.stop.is_set():
            await self._keeper.release(execution_id)
