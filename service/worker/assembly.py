"""A worker put together: the only place that knows which part is given what."""

from service.domain.execution import Execution
from service.domain.names import ExecutionId
from service.domain.phases import Phase
from service.domain.reports import Tick
from service.ports import Ports
from service.worker.lease import Keeper, Watch
from service.worker.notify import Notifier
from service.worker.publish import Publisher
from service.worker.pursuit import Pursuit
from service.worker.reader import Reader
from service.worker.replay import Replayer
from service.worker.retention import Extension
from service.worker.seal import Sealer
from service.worker.supervisor import Supervisor
from service.worker.survey import Surveyor
from service.worker.sweep import Sweeper
from service.worker.terms import Clock, Terms


class Assembly:
    """The parts of one worker. `owner` is a name that no other worker has or had, also after a restart."""

    def __init__(self, ports: Ports, terms: Terms, clock: Clock, *, owner: str) -> None:
        self._ports = ports
        self._terms = terms
        self._clock = clock
        self.keeper = Keeper(ports.leases, owner=owner, lease_s=terms.lease_s, clock_s=clock.monotonic_s)
        watch = Watch(terms.lease_s)
        self.sweeper = Sweeper(ports, self.keeper, watch, terms, clock)
        self.surveyor = Surveyor(ports.overview, self.keeper, watch, terms, clock)
        self.notifier = Notifier(ports.outbox, ports.topic, self.keeper, terms, clock) if ports.topic else None

    def supervisor(self) -> Supervisor:
        """What runs them all."""
        return Supervisor(
            self.sweeper,
            self.surveyor,
            self.keeper,
            self.pursuit,
            self.notifier,
            wake_ups=self._ports.wake_ups,
            drain_s=self._terms.drain_s,
        )

    def pursuit(self, execution_id: ExecutionId) -> Pursuit:
        """What sees one execution through its phases."""
        ports, keeper, terms, clock = self._ports, self.keeper, self._terms, self._clock
        sealer = Sealer(ports, keeper, Reader(ports, keeper, terms, clock), terms, clock)
        publisher = Publisher(ports, keeper, terms, clock)
        replayer = Replayer(ports, keeper, terms)

        async def publish(execution: Execution) -> tuple[Execution, Tick]:
            return await (replayer if execution.replay.under_way else publisher).tick(execution)

        steps = {Phase.FOLLOWING: sealer.follow, Phase.SEALING: sealer.seal, Phase.PUBLISHING: publish}
        return Pursuit(execution_id, ports.executions, keeper, steps, Extension(ports, terms, clock))
