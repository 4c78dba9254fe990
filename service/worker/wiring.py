"""The wiring of a worker: the only place that knows which component is given what."""

from service.domain.names import ExecutionId
from service.domain.observations import Observe
from service.domain.options import WorkerOptions
from service.domain.phases import Phase
from service.evidence.log_reader import LogReader
from service.evidence.sealer import Sealer
from service.leasing.leased_executions import LeasedExecutions
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock, WorkerPorts
from service.publishing.planner import Planner
from service.publishing.publisher import Publisher
from service.publishing.sender import Sender
from service.publishing.session import SessionFactory
from service.worker.claiming import ExecutionClaimer
from service.worker.discovery import ExecutionDiscovery
from service.worker.execution_runner import ExecutionRunner
from service.worker.notifier import Notifier
from service.worker.retention import RetentionExtension, WaitingRetention
from service.worker.supervisor import Supervisor


class WorkerWiring:
    """The components of one worker. `owner` is a name that no other worker has or had, also after a restart."""

    def __init__(
        self, ports: WorkerPorts, options: WorkerOptions, clock: Clock, *, owner: str, observe: Observe
    ) -> None:
        self._ports = ports
        self._options = options
        self._clock = clock
        self._observe = observe
        self.leases = OwnedLeases(
            ports.leases, owner=owner, lease_s=options.lease_s, clock_s=clock.monotonic_s, observe=observe
        )
        self.claimer = ExecutionClaimer(
            ports.overview,
            self.leases,
            clock,
            observe,
            max_executions=options.max_executions,
            poll_interval_s=options.poll_interval_s,
        )
        self.discovery = ExecutionDiscovery(
            ports.datasync, ports.tasks, ports.executions, self.leases, options, clock, observe
        )
        self.retention = WaitingRetention(
            ports.overview,
            ports.executions,
            self._extension(),
            self.leases,
            clock,
            poll_interval_s=options.poll_interval_s,
        )
        self.notifier = (
            Notifier(ports.outbox, ports.topic, self.leases, clock, observe, poll_interval_s=options.poll_interval_s)
            if ports.topic
            else None
        )

    def supervisor(self) -> Supervisor:
        """Return the supervisor that runs all loops."""
        ticks = {"discover": self.discovery.tick, "extend": self.retention.tick}
        if self.notifier:
            ticks["notify"] = self.notifier.tick
        return Supervisor(
            self.claimer,
            self.leases,
            self.execution_runner,
            ticks,
            wake_ups=self._ports.wake_ups,
            drain_s=self._options.drain_s,
        )

    def execution_runner(self, execution_id: ExecutionId) -> ExecutionRunner:
        """Return the runner of one execution: for each active phase the step of its room."""
        sealer, publisher = self.sealer(), self.publisher()
        return ExecutionRunner(
            execution_id,
            self.leased_executions(),
            {Phase.FOLLOWING: sealer.follow, Phase.SEALING: sealer.seal, Phase.PUBLISHING: publisher.publish},
            self._extension(),
            seal_deadline_s=self._options.seal_deadline_s,
            has_unsaved_sends=lambda: publisher.has_unsaved_sends,
        )

    def leased_executions(self) -> LeasedExecutions:
        """Return the executions that this worker may change."""
        return LeasedExecutions(self._ports.executions, self.leases, self._clock, self._observe)

    def sealer(self) -> Sealer:
        """Return the steps of FOLLOWING and SEALING."""
        ports, options, now_ms = self._ports, self._options, self._clock.now_ms
        reader = LogReader(
            ports.datasync, ports.logs, ports.facts, stream_prefix=options.log_stream_prefix, now_ms=now_ms
        )
        return Sealer(reader, ports.facts, ports.overview, options, now_ms=now_ms)

    def publisher(self) -> Publisher:
        """Return the step of PUBLISHING, for one execution."""
        ports, options, now_ms = self._ports, self._options, self._clock.now_ms
        return Publisher(
            Planner(ports.tasks, ports.executions, now_ms=now_ms),
            SessionFactory(
                ports.executions,
                ports.facts,
                ports.outcomes,
                ports.objects,
                check_s3=options.check_s3,
                publish_unchanged=options.publish_unchanged,
            ),
            Sender(ports.queue),
            ports.outcomes,
            ports.executions,
            poll_interval_s=options.poll_interval_s,
            now_ms=now_ms,
        )

    def _extension(self) -> RetentionExtension:
        ports = self._ports
        return RetentionExtension(
            ports.executions,
            ports.facts,
            ports.outcomes,
            retention_s=self._options.retention_s,
            now_ms=self._clock.now_ms,
            observe=self._observe,
        )
