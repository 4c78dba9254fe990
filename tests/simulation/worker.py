"""A worker in the simulation: the real supervisor with all that it starts, wired as `app.py` does it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from service.domain.execution import Execution
from service.domain.names import ExecutionId
from service.domain.phases import Phase
from service.domain.reports import Health, Report, Tick
from service.domain.sealing import Policy
from service.parsing import PARSERS
from service.ports import Ports
from service.worker.lease import Keeper, Watch
from service.worker.loop import Surroundings
from service.worker.publish import Publisher
from service.worker.pursuit import Pursuit
from service.worker.reader import Reader
from service.worker.replay import Replayer
from service.worker.seal import Sealer
from service.worker.supervisor import Supervisor
from service.worker.survey import Surveyor
from service.worker.sweep import Sweeper, Terms
from tests.simulation.cloud import epoch_ms, now_s
from tests.simulation.faults import Link, through


@dataclass(frozen=True)
class Knobs:
    """The settings of all workers of a run."""

    policy: Policy
    poll_s: float = 15.0
    lease_s: float = 30.0
    drain_s: float = 20.0
    max_executions: int = 10
    publish_unchanged: bool = False


def pursuit(
    execution_id: ExecutionId, ports: Ports, keeper: Keeper, knobs: Knobs, now_ms: Callable[[], int]
) -> Pursuit:
    """What follows one execution through its phases."""
    policy = knobs.policy
    reader = Reader(ports, keeper, parsers=PARSERS, stream_prefix="{task_id}-{execution_id}", now_ms=now_ms)
    sealer = Sealer(ports, keeper, reader, policy=policy, poll_s=knobs.poll_s, now_ms=now_ms)
    publisher = Publisher(
        ports,
        keeper,
        check_s3=policy.check_s3,
        publish_unchanged=knobs.publish_unchanged,
        poll_s=knobs.poll_s,
        now_ms=now_ms,
    )
    replayer = Replayer(ports, keeper, check_s3=policy.check_s3)

    async def publish(execution: Execution) -> tuple[Execution, Tick]:
        return await (replayer if execution.replay.under_way else publisher).tick(execution)

    steps = {Phase.FOLLOWING: sealer.follow, Phase.SEALING: sealer.seal, Phase.PUBLISHING: publish}
    return Pursuit(execution_id, ports.executions, keeper, steps)


class SimulatedWorker:
    """A process. Its clocks may be wrong: `skew_s` is added to the time of day, `boot_s` to the monotonic clock."""

    def __init__(
        self,
        link: Link,
        ports: Ports,
        knobs: Knobs,
        observe: Callable[[Report], None],
        random: Random,
        *,
        skew_s: float = 0.0,
    ) -> None:
        self.link = link
        self._stop = asyncio.Event()
        seen = through(link, ports)
        boot_s = random.uniform(0.0, 1e6)

        def clock_s() -> float:
            return now_s() + boot_s

        def now_ms() -> int:
            return epoch_ms(now_s() + skew_s)

        self.keeper = Keeper(seen.leases, owner=link.name, lease_s=knobs.lease_s, clock_s=clock_s)
        watch = Watch(knobs.lease_s)
        terms = Terms(knobs.poll_s, 86_400_000, 30 * 86_400, explicit=False, clock_s=clock_s, now_ms=now_ms)
        surveyor = Surveyor(
            seen.overview,
            self.keeper,
            watch=watch,
            max_executions=knobs.max_executions,
            poll_s=knobs.poll_s,
            clock_s=clock_s,
            now_ms=now_ms,
        )
        supervisor = Supervisor(
            Sweeper(seen, self.keeper, watch, terms=terms),
            surveyor,
            self.keeper,
            lambda name: pursuit(name, seen, self.keeper, knobs, now_ms),
            drain_s=knobs.drain_s,
        )
        self._task = asyncio.create_task(
            supervisor.run(Surroundings(self._stop, observe, Health(), random)), name=link.name
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
