"""A small world in memory: DataSync, its logs and a bucket as plain data, and a worker wired to them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from service.adapters.memory.table import (
    MemoryExecutions,
    MemoryFacts,
    MemoryOutbox,
    MemoryOutcomeLog,
    MemoryTasks,
)
from service.adapters.memory.world import MemoryDataSync, MemoryLogs, MemoryObjects, MemoryQueue, MemoryTopic
from service.domain.execution import Execution, Target
from service.domain.messages import StoredObject
from service.domain.names import ExecutionArn, ExecutionId, TaskArn, TaskMode
from service.domain.phases import Phase
from service.domain.records import ExecutionDescription, LogEvent, TaskDescription
from service.domain.reports import Moved, Report, Sent
from service.domain.sealing import Policy
from service.ports import Ports
from service.worker.assembly import Assembly
from service.worker.terms import Clock, Terms

TASK = TaskArn("arn:aws:datasync:eu-west-1:123456789012:task/task-0123456789abcdef0")
GROUP = "/aws/datasync/test"
BUCKET = "bucket"
PREFIX = "in/"
EPOCH_MS = 1_767_323_045_000  # 2026-01-02T03:04:05Z
PLAIN = Policy()


@dataclass
class VirtualClock:
    """Time that passes only when told to."""

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
    """What happens outside of the service. Each method is something that DataSync, CloudWatch or a person does.

    With a topic, transitions are announced.
    """

    clock: VirtualClock = field(default_factory=VirtualClock)
    datasync: MemoryDataSync = field(default_factory=MemoryDataSync)
    logs: MemoryLogs = field(default_factory=lambda: MemoryLogs({GROUP: {}}))
    objects: MemoryObjects = field(default_factory=lambda: MemoryObjects({BUCKET: {}}))
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    facts: MemoryFacts = field(default_factory=MemoryFacts)
    outcomes: MemoryOutcomeLog = field(default_factory=MemoryOutcomeLog)
    executions: MemoryExecutions = field(default_factory=MemoryExecutions)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    topic: MemoryTopic | None = None
    count: int = 0

    def __post_init__(self) -> None:
        self.executions.outbox = self.outbox if self.topic else None
        self.tasks = MemoryTasks(self.executions)
        self.datasync.described_tasks[TASK] = TaskDescription(TASK, Target(BUCKET, PREFIX), GROUP)

    def ports(self) -> Ports:
        return Ports(
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
        """End an execution. Without other word its counter is what its log says."""
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
        """Let log lines arrive."""
        self.stream(arn).extend(LogEvent(self.clock.ms, message) for message in messages)

    def put(self, path: str, size_bytes: int = 3) -> StoredObject:
        """Write an object at the destination."""
        stored = StoredObject(PREFIX + path, size_bytes, f"etag-{self.clock.ms}", self.clock.ms)
        self.objects.buckets[BUCKET][stored.key] = stored
        return stored

    def copy(self, arn: ExecutionArn, *paths: str, size_bytes: int = 3) -> None:
        """Write objects and log that they are verified."""
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
        """What is on the queue, as execution id and file name, in order."""
        return [(message.execution_id, json.loads(message.body)["fileName"]) for message in self.queue.messages]

    def told(self) -> list[tuple[str, str | None, str]]:
        """What the topic has, as phase, reason and execution id, in order."""
        told = [notification.attributes for notification in self.topic.notifications]
        return [(each["phase"], each.get("reason"), each["execution_id"]) for each in told]

    def names(self) -> list[str]:
        """The file names on the queue, in order."""
        return [name for _, name in self.sent()]


class Worker:
    """A worker whose ticks are done by hand, one at a time, in virtual time."""

    def __init__(
        self,
        world: World,
        *,
        owner: str = "worker-1",
        policy: Policy = PLAIN,
        ports: Ports | None = None,
        publish_unchanged: bool = False,
        lookback_s: float = 86_400,
        max_executions: int = 10,
        explicit: bool = False,
    ) -> None:
        self.world = world
        self.terms = Terms(
            policy=policy,
            publish_unchanged=publish_unchanged,
            lookback_s=lookback_s,
            max_executions=max_executions,
            explicit=explicit,
        )
        self.assembly = Assembly(ports or world.ports(), self.terms, world.clock.both(), owner=owner)
        self.keeper, self.sweeper, self.surveyor = self.assembly.keeper, self.assembly.sweeper, self.assembly.surveyor
        self.notifier = self.assembly.notifier
        self.reports: list[Report] = []
        self.pursuits = {}

    async def round(self) -> float:
        """One tick of everything; returns the shortest pause that a tick asked for."""
        ticks = [await self.keeper.tick(), await self.sweeper.tick(), await self.surveyor.tick(())]
        for name in sorted(self.keeper.held - self.pursuits.keys() - {"sweep"}):
            self.pursuits[name] = self.assembly.pursuit(ExecutionId(name))
        for name, pursuit in list(self.pursuits.items()):
            tick = await pursuit.tick()
            if tick.trouble:
                raise tick.trouble
            ticks.append(tick)
            if tick.done:
                del self.pursuits[name]
                await self.keeper.release(name)
        if self.notifier is not None:  # Its troubles and pauses are its own.
            self.reports.extend((await self.notifier.tick()).reports)
        for tick in ticks:
            self.reports.extend(tick.reports)
        return min((tick.pause_s for tick in ticks[3:] if not tick.done), default=15.0)

    async def work(self, *, until: Callable[[], bool] = lambda: False, seconds: float = 120.0) -> None:
        """Do rounds until it is so, or until that much virtual time has passed."""
        end_s = self.world.clock.now_s() + seconds
        while not until() and self.world.clock.now_s() < end_s:
            pause_s = await self.round()
            self.world.clock.advance(min(pause_s, 9.0))

    def moves(self) -> list[tuple[Phase, Phase]]:
        return [(report.before, report.phase) for report in self.reports if isinstance(report, Moved)]

    def stretches(self) -> list[Sent]:
        return [report for report in self.reports if isinstance(report, Sent)]
