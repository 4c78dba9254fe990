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
TOKEN_LIFETIME_S = 24 * 3600.0


def now_s() -> float:
    """Return the virtual time since the simulation began."""
    return asyncio.get_running_loop().time()


def epoch_ms(at_s: float) -> int:
    """Return the time of day at a virtual time."""
    return EPOCH_S * 1000 + round(at_s * 1000)


class LogLine(NamedTuple):
    """A log event at a position in its stream. Readers see it from `visible_s` on."""

    position: tuple[float, int]
    visible_s: float
    at_ms: int
    message: str


@dataclass
class LogStream:
    """A log stream. Only reading from the head finds a line that becomes visible before a reader's token."""

    visible_s: float
    lines: list[LogLine] = field(default_factory=list)

    def add(self, line: LogLine) -> None:
        insort(self.lines, line)


@dataclass
class SimulatedLogs:
    """GetLogEvents with empty pages before the end, tokens that expire or are rejected, and groups that appear late.

    `tokens` holds the position of each token and the virtual time at which it was issued.
    """

    random: Random
    page_size: int
    empty_page_rate: float
    token_rejection_rate: float
    groups: dict[str, dict[str, LogStream]] = field(default_factory=lambda: defaultdict(dict))
    group_visible_s: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, tuple[tuple[float, int], float]] = field(default_factory=dict)
    count: Counter[str] = field(default_factory=Counter)

    async def list_streams(self, group: str, prefix: str) -> Sequence[str]:
        now = now_s()
        if now < self.group_visible_s.get(group, 0.0):
            self.count["log group does not exist yet"] += 1
            raise NotFoundError("logs.DescribeLogStreams", f"there is no log group {group}")
        return [n for n, s in sorted(self.groups[group].items()) if n.startswith(prefix) and s.visible_s <= now]

    async def read_page(self, group: str, stream: str, token: str | None) -> LogPage:
        now = now_s()
        found = self.groups[group].get(stream)
        if found is None or now < found.visible_s:
            raise NotFoundError("logs.GetLogEvents", f"there is no log stream {stream}")
        start = self._position(token, now)
        lines = [line for line in found.lines if line.position > start and line.visible_s <= now][: self.page_size]
        if not lines and token is not None:
            return LogPage((), token, at_end=True)
        if lines and self.random.random() < self.empty_page_rate:
            self.count["empty page before the end"] += 1
            lines = []
        events = [LogEvent(line.at_ms, line.message) for line in lines]
        return LogPage(events, self._issue_token(lines[-1].position if lines else start, now), at_end=False)

    def _position(self, token: str | None, now: float) -> tuple[float, int]:
        if token is None:
            return (-1.0, 0)
        position, issued_s = self.tokens[token]
        if now - issued_s >= TOKEN_LIFETIME_S or self.random.random() < self.token_rejection_rate:
            self.count["token rejected"] += 1
            raise RequestRejectedError("logs.GetLogEvents", "the token is not valid")
        return position

    def _issue_token(self, position: tuple[float, int], now: float) -> str:
        token = f"f/{len(self.tokens):08d}"
        self.tokens[token] = (position, now)
        return token


class AcceptedMessage(NamedTuple):
    """A message that the queue has accepted."""

    at_s: float
    sender: str
    message: Message


@dataclass
class SimulatedQueue:
    """A queue that fails some messages of a batch temporarily."""

    random: Random
    failure_rate: Callable[[], float]
    batch_size: int = 10
    accepted: list[AcceptedMessage] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)

    def for_sender(self, name: str) -> "SenderQueue":
        return SenderQueue(self, name)

    async def send(self, messages: Sequence[Message], sender: str) -> SendResult:
        rate = self.failure_rate()
        failed = {m.id for m in messages if self.random.random() < rate}
        self.count["message failed in a batch"] += len(failed)
        self.accepted += [AcceptedMessage(now_s(), sender, m) for m in messages if m.id not in failed]
        return SendResult(frozenset(m.id for m in messages) - failed, frozenset(failed), {})


@dataclass
class SenderQueue:
    """The queue as one worker uses it. It records the worker as the sender."""

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
        arrives_s = self.random.expovariate(1 / self.mean_s)
        await asyncio.sleep(min(arrives_s, 20.0))
        self.count["wake-up"] += arrives_s <= 20.0
        return arrives_s <= 20.0


@dataclass
class SimulatedExecutionStore(MemoryExecutionStore):
    """The table's executions, with the history of their phases and an index that lags by up to `lag_s`."""

    history: dict[ExecutionId, list[tuple[float, Phase]]] = field(default_factory=lambda: defaultdict(list))
    lag_s: float = 0.0
    indexed: tuple[float, Sequence[ExecutionEntry]] = (-1e9, ())

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
        if now_s() - self.indexed[0] > self.lag_s:
            self.indexed = (now_s(), await super().active_executions())
        return self.indexed[1]

    def _record(self, execution: Execution) -> None:
        history = self.history[execution.id]
        phase = self.records[execution.id].phase
        if not history or history[-1][1] is not phase:
            history.append((now_s(), phase))

    def phase_at(self, execution: ExecutionId, at_s: float) -> tuple[float, Phase] | None:
        """Return the phase at a virtual time, and the time at which that phase began."""
        return next((entry for entry in reversed(self.history[execution]) if entry[0] <= at_s), None)


@dataclass(kw_only=True)
class SimulatedFactStore(MemoryFactStore):
    """Facts of which a call may store some runs only. `current_failure_rate` returns the share of such calls."""

    random: Random
    current_failure_rate: Callable[[], float]
    fault_counts: Counter[str]

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        if self.random.random() >= self.current_failure_rate():
            await super().add(execution, facts)
            return
        runs = list(pack(facts))
        stored = self.random.sample(runs, self.random.randrange(len(runs)))
        self.runs.setdefault(execution.id, {}).update((run.key, run) for run in stored)
        self.fault_counts["facts stored in part"] += 1
        raise TransientError("dynamodb.BatchWriteItem", "part of a batch stayed unprocessed")


@dataclass
class Cloud:
    """All simulated services."""

    logs: SimulatedLogs
    queue: SimulatedQueue
    facts: SimulatedFactStore
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    outcomes: MemoryOutcomeStore = field(default_factory=MemoryOutcomeStore)
    executions: SimulatedExecutionStore = field(default_factory=SimulatedExecutionStore)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    topic: MemoryTopic = field(default_factory=MemoryTopic)

    def __post_init__(self) -> None:
        self.executions.outbox = self.outbox
        self.tasks = MemoryTaskStore(self.executions)
