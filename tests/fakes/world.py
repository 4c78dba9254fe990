"""A world in memory: DataSync, its logs and a bucket as plain data, and a worker wired to them."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from service.domain.errors import AwsCallError
from service.domain.execution import Execution, S3Location
from service.domain.messages import StoredObject
from service.domain.names import ExecutionArn, ExecutionId, TaskArn, TaskMode
from service.domain.observations import ChunkSent, Observation, PhaseChanged
from service.domain.options import WorkerOptions
from service.domain.phases import Phase
from service.domain.port_types import ExecutionDescription, LogEvent, TaskDescription
from service.ports import Clock, WorkerPorts
from service.worker.wiring import WorkerWiring
from tests.fakes.services import MemoryDataSync, MemoryLogs, MemoryObjects, MemoryQueue, MemoryTopic
from tests.fakes.stores import (
    MemoryExecutionStore,
    MemoryFactStore,
    MemoryOutbox,
    MemoryOutcomeStore,
    MemoryTaskStore,
)

TASK = TaskArn("arn:aws:datasync:eu-west-1:123456789012:task/task-0123456789abcdef0")
GROUP = "/aws/datasync/test"
BUCKET = "bucket"
PREFIX = "in/"
EPOCH_MS = 1_767_323_045_000  # 2026-01-02T03:04:05Z
DEFAULTS = WorkerOptions()


@dataclass
class VirtualClock:
    """A clock that moves only when a test advances it."""

    ms: int = EPOCH_MS

    def now_ms(self) -> int:
        return self.ms

    def now_s(self) -> float:
        return self.ms / 1000

    def both(self) -> Clock:
        return Clock(self.now_s, self.now_ms)

    def advance(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


@dataclass
class World:
    """The surroundings of the service: DataSync, its logs, S3, the queue, the table and the topic.

    The methods cause events there, or return results. With a topic, the service sends notifications.
    """

    clock: VirtualClock = field(default_factory=VirtualClock)
    datasync: MemoryDataSync = field(default_factory=MemoryDataSync)
    logs: MemoryLogs = field(default_factory=lambda: MemoryLogs({GROUP: {}}))
    objects: MemoryObjects = field(default_factory=lambda: MemoryObjects({BUCKET: {}}))
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    facts: MemoryFactStore = field(default_factory=MemoryFactStore)
    outcomes: MemoryOutcomeStore = field(default_factory=MemoryOutcomeStore)
    executions: MemoryExecutionStore = field(default_factory=MemoryExecutionStore)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    topic: MemoryTopic | None = None
    count: int = 0

    def __post_init__(self) -> None:
        self.executions.outbox = self.outbox if self.topic else None
        self.tasks = MemoryTaskStore(self.executions)
        self.datasync.described_tasks[TASK] = TaskDescription(TASK, S3Location(BUCKET, PREFIX), GROUP)

    def ports(self) -> WorkerPorts:
        return WorkerPorts(
            self.datasync,
            self.logs,
            self.facts,
            self.outcomes,
            self.executions,
            self.outbox,
            self.executions,
            self.executions,
            self.tasks,
            self.queue,
            self.objects,
            self.topic,
        )

    def start(self, **changes) -> ExecutionArn:
        """Start an execution of the task."""
        self.count += 1
        arn = ExecutionArn(f"{TASK}/execution/exec-{self.count:017x}")
        plain = ExecutionDescription(
            arn=arn,
            status="TRANSFERRING",
            task_mode=TaskMode.BASIC,
            verify_mode="ONLY_FILES_TRANSFERRED",
            log_level="TRANSFER",
            started_at_ms=self.clock.ms,
            ended_at_ms=None,
            files_verified=None,
            estimated_files=10,
        )
        self.datasync.described[arn] = replace(plain, **changes)
        return arn

    def end(self, arn: ExecutionArn, status: str = "SUCCESS", **changes) -> None:
        """End an execution. FilesVerified is the number of its "Verified" lines unless a change sets it."""
        lines = {event.message for event in self.logs.groups[GROUP].get(self.stream_name(arn), ())}
        counted = len([line for line in lines if "Verified " in line])
        changes = {"files_verified": counted, **changes}
        self.datasync.described[arn] = replace(
            self.datasync.described[arn], status=status, ended_at_ms=self.clock.ms, **changes
        )

    def stream_name(self, arn: ExecutionArn) -> str:
        return f"{arn.split('/')[1]}-{arn.split('/')[3]}"

    def stream(self, arn: ExecutionArn) -> list[LogEvent]:
        return self.logs.groups[GROUP].setdefault(self.stream_name(arn), [])

    def log(self, arn: ExecutionArn, *messages: str) -> None:
        """Add log lines to the execution's stream."""
        self.stream(arn).extend(LogEvent(self.clock.ms, message) for message in messages)

    def put(self, path: str, size_bytes: int = 3) -> StoredObject:
        """Write an object at the destination."""
        stored = StoredObject(PREFIX + path, size_bytes, f"etag-{self.clock.ms}", self.clock.ms)
        self.objects.buckets[BUCKET][stored.key] = stored
        return stored

    def copy(self, arn: ExecutionArn, *paths: str, size_bytes: int = 3) -> None:
        """Write objects and log them as verified."""
        for path in paths:
            self.put(path, size_bytes)
            self.log(arn, f"[NOTICE] Verified file /{path}, {size_bytes} bytes")

    def finish(self, arn: ExecutionArn, status: str = "SUCCESS", **changes) -> None:
        """Log the finish line and end the execution."""
        self.log(arn, f"[INFO] Execution {arn.split('/')[3]} finished with status {status.capitalize()}.")
        self.end(arn, status, **changes)

    def execution(self, arn: ExecutionArn) -> Execution:
        return self.executions.records[ExecutionId(arn.split("/")[3])]

    def sent(self) -> list[tuple[str, str]]:
        """Return the messages on the queue, as execution id and file name, in order."""
        return [(message.execution_id, json.loads(message.body)["fileName"]) for message in self.queue.messages]

    def notified(self) -> list[tuple[str, str | None, str]]:
        """Return the notifications of the topic, as phase, reason and execution id, in order."""
        sent = [notification.attributes for notification in self.topic.notifications]
        return [(each["phase"], each.get("reason"), each["execution_id"]) for each in sent]

    def names(self) -> list[str]:
        """Return the file names on the queue, in order."""
        return [name for _, name in self.sent()]


