"""A simulated worker process: the real supervisor with everything that it starts."""

import asyncio
from random import Random

from service.domain.observations import Observe
from service.domain.options import WorkerOptions
from service.ports import Clock, WorkerPorts
from service.telemetry.loop_health import LoopHealth
from service.worker.loop import LoopContext
from service.worker.wiring import WorkerWiring
from tests.simulation.cloud import epoch_ms, now_s
from tests.simulation.faults import Link, through


class SimulatedWorker:
    """A process. Its clocks may be wrong: `skew_s` is added to the time of day, `boot_s` to the monotonic clock."""

    def __init__(
        self,
        link: Link,
        ports: WorkerPorts,
        options: WorkerOptions,
        observe: Observe,
        random: Random,
        *,
        skew_s: float = 0.0,
    ) -> None:
        self.link = link
        self._stop = asyncio.Event()
        boot_s = random.uniform(0.0, 1e6)
        clock = Clock(lambda: now_s() + boot_s, lambda: epoch_ms(now_s() + skew_s))
        wiring = WorkerWiring(through(link, ports), options, clock, owner=link.name, observe=observe)
        self._task = asyncio.create_task(
            wiring.supervisor().run(LoopContext(self._stop, observe, LoopHealth(), random)), name=link.name
        )

    async def stop(self) -> None:
        """Send SIGTERM, and return when the process has ended."""
        self._stop.set()
        await self._task

    async def kill(self) -> None:
        """Send SIGKILL: no call of the process goes through any more, and nothing is cleaned up."""
        self.link.dead = True
        self.link.awake.set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
