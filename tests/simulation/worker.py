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
from tests.simulation.faults import Connection, connect


class SimulatedWorker:
    """A process. Its time of day is ahead by `skew_s`, and its monotonic clock begins at a random value."""

    def __init__(
        self,
        connection: Connection,
        ports: WorkerPorts,
        options: WorkerOptions,
        observe: Observe,
        random: Random,
        *,
        skew_s: float = 0.0,
    ) -> None:
        self.connection = connection
        self._stop = asyncio.Event()
        boot_s = random.uniform(0.0, 1e6)
        clock = Clock(lambda: now_s() + boot_s, lambda: epoch_ms(now_s() + skew_s))
        wiring = WorkerWiring(connect(ports, connection), options, clock, owner=connection.name, observe=observe)
        self._task = asyncio.create_task(
            wiring.supervisor().run(LoopContext(self._stop, observe, LoopHealth(), random)), name=connection.name
        )

    async def stop(self) -> None:
        """Send SIGTERM, and return when the process has ended."""
        self._stop.set()
        await self._task

    async def kill(self) -> None:
        """Send SIGKILL. From then on no call of the process passes, and nothing is cleaned up."""
        self.connection.is_killed = True
        self.connection.running.set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
