"""A simulated DataSync: it changes files, and logs the changes late, repeatedly or not at all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from service.domain.errors import NotFoundError
from service.domain.execution import S3Location
from service.domain.messages import StoredObject
from service.domain.names import ExecutionArn, TaskArn, TaskMode
from service.domain.port_types import ExecutionDescription, ExecutionListing, TaskDescription, TaskListing
from tests.simulation.cloud import Cloud, LogLine, LogStream, epoch_ms, now_s

PATHS = (
    "a.csv", "b.csv", "dir/c.csv", "dir/d.csv", "dir/sub/e.csv", "f", "g/h", "i.txt", "k.txt", "l.txt",
    "m, 9 bytes", "n,, ", "o\nnewline", "p, 3 bytes/q", "[NOTICE] Verified file /zz, 1 bytes", 'r"uote',
    "s\x01control", "t\U0001f600", "u\uffff", "v&%20+", "dir", "w ", "x/.aws-datasync/y", ".aws-datasync-not",
)  # fmt: skip
METADATA_PATHS = (".aws-datasync", ".aws-datasync/part-1", ".aws-datasync/x/y")
TOO_LONG_PATH = "long/" + "n" * 1030
INVALID_PATH = "lone\ud800surrogate"


@dataclass(frozen=True)
class FileVersion:
    """A file's content at the destination location, as one transfer wrote it."""

    etag: str
    size_bytes: int
    put_s: float


@dataclass
class FileEvidence:
    """The statements of an execution's log about one file.

    `visible_s` is the time at which readers see the last of them, `verified_visible_s` the same for "verified".
    """

    verified: FileVersion | None = None
    transferred: bool = False
    failed: bool = False
    deleted: bool = False
    verified_visible_s: float = 0.0
    visible_s: float = 0.0


@dataclass(frozen=True)
class ExecutionScript:
    """The course of an execution, and the irregularities of its log."""

    verify_mode: str
    log_level: str
    start_delay_s: float
    is_cut_short: bool
    failure_rate: float
    filtered_rate: float
    max_line_delay_s: float
    lost_line_rate: float
    repeated_line_rate: float
    stream_count: int
    first_stream_delay_s: float
    finish_line: str
    counter: str
    counter_delay_s: float
    logs_transfers: bool


@dataclass
class SimulatedExecution:
    """An execution, with the evidence that a complete log contains. `counter` is FilesVerified."""

    arn: ExecutionArn
    task: "SimulatedTask"
    script: ExecutionScript
    started_s: float
    status: str = "QUEUED"
    ended_s: float | None = None
    evidence: dict[str, FileEvidence] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    counter: int | None = None
    has_exact_counter: bool = False

    @property
    def id(self) -> str:
        return self.arn.split("/")[3]

    @property
    def start_order(self) -> tuple[int, str]:
        return epoch_ms(self.started_s), self.id

    def description(self) -> ExecutionDescription:
        has_ended = self.ended_s is not None
        shows_counter = has_ended and now_s() >= self.ended_s + self.script.counter_delay_s
        return ExecutionDescription(
            arn=self.arn,
            status=self.status,
            task_mode=self.task.mode,
            verify_mode=self.script.verify_mode,
            log_level=self.script.log_level,
            started_at_ms=epoch_ms(self.started_s),
            ended_at_ms=epoch_ms(self.ended_s) if self.ended_s is not None else None,
            files_verified=self.counter if shows_counter else None,
            estimated_files=self.task.estimated_files,
        )


