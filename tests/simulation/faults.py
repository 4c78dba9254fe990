"""The faults of a call: it is slow, it fails, its answer is lost, or its caller is paused or killed."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from functools import partial
from random import Random
from typing import Any

from service.domain.errors import AccessDeniedError, TransientError
from service.ports import WorkerPorts
from tests.simulation.cloud import now_s

OPERATIONS = {
    "datasync.list_tasks": "datasync.ListTasks",
    "datasync.describe_task": "datasync.DescribeTask",
    "datasync.list_executions": "datasync.ListTaskExecutions",
    "datasync.describe_execution": "datasync.DescribeTaskExecution",
    "logs.list_streams": "logs.DescribeLogStreams",
    "logs.read_page": "logs.GetLogEvents",
    "queue.send": "sqs.SendMessageBatch",
    "objects.list_page": "s3.ListObjectsV2",
    "objects.head": "s3.HeadObject",
    "topic.publish": "sns.Publish",
    "wake_ups.wait": "sqs.ReceiveMessage",
}
"""The AWS operation of each call of a port. All other calls are calls of the table."""


def operation(call: str) -> str:
    """Return the AWS operation of a call of a port."""
    return OPERATIONS.get(call, "dynamodb.Query")


@dataclass(frozen=True)
class Outage:
    """A time in which the services of some ports are unavailable or deny access."""

    ports: frozenset[str]
    begin_s: float
    end_s: float
    denied: bool = False


@dataclass
class FaultInjector:
    """The rates of faults, and the errors that calls raise at these rates. After `until_s` only outages remain.

    Calls in `unthrottled_calls` are never throttled.
    """

    random: Random
    throttling_rate: float = 0.0
    lost_answer_rate: float = 0.0
    slow_answer_rate: float = 0.0
    max_delay_s: float = 0.0
    message_failure_rate: float = 0.0
    unthrottled_calls: frozenset[str] = frozenset()
    outages: tuple[Outage, ...] = ()
    until_s: float = 0.0
    count: Counter[str] = field(default_factory=Counter)

    @property
    def is_over(self) -> bool:
        return now_s() >= self.until_s

    def latency_s(self) -> float:
        if not self.is_over and self.random.random() < self.slow_answer_rate:
            self.count["slow answer"] += 1
            return self.random.uniform(0.0, self.max_delay_s)
        return self.random.random() * 0.05

    def before_effect(self, call: str) -> None:
        """Raise an error if the call fails before it takes effect."""
        for outage in self.outages:
            if outage.begin_s <= now_s() < outage.end_s and call.partition(".")[0] in outage.ports:
                self.count["access denied" if outage.denied else "call during an outage"] += 1
                raise (AccessDeniedError if outage.denied else TransientError)(operation(call), "outage")
        can_be_throttled = not self.is_over and call not in self.unthrottled_calls
        if can_be_throttled and self.random.random() < self.throttling_rate:
            self.count["throttled, or reset before the effect"] += 1
            raise TransientError(operation(call), "throttled")

    def after_effect(self, call: str) -> None:
        """Raise an error if the call took effect and its answer is lost."""
        if not self.is_over and self.random.random() < self.lost_answer_rate:
            self.count["answer lost after the effect"] += 1
            raise TransientError(operation(call), "connection reset")

    def current_message_failure_rate(self) -> float:
        return 0.0 if self.is_over else self.message_failure_rate


@dataclass
class Connection:
    """A process's connection to AWS. No call passes while the process is paused, or after it was killed."""

    name: str
    injector: FaultInjector
    trace: Callable[[str], None]
    is_killed: bool = False
    running: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.running.set()

    async def call(self, name: str, effect: Callable[[], Awaitable[Any]]) -> Any:
        await self._transmit()
        try:
            self.injector.before_effect(name)
            result = await effect()
        except Exception as error:
            self.trace(f"{self.name}: {name} -> {type(error).__name__}: {error}")
            raise
        await self._transmit()
        self.injector.after_effect(name)
        return result

    async def _transmit(self) -> None:
        if not self.is_killed:
            await asyncio.sleep(self.injector.latency_s())
            while not self.running.is_set():
                await self.running.wait()
        if self.is_killed:
            raise asyncio.CancelledError


class ConnectedPort:
    """One port as a process uses it over its connection."""

    def __init__(self, name: str, target: object, connection: Connection) -> None:
        self._name, self._target, self._connection = name, target, connection

    def __getattr__(self, attribute: str) -> Any:
        member = getattr(self._target, attribute)
        if not callable(member):
            return member
        name = f"{self._name}.{attribute}"

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._connection.call(name, partial(member, *args, **kwargs))

        self.__dict__[attribute] = call
        return call


def connect(ports: WorkerPorts, connection: Connection) -> WorkerPorts:
    """Return the ports with every call sent over the connection."""
    each = {f.name: getattr(ports, f.name) for f in fields(WorkerPorts)}
    return WorkerPorts(
        **{name: ConnectedPort(name, port, connection) if port is not None else None for name, port in each.items()}
    )
