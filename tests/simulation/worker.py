"""A worker in the simulation: the real supervisor with all that it starts."""

import asyncio
from collections.abc import Callable
from random import Random

from service.domain.reports import Health, Report
from service.ports import Ports
from service.worker.assembly import Assembly
from service.worker.loop import Surroundings
from service.worker.terms import Clock, Terms
from tests.simulation.cloud import epoch_ms, now_s
from tests.simulation.faults import Link, through


class SimulatedWorker:
    """A process. Its clocks may be wrong: `skew_s` is added to the time of day, `boot_s` to the monotonic clock."""

    def __init__(
        self,
        link: Link,
        ports: Ports,
        terms: Terms,
        observe: Callable[[Report], None],
        random: Random,
        *,
        skew_s: float = 0.0,
    ) -> None:
        self.link = link
        self._stop = asyncio.Event()
        boot_s = random.uniform(0.0, 1e6)
        clock = Clock(lambda: now_s() + boot_s, lambda: epoch_ms(now_s() + skew_s))
        assembly = Assembly(through(link, ports), terms, clock, owner=link.name)
        self.keeper = assembly.keeper
        self._task = asyncio.create_task(
            assembly.supervisor().run(Surroundings(self._stop, observe, Health(), random)), name=link.name
        )

    async def stop(self) -> None:
        """SIGTERM: returns when the process has ended."""
        self._stop.set()
        await self._task

    async def kill(self) -> None:
        """SIGKILL: nothing of it goes through any more, and nothing is cleaned up."""
        self.link.dead = True
        self.link.awake.set()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
