"""The simulated CloudWatch Logs, S3, SQS, SNS and table: in memory, with the irregularities of the real ones."""

import asyncio
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from service.domain.errors import NotFoundError, RequestRejectedError, TransientError
from service.domain.execution import Execution
from service.domain.fact_runs import pack
from service.domain.facts import Fact
from service.domain.messages import Message
from service.domain.names import ExecutionId
from service.domain.phases import Phase
from service.domain.port_types import ExecutionEntry, Lease, LogEvent, LogPage, SendResult
from tests.fakes.services import MemoryObjects, MemoryTopic
from tests.fakes.stores import (
    MemoryExecutionStore,
    MemoryFactStore,
    MemoryOutbox,
    MemoryOutcomeStore,
    MemoryTaskStore,
)

EPOCH_S = 1_767_323_045  # 2026-01-02T03:04:05Z
TOKEN_LIFE_S = 24 * 3600.0


def now_s() -> float:
    """Seconds of virtual time since the simulation began."""
    return asyncio.get_running_loop().time()


def epoch_ms(at_s: float) -> int:
    """The wall clock's reading at a virtual time."""
    return EPOCH_S * 1000 + round(at_s * 1000)


class Line(NamedTuple):
    """A log event at a place in its stream. It can be read from `visible_s` on."""

    place: tuple[float, int]
    visible_s: float
    at_ms: int
    message: str


@dataclass
class Stream:
    """A log stream. A line that becomes visible before a reader's token is found only by reading from the head."""

    appears_s: float
    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        insort(self.lines, line)


@dataclass
class SimulatedLogs:
    """GetLogEvents with empty pages before the end, tokens that expire or are rejected, and groups that appear late."""

    random: Random
    page_size: int
    empty_pages: float
    refused_tokens: float
    groups: dict[str, dict[str, Stream]] = field(default_factory=lambda: defaultdict(dict))
    appears_s: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, tuple[tuple[float, int], float]] = field(default_factory=dict)
    count: Counter[str] = field(default_factory=Counter)

    async def list_streams(self, group: str, prefix: str) -> Sequence[str]:
        now = now_s()
        if now < self.appears_s.get(group, 0.0):
            self.count["log group not there yet"] += 1
            raise NotFoundError("logs.DescribeLogStreams", f"there is no log group {group}")
        return [n for n, s in sorted(self.groups[group].items()) if n.startswith(prefix) and s.appears_s <= now]

    async def read_page(self, group: str, stream: str, token: str | None) -> LogPage:
        now = now_s()
        found = self.groups[group].get(stream)
        if found is None or now < found.appears_s:
            raise NotFoundError("logs.GetLogEvents", f"there is no log stream {stream}")
        place = self._place(token, now)
        lines = [line for line in found.lines if line.place > place and line.visible_s <= now][: self.page_size]
        if not lines and token is not None:
            return LogPage((), token, at_end=True)
        if lines and self.random.random() < self.empty_pages:
            self.count["empty page before the end"] += 1
            lines = []
        events = [LogEvent(line.at_ms, line.message) for line in lines]
        return LogPage(events, self._token(lines[-1].place if lines else place, now), at_end=False)

    def _place(self, token: str | None, now: float) -> tuple[float, int]:
        if token is None:
            return (-1.0, 0)
        place, since_s = self.tokens[token]
        if now - since_s >= TOKEN_LIFE_S or self.random.random() < self.refused_tokens:
            self.count["token refused"] += 1
            raise RequestRejectedError("logs.GetLogEvents", "the token is not valid")
        return place

    def _token(self, place: tuple[float, int], now: float) -> str:
        token = f"f/{len(self.tokens):08d}"
        self.tokens[token] = (place, now)
        return token


class Delivered(NamedTuple):
    """A message that the queue has accepted."""

    at_s: float
    by: str
    message: Message


