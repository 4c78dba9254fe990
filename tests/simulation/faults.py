"""The faults of a call: it is slow, it fails, its answer is lost, its caller is paused or dead."""

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
"""The AWS operation of each call of a port; every other call is one of the table."""


def operation(call: str) -> str:
    """Return the AWS operation of a call of a port."""
    return OPERATIONS.get(call, "dynamodb.Query")


@dataclass(frozen=True)
class Outage:
    """A time in which one of AWS's services is unavailable, or denies access."""

    ports: frozenset[str]
    begin_s: float
    end_s: float
    denied: bool = False


@dataclass
class Weather:
    """The rates of faults. After `until_s` there are none."""

    random: Random
    throttled: float = 0.0
    lost_answers: float = 0.0
    slow: float = 0.0
    slow_s: float = 0.0
    partial: float = 0.0
    spared: frozenset[str] = frozenset()
    outages: tuple[Outage, ...] = ()
    until_s: float = 0.0
    count: Counter[str] = field(default_factory=Counter)

    @property
    def over(self) -> bool:
        return now_s() >= self.until_s

    def latency_s(self) -> float:
        if not self.over and self.random.random() < self.slow:
            self.count["slow answer"] += 1
            return self.random.uniform(0.0, self.slow_s)
        return self.random.random() * 0.05

    def before(self, call: str) -> None:
        """Raise an error before the call takes effect."""
        for outage in self.outages:
            if outage.begin_s <= now_s() < outage.end_s and call.partition(".")[0] in outage.ports:
                self.count["access denied" if outage.denied else "call in an outage"] += 1
                raise (AccessDeniedError if outage.denied else TransientError)(operation(call), "outage")
        if not self.over and call not in self.spared and self.random.random() < self.throttled:
            self.count["throttled, or reset before the effect"] += 1
            raise TransientError(operation(call), "throttled")

    def after(self, call: str) -> None:
        """Raise an error after the call took effect: its answer is lost."""
        if not self.over and self.random.random() < self.lost_answers:
            self.count["answer lost after the effect"] += 1
            raise TransientError(operation(call), "connection reset")

    def failing(self) -> float:
        return 0.0 if self.over else self.partial


@dataclass
class Link:
    """A process's connection to AWS. Once it is dead, or while it is paused, no call goes through."""

    name: str
    weather: Weather
    trace: Callable[[str], None]
    dead: bool = False
    awake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.awake.set()

    async def call(self, name: str, effect: Callable[[], Awaitable[Any]]) -> Any:
        await self._travel()
        try:
            self.weather.before(name)
            result = await effect()
        except Exception as error:
            self.trace(f"{self.name}: {name} -> {type(error).__name__}: {error}")
            raise
        await self._travel()
        self.weather.after(name)
        return result

    async def _travel(self) -> None:
        if not self.dead:
            await asyncio.sleep(self.weather.latency_s())
            while not self.awake.is_set():
                await self.awake.wait()
        if self.dead:
            raise asyncio.CancelledError


class Port:
    """One port as a process uses it through its link."""

    def __init__(self, name: str, target: object, link: Link) -> None:
        self._name, self._target, self._link = name, target, link

    def __getattr__(self, attribute: str) -> Any:
        member = getattr(self._target, attribute)
        if not callable(member):
            return member
        name = f"{self._name}.{attribute}"

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._link.call(name, partial(member, *args, **kwargs))

        self.__dict__[attribute] = call
        return call


def through(link: Link, ports: WorkerPorts) -> WorkerPorts:
    """Return the same ports, used through a link."""
    each = {f.name: getattr(ports, f.name) for f in fields(WorkerPorts)}
    return WorkerPorts(**{name: Port(name, port, link) if port is not None else None for name, port in each.items()})
