"""DataSync as the simulation has it: what it truly does to files, and what it says about that, late and badly."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from service.domain.errors import NotFoundError
from service.domain.execution import S3Location
from service.domain.messages import StoredObject
from service.domain.names import ExecutionArn, TaskArn, TaskMode
from service.domain.port_types import ExecutionDescription, ExecutionListing, TaskDescription, TaskListing
from tests.simulation.cloud import Cloud, Line, Stream, epoch_ms, now_s

NAMES = (
    "a.csv", "b.csv", "dir/c.csv", "dir/d.csv", "dir/sub/e.csv", "f", "g/h", "i.txt", "k.txt", "l.txt",
    "m, 9 bytes", "n,, ", "o\nnewline", "p, 3 bytes/q", "[NOTICE] Verified file /zz, 1 bytes", 'r"uote',
    "s\x01control", "t\U0001f600", "u\uffff", "v&%20+", "dir", "w ", "x/.aws-datasync/y", ".aws-datasync-not",
)  # fmt: skip
HOUSEKEEPING = (".aws-datasync", ".aws-datasync/part-1", ".aws-datasync/x/y")
UNSTORABLE = "long/" + "n" * 1030
UNSPEAKABLE = "lone\ud800surrogate"


@dataclass(frozen=True)
class Version:
    """A file's content at the destination, from one transfer."""

    etag: str
    size_bytes: int
    put_s: float