@dataclass
class SimulatedQueue:
    """A queue that fails some messages for now, and rejects those in `refuses`."""

    random: Random
    failing: Callable[[], float]
    batch_size: int = 10
    delivered: list[Delivered] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    count: Counter[str] = field(default_factory=Counter)

    def seen_by(self, name: str) -> "SenderView":
        return SenderView(self, name)

    async def send(self, messages: Sequence[Message], by: str) -> SendResult:
        rejected = {m.id: "InvalidMessageContents" for m in messages if m.id in self.refuses}
        rest = [m for m in messages if m.id not in rejected]
        rate = self.failing()
        failed = {m.id for m in rest if self.random.random() < rate}
        self.count["message refused for good"] += len(rejected)
        self.count["message failed in a batch"] += len(failed)
        self.delivered += [Delivered(now_s(), by, m) for m in rest if m.id not in failed]
        return SendResult(frozenset(m.id for m in rest) - failed, frozenset(failed), rejected)


@dataclass
class SenderView:
    """The queue as one worker uses it, which records the sender."""

    queue: SimulatedQueue
    name: str

    @property
    def batch_size(self) -> int:
        return self.queue.batch_size

    async def send(self, messages: Sequence[Message]) -> SendResult:
        return await self.queue.send(messages, self.name)


@dataclass
class SimulatedWakeUps:
    """Wake-ups that arrive at random."""

    random: Random
    mean_s: float
    count: Counter[str] = field(default_factory=Counter)

    async def wait(self) -> bool:
        comes_s = self.random.expovariate(1 / self.mean_s)
        await asyncio.sleep(min(comes_s, 20.0))
        self.count["woken"] += comes_s <= 20.0
        return comes_s <= 20.0


@dataclass
class SimulatedExecutions(MemoryExecutionStore):
    """The table's executions, with the history of their phases and an overview that lags."""

    history: dict[ExecutionId, list[tuple[float, Phase]]] = field(default_factory=lambda: defaultdict(list))
    lag_s: float = 0.0
    seen: tuple[float, Sequence[ExecutionEntry]] = (-1e9, ())

    async def register(self, execution: Execution) -> bool:
        new = await super().register(execution)
        self._record(execution)
        return new

    async def save_owned(self, execution: Execution, lease: Lease, *, is_transition: bool) -> None:
        await super().save_owned(execution, lease, is_transition=is_transition)
        self._record(execution)

    async def transition_unowned(self, execution: Execution, *, expected_phase: Phase) -> None:
        await super().transition_unowned(execution, expected_phase=expected_phase)
        self._record(execution)

    async def active_executions(self) -> Sequence[ExecutionEntry]:
        if now_s() - self.seen[0] > self.lag_s:
            self.seen = (now_s(), await super().active_executions())
        return self.seen[1]

    def _record(self, execution: Execution) -> None:
        history = self.history[execution.id]
        phase = self.records[execution.id].phase
        if not history or history[-1][1] is not phase:
            history.append((now_s(), phase))

    def phase_at(self, execution: ExecutionId, at_s: float) -> tuple[float, Phase] | None:
        """Return the phase at a time, and since when."""
        return next((entry for entry in reversed(self.history[execution]) if entry[0] <= at_s), None)


@dataclass(kw_only=True)
class SimulatedFacts(MemoryFactStore):
    """Facts of which a call may store some runs only. `failing` returns the share of such calls."""

    random: Random
    failing: Callable[[], float]
    count: Counter[str]

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        if self.random.random() >= self.failing():
            await super().add(execution, facts)
            return
        runs = list(pack(facts))
        stored = self.random.sample(runs, self.random.randrange(len(runs)))
        self.runs.setdefault(execution.id, {}).update((run.key, run) for run in stored)
        self.count["facts stored in part"] += 1
        raise TransientError("dynamodb.BatchWriteItem", "part of a batch stayed unprocessed")


@dataclass
class Cloud:
    """All simulated services."""

    logs: SimulatedLogs
    queue: SimulatedQueue
    facts: MemoryFactStore
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    outcomes: MemoryOutcomeStore = field(default_factory=MemoryOutcomeStore)
    executions: SimulatedExecutions = field(default_factory=SimulatedExecutions)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    topic: MemoryTopic = field(default_factory=MemoryTopic)

    def __post_init__(self) -> None:
        self.executions.outbox = self.outbox
        self.tasks = MemoryTaskStore(self.executions)