@dataclass
class SimulatedTask:
    """A task with the files of both locations, and its executions.

    Files are held by path: at the source as content and size, at the destination as content and version.
    `changes_s` holds the times at which the object of a path was written or deleted.
    """

    number: int
    mode: TaskMode
    cloud: Cloud
    random: Random
    settle_s: float
    estimated_files: int
    source_files: dict[str, tuple[int, int]] = field(default_factory=dict)
    destination_files: dict[str, tuple[int, FileVersion]] = field(default_factory=dict)
    executions: list[SimulatedExecution] = field(default_factory=list)
    changes_s: dict[str, list[float]] = field(default_factory=dict)
    content_count: int = 0
    line_count: int = 0

    def __post_init__(self) -> None:
        self.arn = TaskArn(f"arn:aws:datasync:eu-west-1:123456789012:task/task-{self.number:017x}")
        self.location = S3Location(f"bucket-{self.number}", self.random.choice(["", "in/", "deep/er/"]))
        self.group = f"/aws/datasync/{self.number}"
        self.objects = self.cloud.objects.buckets.setdefault(self.location.bucket, {})
        self.cloud.logs.groups[self.group] = {}

    def description(self) -> TaskDescription:
        return TaskDescription(self.arn, self.location, self.group)

    def change_source(self, paths: Sequence[str]) -> None:
        """Add files at the source, change existing ones, and sometimes remove one."""
        for path in paths:
            self.content_count += 1
            if path in self.source_files and self.random.random() < 0.15:
                del self.source_files[path]
            else:
                self.source_files[path] = (self.content_count, self.random.randint(0, 50))

    def put(self, path: str, content: int, size_bytes: int) -> FileVersion:
        """Write an object. S3's LastModified has whole seconds."""
        version = FileVersion(f"etag-{self.number}-{content}-{now_s():.3f}", size_bytes, now_s())
        key = self.location.key(path)
        self.objects[key] = StoredObject(key, size_bytes, version.etag, epoch_ms(now_s()) // 1000 * 1000)
        self.destination_files[path] = (content, version)
        self.changes_s.setdefault(path, []).append(now_s())
        return version

    def remove(self, path: str) -> None:
        """Delete an object."""
        del self.destination_files[path]
        self.objects.pop(self.location.key(path), None)
        self.changes_s.setdefault(path, []).append(now_s())

    def start(self, script: ExecutionScript) -> SimulatedExecution:
        """Start an execution. It is queued until the one before it has ended."""
        number = len(self.executions)
        scrambled = (number * 7919 + self.number * 104_729 + 5) % 65_521  # Ids do not sort by time.
        arn = ExecutionArn(f"{self.arn}/execution/exec-{scrambled:05x}{number:012x}")
        execution = SimulatedExecution(arn, self, script, now_s())
        self.executions.append(execution)
        return execution


class ExecutionRun:
    """The work of one execution, in three steps: `transfer`, `verify` and `end`. The caller lets time pass between."""

    def __init__(self, execution: SimulatedExecution) -> None:
        self.execution = execution
        self.task = execution.task
        self.script = execution.script
        self.random = execution.task.random
        name = f"{self.task.arn.split('/')[1]}-{execution.id}"
        group = self.task.cloud.logs.groups[self.task.group]
        self.streams = []
        for number in range(self.script.stream_count):
            delay_s = self.script.first_stream_delay_s if number == 0 else 0.0
            self.streams.append(group.setdefault(name + "-x" * number, LogStream(now_s() + delay_s)))
        self.delayed: list[tuple[FileEvidence, LogStream, str]] = []
        paths = [path for path in sorted(self.task.source_files) if self.random.random() >= self.script.filtered_rate]
        self.paths = paths[: self.random.randint(0, len(paths))] if self.script.is_cut_short else paths
        self.transferred: set[str] = set()
        self.has_failed_on_odd_path = False

    def evidence(self, path: str) -> FileEvidence:
        return self.execution.evidence.setdefault(path, FileEvidence())

    def transfer(self) -> None:
        """Copy new and changed files. Delete about half of the files that the source no longer has."""
        for path in self.paths:
            content, size_bytes = self.task.source_files[path]
            if self.task.destination_files.get(path, (None,))[0] == content:
                continue
            self.task.put(path, content, size_bytes)
            self.transferred.add(path)
            if self.script.verify_mode != "NONE":
                self.evidence(path).transferred = True
            if self.script.logs_transfers:
                self.log("transferred", path, size_bytes)
        for path in sorted(self.task.destination_files.keys() - self.task.source_files.keys()):
            if self.random.random() < 0.5 and not self.script.is_cut_short:
                self.task.remove(path)
                self.log("deleted", path, None)
                self.evidence(path).deleted = True

    def verify(self) -> None:
        """Verify the files that the verify mode includes. The next execution copies each failed file again."""
        if self.script.verify_mode == "NONE":
            return
        includes_all = self.script.verify_mode == "POINT_IN_TIME_CONSISTENT"
        for path in self.paths:
            if path in self.transferred or (includes_all and path in self.task.destination_files):
                self._verify_file(path)
        if includes_all or self.transferred:
            for path in sorted({path.rpartition("/")[0] for path in self.paths}):
                self.execution.directories.add(path)
                self.log("directory", path, None)
        self._log_odd_lines()

    def _log_odd_lines(self) -> None:
        """Log a failure of a path that no S3 object can have, and lines that no parser knows."""
        if self.script.failure_rate and self.random.random() < 0.3:
            is_basic = self.task.mode is TaskMode.BASIC
            path = TOO_LONG_PATH if is_basic else self.random.choice([TOO_LONG_PATH, INVALID_PATH])
            self.log("failed", path, None)
            self.has_failed_on_odd_path = True
        for line in ("[INFO] a line of an unknown kind", '{"Action": "PONDER"}', "[WARN] slow"):
            if self.random.random() < 0.2:
                self.write(self.streams[0], line, delay_s=0.0)

    def _verify_file(self, path: str) -> None:
        version = self.task.destination_files[path][1]
        fails = self.random.random() < self.script.failure_rate
        if not fails or self.random.random() < 0.3:
            self.evidence(path).verified = version
            self.log("verified", path, version.size_bytes)
        if fails:
            self.log("failed", path, None)
            self.evidence(path).failed = True
            self.task.destination_files[path] = (-1, version)

    def end(self) -> None:
        """Report a terminal status. Delayed lines follow it."""
        execution, script = self.execution, self.script
        failed = self.has_failed_on_odd_path or any(each.failed for each in execution.evidence.values())
        execution.status = "ERROR" if failed or script.is_cut_short else "SUCCESS"
        execution.ended_s = now_s()
        if script.finish_line == "last" and self.task.mode is TaskMode.BASIC:
            self._log_finish_line()
        files = sum(1 for each in execution.evidence.values() if each.verified)
        directories = len(execution.directories) if self.task.mode is TaskMode.BASIC else 0
        exact = files + directories
        execution.counter = {
            "exact": exact, "high": exact + 2, "low": max(0, exact - 1), "files": files, "absent": None,
        }[script.counter]  # fmt: skip
        execution.has_exact_counter = script.counter == "exact"
        self._write_delayed_lines()

    def _log_finish_line(self) -> None:
        status = "Success" if self.execution.status == "SUCCESS" else "Error"
        text = f"[INFO] Execution {self.execution.id} finished with status {status}."
        self.write(self.streams[-1], text, delay_s=0.0)

    def log(self, kind: str, path: str, size_bytes: int | None) -> None:
        """Write a line to one of the streams, or keep it until the execution has ended if it is to be delayed."""
        stream = self.random.choice(self.streams)
        is_basic = self.task.mode is TaskMode.BASIC
        text = _basic_line(kind, path, size_bytes) if is_basic else _enhanced_line(kind, path, size_bytes)
        if text is None:
            return
        is_file = kind != "directory" and path not in (TOO_LONG_PATH, INVALID_PATH)
        evidence = self.evidence(path) if is_file else FileEvidence()
        if kind == "verified" and self.script.max_line_delay_s and self.random.random() < 0.3:
            self.delayed.append((evidence, stream, text))
            return
        visible_s = self.write(stream, text, delay_s=self.random.uniform(0.0, 2.0))
        evidence.visible_s = max(evidence.visible_s, visible_s)
        if kind == "verified":
            evidence.verified_visible_s = max(visible_s, stream.visible_s)
        if self.random.random() < self.script.repeated_line_rate:
            self.task.cloud.logs.count["line repeated"] += 1
            self.write(self.random.choice(self.streams), text, delay_s=self.random.uniform(0.0, 60.0))

    def _write_delayed_lines(self) -> None:
        """Write the delayed lines, and lose some of them.

        The delay is shorter than the quiet time unless an exact counter shows that lines are missing.
        """
        count = self.task.cloud.logs.count
        has_exact_counter = self.execution.has_exact_counter
        for evidence, stream, text in self.delayed:
            max_delay_s = self.script.max_line_delay_s if has_exact_counter else self.task.settle_s * 0.8
            delay_s = self.random.uniform(0.0, max_delay_s)
            if has_exact_counter and self.random.random() < self.script.lost_line_rate:
                count["line lost"] += 1
                evidence.verified_visible_s = evidence.visible_s = float("inf")
                continue
            fills_gap = has_exact_counter and self.random.random() < 0.6
            count["gap filled later" if fills_gap else "line delayed"] += 1
            visible_s = self.write(stream, text, delay_s=delay_s, fills_gap=fills_gap)
            evidence.visible_s = max(evidence.visible_s, visible_s)
            evidence.verified_visible_s = max(visible_s, stream.visible_s)

    def write(self, stream: LogStream, text: str, *, delay_s: float, fills_gap: bool = False) -> float:
        """Add a line to a stream, and return when readers see it.

        Its position is that of its arrival. A line that fills a gap stands before lines that are visible already.
        """
        self.task.line_count += 1
        visible_s = now_s() + delay_s
        position_s = now_s() - self.random.uniform(0.0, 30.0) if fills_gap else visible_s
        at_ms = epoch_ms(now_s() - self.random.uniform(0.0, 3.0))
        stream.add(LogLine((position_s, self.task.line_count), visible_s, at_ms, text))
        return visible_s


def _basic_line(kind: str, path: str, size_bytes: int | None) -> str:
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


def _enhanced_line(kind: str, path: str, size_bytes: int | None) -> str | None:
    """Return a line, or None for a directory, which Enhanced mode does not log."""
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
    """DataSync's API on these tasks."""

    tasks: list[SimulatedTask]

    async def list_tasks(self) -> Sequence[TaskListing]:
        return [TaskListing(task.arn, "RUNNING" if _is_running(task) else "AVAILABLE") for task in self.tasks]

    async def describe_task(self, arn: TaskArn) -> TaskDescription:
        return self._task(arn).description()

    async def list_executions(self, task: TaskArn) -> Sequence[ExecutionListing]:
        return [ExecutionListing(e.arn, e.status) for e in reversed(self._task(task).executions)]

    async def describe_execution(self, arn: ExecutionArn) -> ExecutionDescription:
        for execution in self._task(TaskArn(arn.split("/execution/")[0])).executions:
            if execution.arn == arn:
                return execution.description()
        raise NotFoundError("datasync.DescribeTaskExecution", f"there is no execution {arn}")

    def _task(self, arn: TaskArn) -> SimulatedTask:
        return next(task for task in self.tasks if task.arn == arn)


def _is_running(task: SimulatedTask) -> bool:
    return any(execution.ended_s is None for execution in task.executions)
