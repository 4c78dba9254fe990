"""The ports on AWS services other than the table, in memory: DataSync, logs, queue, objects, topic, wake-ups."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.domain.errors import NotFoundError, RequestRejectedError
from service.domain.messages import Message, StoredObject
from service.domain.names import ExecutionArn, TaskArn
from service.domain.notifications import Notification
from service.domain.port_types import (
    ExecutionDescription,
    ExecutionListing,
    LogEvent,
    LogPage,
    ObjectPage,
    SendResult,
    TaskDescription,
    TaskListing,
)


@dataclass
class MemoryDataSync:
    """Tasks and executions, from these dicts."""

    described_tasks: dict[TaskArn, TaskDescription] = field(default_factory=dict)
    described: dict[ExecutionArn, ExecutionDescription] = field(default_factory=dict)

    async def list_tasks(self) -> Sequence[TaskListing]:
        running = {arn.split("/execution/")[0] for arn, known in self.described.items() if known.ended_at_ms is None}
        return [TaskListing(arn, "RUNNING" if arn in running else "AVAILABLE") for arn in self.described_tasks]

    async def describe_task(self, arn: TaskArn) -> TaskDescription:
        if arn not in self.described_tasks:
            raise NotFoundError("datasync.DescribeTask", f"there is no task {arn}")
        return self.described_tasks[arn]

    async def list_executions(self, task: TaskArn) -> Sequence[ExecutionListing]:
        return [ExecutionListing(arn, e.status) for arn, e in self.described.items() if arn.startswith(f"{task}/")]

    async def describe_execution(self, arn: ExecutionArn) -> ExecutionDescription:
        if arn not in self.described:
            raise NotFoundError("datasync.DescribeTaskExecution", f"there is no execution {arn}")
        return self.described[arn]


@dataclass
class MemoryLogs:
    """Log streams by group and name. A page has `page_size` events, in the order in which they were added."""

    groups: dict[str, dict[str, list[LogEvent]]] = field(default_factory=dict)
    page_size: int = 10_000

    async def list_streams(self, group: str, prefix: str) -> Sequence[str]:
        if group not in self.groups:
            raise NotFoundError("logs.DescribeLogStreams", f"there is no log group {group}")
        return sorted(name for name in self.groups[group] if name.startswith(prefix))

    async def read_page(self, group: str, stream: str, token: str | None) -> LogPage:
        try:
            events = self.groups[group][stream]
        except KeyError:
            raise NotFoundError("logs.GetLogEvents", f"there is no log stream {stream} in {group}") from None
        if token is not None and not (token.isdigit() and int(token) <= len(events)):
            raise RequestRejectedError("logs.GetLogEvents", "the token is not valid")
        start = int(token or 0)
        page = events[start : start + self.page_size]
        reached = str(start + len(page))
        return LogPage(page, reached, at_end=reached == token)


@dataclass
class MemoryQueue:
    """A queue that keeps its messages in order. It rejects each id in `refuses`, with the reason given there."""

    messages: list[Message] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    batch_size: int = 10

    async def send(self, messages: Sequence[Message]) -> SendResult:
        accepted = [message for message in messages if message.id not in self.refuses]
        self.messages.extend(accepted)
        rejected = {message.id: self.refuses[message.id] for message in messages if message.id in self.refuses}
        return SendResult(frozenset(message.id for message in accepted), frozenset(), rejected)


@dataclass
class MemoryTopic:
    """A topic that keeps its notifications in order. It rejects those of each execution in `refuses`."""

    notifications: list[Notification] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)

    async def publish(self, notification: Notification) -> None:
        execution_id = notification.attributes["execution_id"]
        if execution_id in self.refuses:
            raise RequestRejectedError("sns.Publish", self.refuses[execution_id])
        self.notifications.append(notification)


@dataclass
class MemoryWakeUps:
    """A queue that has a wake-up when `came` is set. Several at a time count as one."""

    came: asyncio.Event = field(default_factory=asyncio.Event)
    wait_s: float = 20.0

    async def wait(self) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.came.wait(), self.wait_s)
        woken = self.came.is_set()
        self.came.clear()
        return woken


@dataclass
class MemoryObjects:
    """Objects by bucket and key. A page is `page_size` objects."""

    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)
    page_size: int = 1000

    async def list_page(self, bucket: str, *, prefix: str, after: str) -> ObjectPage:
        objects = self._bucket(bucket)
        keys = sorted(key for key in objects if key.startswith(prefix) and key > after)
        return ObjectPage([objects[key] for key in keys[: self.page_size]], len(keys) <= self.page_size)

    async def head(self, bucket: str, key: str) -> StoredObject | None:
        return self._bucket(bucket).get(key)

    def _bucket(self, bucket: str) -> dict[str, StoredObject]:
        if bucket not in self.buckets:
            raise NotFoundError("s3.ListObjectsV2", f"there is no bucket {bucket}")
        return self.buckets[bucket]