class Worker:
    """A worker whose ticks a test does one after the other, in virtual time."""

    def __init__(
        self,
        world: World,
        *,
        owner: str = "worker-1",
        options: WorkerOptions = DEFAULTS,
        ports: WorkerPorts | None = None,
        **changes,
    ) -> None:
        self.world = world
        self.options = options = replace(options, **changes)
        self.observations: list[Observation] = []
        self.wiring = WorkerWiring(
            ports or world.ports(), options, world.clock.both(), owner=owner, observe=self.observations.append
        )
        self.leases, self.discovery, self.claimer = self.wiring.leases, self.wiring.discovery, self.wiring.claimer
        self.retention, self.notifier = self.wiring.retention, self.wiring.notifier
        self.runners = {}

    async def round(self) -> float:
        """Do one tick of every loop. Return the shortest pause that a runner asked for."""
        await self.leases.renew_all()
        await self.discovery.tick()
        await self.retention.tick()
        await self.claimer.tick(())
        pauses_s = []
        for id_ in sorted(self.leases.execution_ids - self.runners.keys()):
            self.runners[id_] = self.wiring.execution_runner(ExecutionId(id_))
        for id_, runner in list(self.runners.items()):
            pause_s = await runner.tick()
            if pause_s is None:
                del self.runners[id_]
                await self.leases.release(id_)
            else:
                pauses_s.append(pause_s)
        if self.notifier is not None:
            with contextlib.suppress(AwsCallError):
                await self.notifier.tick()
        return min(pauses_s, default=self.options.poll_interval_s)

    async def work(
        self, *, until: Callable[[], bool] = lambda: False, seconds: float = 120.0, retrying: tuple = ()
    ) -> None:
        """Do rounds until the condition holds or this much virtual time has passed.

        A round that raises one of `retrying` is repeated, as a loop does it.
        """
        end_s = self.world.clock.now_s() + seconds
        while not until() and self.world.clock.now_s() < end_s:
            try:
                pause_s = await self.round()
            except retrying:
                pause_s = 1.0
            self.world.clock.advance(min(pause_s, 9.0))

    def phase_changes(self) -> list[tuple[Phase, Phase]]:
        return [(o.previous_phase, o.phase) for o in self.observations if isinstance(o, PhaseChanged)]

    def chunks(self) -> list[ChunkSent]:
        return [observation for observation in self.observations if isinstance(observation, ChunkSent)]