@dataclass
class Word:
    """All that an execution truly says about a file. `visible_s` is when its last line that counts can be read."""

    verified: Version | None = None
    transferred: bool = False
    failed: bool = False
    deleted: bool = False
    verified_visible_s: float = 0.0
    visible_s: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is to happen in an execution, and how its log behaves."""

    verify_mode: str
    log_level: str
    starts_s: float
    cut_off: bool
    failures: float
    filtered: float
    late_s: float
    lost_lines: float
    duplicates: float
    streams: int
    stream_late_s: float
    finish: str
    counter: str
    counter_late_s: float
    logs_transfers: bool


@dataclass
class TrueExecution:
    """An execution, and the truth about it."""

    arn: ExecutionArn
    task: "TrueTask"
    plan: Plan
    started_s: float
    status: str = "QUEUED"
    ended_s: float | None = None
    words: dict[str, Word] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    counter: int | None = None
    vouched: bool = False

    @property
    def id(self) -> str:
        return self.arn.split("/")[3]

    @property
    def order(self) -> tuple[int, str]:
        return epoch_ms(self.started_s), self.id

    def described(self) -> ExecutionDescription:
        ended = self.ended_s is not None
        told = ended and now_s() >= self.ended_s + self.plan.counter_late_s
        return ExecutionDescription(
            arn=self.arn,
            status=self.status,
            task_mode=self.task.mode,
            verify_mode=self.plan.verify_mode,
            log_level=self.plan.log_level,
            started_at_ms=epoch_ms(self.started_s),
            ended_at_ms=epoch_ms(self.ended_s) if self.ended_s is not None else None,
            files_verified=self.counter if told else None,
            estimated_files=self.task.estimate,
        )


@dataclass
class TrueTask:
    """A task: what it copies, what has arrived, and its executions."""

    number: int
    mode: TaskMode
    cloud: Cloud
    random: Random
    settle_s: float
    estimate: int
    source: dict[str, tuple[int, int]] = field(default_factory=dict)
    arrived: dict[str, tuple[int, Version]] = field(default_factory=dict)
    executions: list[TrueExecution] = field(default_factory=list)
    objects_s: dict[str, list[float]] = field(default_factory=dict)
    contents: int = 0
    lines: int = 0

    def __post_init__(self) -> None:
        self.arn = TaskArn(f"arn:aws:datasync:eu-west-1:123456789012:task/task-{self.number:017x}")
        self.location = S3Location(f"bucket-{self.number}", self.random.choice(["", "in/", "deep/er/"]))
        self.group = f"/aws/datasync/{self.number}"
        self.objects = self.cloud.objects.buckets.setdefault(self.location.bucket, {})
        self.cloud.logs.groups[self.group] = {}

    def description(self) -> TaskDescription:
        return TaskDescription(self.arn, self.location, self.group)

    def change_source(self, names: Sequence[str]) -> None:
        """Add and change files; sometimes remove one."""
        for name in names:
            self.contents += 1
            if name in self.source and self.random.random() < 0.15:
                del self.source[name]
            else:
                self.source[name] = (self.contents, self.random.randint(0, 50))

    def put(self, path: str, content: int, size_bytes: int) -> Version:
        """Write an object. S3's LastModified has whole seconds."""
        version = Version(f"etag-{self.number}-{content}-{now_s():.3f}", size_bytes, now_s())
        key = self.location.key(path)
        self.objects[key] = StoredObject(key, size_bytes, version.etag, epoch_ms(now_s()) // 1000 * 1000)
        self.arrived[path] = (content, version)
        self.objects_s.setdefault(path, []).append(now_s())
        return version

    def remove(self, path: str) -> None:
        """Delete an object."""
        del self.arrived[path]
        self.objects.pop(self.location.key(path), None)
        self.objects_s.setdefault(path, []).append(now_s())

    def start(self, plan: Plan) -> TrueExecution:
        """StartTaskExecution: it is queued behind the one before."""
        number = len(self.executions)
        scrambled = (number * 7919 + self.number * 104_729 + 5) % 65_521  # Ids do not sort by time.
        arn = ExecutionArn(f"{self.arn}/execution/exec-{scrambled:05x}{number:012x}")
        execution = TrueExecution(arn, self, plan, now_s())
        self.executions.append(execution)
        return execution


class Doing:
    """One execution being done: `transfer`, `verify` and `end`, with time between them."""

    def __init__(self, execution: TrueExecution) -> None:
        self.execution = execution
        self.task = execution.task
        self.plan = execution.plan
        self.random = execution.task.random
        name = f"{self.task.arn.split('/')[1]}-{execution.id}"
        group = self.task.cloud.logs.groups[self.task.group]
        self.streams = []
        for number in range(self.plan.streams):
            late_s = self.plan.stream_late_s if number == 0 else 0.0
            self.streams.append(group.setdefault(name + "-x" * number, Stream(now_s() + late_s)))
        self.late: list[tuple[Word, Stream, str, str]] = []
        todo = [path for path in sorted(self.task.source) if self.random.random() >= self.plan.filtered]
        self.paths = todo[: self.random.randint(0, len(todo))] if self.plan.cut_off else todo
        self.touched: set[str] = set()
        self.strange = False

    def word(self, path: str) -> Word:
        return self.execution.words.setdefault(path, Word())

    def transfer(self) -> None:
        """Copy what is new or changed; delete what is gone."""
        for path in self.paths:
            content, size_bytes = self.task.source[path]
            if self.task.arrived.get(path, (None,))[0] == content:
                continue
            self.task.put(path, content, size_bytes)
            self.touched.add(path)
            if self.plan.verify_mode != "NONE":
                self.word(path).transferred = True
            if self.plan.logs_transfers:
                self.say("transferred", path, size_bytes)
        for path in sorted(self.task.arrived.keys() - self.task.source.keys()):
            if self.random.random() < 0.5 and not self.plan.cut_off:
                self.task.remove(path)
                self.say("deleted", path, None)
                self.word(path).deleted = True

    def verify(self) -> None:
        """Verify what this mode verifies. A file that fails is copied again by the next execution."""
        if self.plan.verify_mode == "NONE":
            return
        whole = self.plan.verify_mode == "POINT_IN_TIME_CONSISTENT"
        for path in self.paths:
            if path in self.touched or (whole and path in self.task.arrived):
                self._verify_file(path)
        if whole or self.touched:
            for path in sorted({path.rpartition("/")[0] for path in self.paths}):
                self.execution.directories.add(path)
                self.say("directory", path, None)
        self._say_strange_things()

    def _say_strange_things(self) -> None:
        """Of names that no object can have, and in lines that nobody knows."""
        if self.plan.failures and self.random.random() < 0.3:
            strange = UNSTORABLE if self.task.mode is TaskMode.BASIC else self.random.choice([UNSTORABLE, UNSPEAKABLE])
            self.say("failed", strange, None)
            self.strange = True
        for chatter in ("[INFO] something that nobody has seen before", '{"Action": "PONDER"}', "[WARN] slow"):
            if self.random.random() < 0.2:
                self.write(self.streams[0], chatter, late_s=0.0)

    def _verify_file(self, path: str) -> None:
        version = self.task.arrived[path][1]
        fails = self.random.random() < self.plan.failures
        if not fails or self.random.random() < 0.3:
            self.word(path).verified = version
            self.say("verified", path, version.size_bytes)
        if fails:
            self.say("failed", path, None)
            self.word(path).failed = True
            self.task.arrived[path] = (-1, version)

    def end(self) -> None:
        """Report a terminal status; the last lines follow when they like."""
        execution, plan = self.execution, self.plan
        failed = self.strange or any(word.failed for word in execution.words.values())
        execution.status = "ERROR" if failed or plan.cut_off else "SUCCESS"
        execution.ended_s = now_s()
        if plan.finish == "last" and self.task.mode is TaskMode.BASIC:
            self.say_finished()
        files = sum(1 for word in execution.words.values() if word.verified)
        folders = len(execution.directories) if self.task.mode is TaskMode.BASIC else 0
        exact = files + folders
        execution.counter = {
            "exact": exact, "high": exact + 2, "low": max(0, exact - 1), "files": files, "absent": None,
        }[plan.counter]  # fmt: skip
        execution.vouched = plan.counter == "exact"
        self._place_late_lines()

    def say_finished(self) -> None:
        word = "Success" if self.execution.status == "SUCCESS" else "Error"
        self.write(self.streams[-1], f"[INFO] Execution {self.execution.id} finished with status {word}.", late_s=0.0)

    def say(self, kind: str, path: str, size_bytes: int | None) -> None:
        """Log it, in one of the streams; a line that is to be late is written when the execution has ended."""
        stream = self.random.choice(self.streams)
        text = _basic(kind, path, size_bytes) if self.task.mode is TaskMode.BASIC else _enhanced(kind, path, size_bytes)
        if text is None:
            return
        word = self.word(path) if kind != "directory" and path not in (UNSTORABLE, UNSPEAKABLE) else Word()
        if kind == "verified" and self.plan.late_s and self.random.random() < 0.3:
            self.late.append((word, stream, text, kind))
            return
        visible_s = self.write(stream, text, late_s=self.random.uniform(0.0, 2.0))
        word.visible_s = max(word.visible_s, visible_s)
        if kind == "verified":
            word.verified_visible_s = max(visible_s, stream.appears_s)
        if self.random.random() < self.plan.duplicates:
            self.task.cloud.logs.count["line twice"] += 1
            self.write(self.random.choice(self.streams), text, late_s=self.random.uniform(0.0, 60.0))

    def _place_late_lines(self) -> None:
        """Late lines come after the end. Where no exact counter vouches for them, nobody could miss them for long."""
        count = self.task.cloud.logs.count
        for word, stream, text, _ in self.late:
            longest_s = self.plan.late_s if self.execution.vouched else self.task.settle_s * 0.8
            late_s = self.random.uniform(0.0, longest_s)
            if self.execution.vouched and self.random.random() < self.plan.lost_lines:
                count["line that never comes"] += 1
                word.verified_visible_s = word.visible_s = float("inf")
                continue
            hole = self.execution.vouched and self.random.random() < 0.6
            count["hole that fills later" if hole else "late line"] += 1
            visible_s = self.write(stream, text, late_s=late_s, hole=hole)
            word.visible_s = max(word.visible_s, visible_s)
            word.verified_visible_s = max(visible_s, stream.appears_s)

    def write(self, stream: Stream, text: str, *, late_s: float, hole: bool = False) -> float:
        """Put a line into a stream: where it arrives, or, as a hole, where it would have stood in time."""
        self.task.lines += 1
        visible_s = now_s() + late_s
        place_s = now_s() - self.random.uniform(0.0, 30.0) if hole else visible_s
        at_ms = epoch_ms(now_s() - self.random.uniform(0.0, 3.0))
        stream.add(Line((place_s, self.task.lines), visible_s, at_ms, text))
        return visible_s


def _basic(kind: str, path: str, size_bytes: int | None) -> str | None:
    match kind:
        case "verified":
            return f"[NOTICE] Verified file /{path}, {size_bytes} bytes"
        case "transferred":
            return f"[NOTICE] Transferred file /{path}, {size_bytes} bytes"
        case "deleted":
            return f"[NOTICE] Deleted file /{path}"
        case "directory":
            return f"[NOTICE] Verified directory /{path}"
    return f"[NOTICE] Verification failed <> /{path}"


def _enhanced(kind: str, path: str, size_bytes: int | None) -> str | None:
    if kind == "directory":
        return None
    action = {"verified": "VERIFY", "failed": "VERIFY", "transferred": "TRANSFER", "deleted": "DELETE"}[kind]
    metadata = {"Type": "Object"} | ({} if size_bytes is None else {"ContentSize": size_bytes})
    record = {"Action": action, "Destination": {"RelativePath": path, "Metadata": metadata}}
    if kind == "failed":
        record |= {"ErrorCode": "VerificationFailed", "ErrorDetail": "Source and destination differ"}
    return json.dumps(record)


@dataclass
class SimulatedDataSync:
    """What DataSync's API says."""

    tasks_: list[TrueTask]

    async def list_tasks(self) -> Sequence[TaskListing]:
        return [TaskListing(t.arn, "RUNNING" if _runs(t) else "AVAILABLE") for t in self.tasks_]

    async def describe_task(self, arn: TaskArn) -> TaskDescription:
        return self._task(arn).description()

    async def list_executions(self, task: TaskArn) -> Sequence[ExecutionListing]:
        return [ExecutionListing(e.arn, e.status) for e in reversed(self._task(task).executions)]

    async def describe_execution(self, arn: ExecutionArn) -> ExecutionDescription:
        for execution in self._task(TaskArn(arn.split("/execution/")[0])).executions:
            if execution.arn == arn:
                return execution.described()
        raise NotFoundError("datasync.DescribeTaskExecution", f"there is no execution {arn}")

    def _task(self, arn: TaskArn) -> TrueTask:
        return next(task for task in self.tasks_ if task.arn == arn)


def _runs(task: TrueTask) -> bool:
    return any(execution.ended_s is None for execution in task.executions)
