"""The ports on AWS services other than the table, and on clocks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from service.domain.messages import Message, StoredObject
from service.domain.names import ExecutionArn, TaskArn
from service.domain.notifications import Notification
from service.domain.port_types import (
    ExecutionDescription,
    ExecutionListing,
    LogPage,
    ObjectPage,
    SendResult,
    TaskDescription,
    TaskListing,
)


class Clock(NamedTuple):
    """Two clocks: a monotonic one in seconds, and the time of day in milliseconds since the epoch."""

    monotonic_s: Callable[[], float]
    now_ms: Callable[[], int]


class DataSync(Protocol):
    """Tasks and their executions."""

    async def list_tasks(self) -> Sequence[TaskListing]:
        """List all tasks that the service processes, in no order."""

    async def describe_task(self, arn: TaskArn) -> TaskDescription:
        """Describe a task. Raise NotFoundError if there is none with this ARN."""

    async def list_executions(self, task: TaskArn) -> Sequence[ExecutionListing]:
        """List all executions of the task that DataSync remembers (30 days), in no order."""

    async def describe_execution(self, arn: ExecutionArn) -> ExecutionDescription:
        """Describe an execution. Raise NotFoundError if DataSync does not know it, or no longer."""


class Logs(Protocol):
    """Log streams."""

    async def list_streams(self, group: str, prefix: str) -> Sequence[str]:
        """List the streams whose names begin with the prefix. Raise NotFoundError if there is no such group."""

    async def read_page(self, group: str, stream: str, token: str | None) -> LogPage:
        """Read the page after the token, or the first one. Events may come late, twice, or only in a later pass.

        Raise RequestRejectedError if the token is no longer valid, NotFoundError if there is no such stream.
        """


class Queue(Protocol):
    """The queue that messages are sent to."""

    batch_size: int
    """The most messages of one `send`."""

    async def send(self, messages: Sequence[Message]) -> SendResult:
        """Send a batch. A message that is reported as `sent` is in the queue; it may be there twice.

        Raise TransientError if it is not known whether any was accepted, NotFoundError if there is no such queue.
        """


class Topic(Protocol):
    """The topic that notifications are published to."""

    async def publish(self, notification: Notification) -> None:
        """Return once the topic has accepted it. It may accept it twice, and may have accepted it when this raises.

        Raise RequestRejectedError if it will never accept this one, NotFoundError if there is no such topic.
        """


class WakeUps(Protocol):
    """Hints that something may have changed. Never proof, and they may not arrive."""

    async def wait(self) -> bool:
        """Wait for hints, for 20 s at most, and return whether any came. A hint may come twice.

        Raise NotFoundError if there is no such queue.
        """


class Objects(Protocol):
    """S3 objects. Both methods raise NotFoundError if there is no such bucket."""

    async def list_page(self, bucket: str, *, prefix: str, after: str) -> ObjectPage:
        """List up to a thousand objects under the prefix whose keys are greater than `after`."""

    async def head(self, bucket: str, key: str) -> StoredObject | None:
        """Return one object; None if there is no such key."""


class Readiness(Protocol):
    """A resource that must answer before the service can work."""

    async def check(self) -> str:
        """Return a few words about it. Raise NotFoundError if it is not there."""
