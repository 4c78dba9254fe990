"""The ports on the table, in dicts. They pass the same suites as the DynamoDB adapters."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.domain.errors import ConflictError
from service.domain.execution import Execution
from service.domain.fact_runs import FactRun, pack, unpack
from service.domain.facts import Fact
from service.domain.names import ExecutionId, TaskId
from service.domain.phases import Phase
from service.domain.port_types import (
    ExecutionEntry,
    Lease,
    OutcomeRange,
    RunPage,
    SeekPoint,
    StoredRun,
    TaskRecord,
)
from service.domain.start_order import start_order


@dataclass
class MemoryFactStore:
    """Runs of facts by execution and key. A page is `page_size` runs."""

    runs: dict[str, dict[str, FactRun]] = field(default_factory=dict)
    seek_points: dict[str, Sequence[SeekPoint]] = field(default_factory=dict)
    page_size: int = 10

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        self.runs.setdefault(execution.id, {}).update((run.key, run) for run in pack(facts))

    async def read_page(self, execution: Execution, *, after_key: str) -> RunPage:
        runs, next_key = self._page(execution, after_key)
        return RunPage([StoredRun(run.key, unpack(run.key, run.text)) for run in runs], next_key)

    async def extend_expiry(self, execution: Execution, *, after_key: str) -> str | None:
        return self._page(execution, after_key)[1]

    async def write_seek_points(self, execution: Execution, seek_points: Sequence[SeekPoint]) -> None:
        self.seek_points[execution.id] = seek_points

    async def read_seek_points(self, execution: Execution) -> Sequence[SeekPoint]:
        return self.seek_points.get(execution.id, ())

    def facts(self, execution_id: str) -> set[Fact]:
        """Return the distinct facts of an execution."""
        return {fact for run in self.runs.get(execution_id, {}).values() for fact in unpack(run.key, run.text)}

    def _page(self, execution: Execution, after_key: str) -> tuple[list[FactRun], str | None]:
        runs = self.runs.get(execution.id, {})
        keys = sorted(key for key in runs if key > after_key)
        page = [runs[key] for key in keys[: self.page_size]]
        return page, page[-1].key if len(keys) > self.page_size else None


@dataclass
class MemoryOutcomeStore:
    """Ranges of outcomes by execution and last path."""

    ranges: dict[str, dict[str, OutcomeRange]] = field(default_factory=dict)

    async def write(self, execution: ExecutionId, outcomes: OutcomeRange, *, expires_at_s: int) -> None:
        self.ranges.setdefault(execution, {})[outcomes.last_path] = outcomes

    async def read(self, execution: ExecutionId, *, start: str, limit: int) -> Sequence[OutcomeRange]:
        ranges = self.ranges.get(execution, {})
        ends = sorted(ranges)
        first = bisect_left(ends, start)
        return [ranges[end] for end in ends[first : first + limit]]


@dataclass
class MemoryOutbox:
    """Executions as they were right after a transition, by outbox id."""

    executions: dict[str, Execution] = field(default_factory=dict)
    count: int = 0

    def put(self, execution: Execution) -> None:
        """Add an entry. Its id is greater than all earlier ones."""
        self.count += 1
        self.executions[f"{self.count:015d}#{execution.id}#{execution.phase}"] = execution

    async def pending(self, *, after: str, limit: int) -> Sequence[str]:
        return sorted(outbox_id for outbox_id in self.executions if outbox_id > after)[:limit]

    async def get(self, outbox_id: str) -> Execution | None:
        return self.executions.get(outbox_id)

    async def delete(self, outbox_id: str) -> None:
        self.executions.pop(outbox_id, None)


@dataclass
class MemoryExecutionStore:
    """Executions, their leases and the overview of both. `outbox` is set if notifications are wanted."""

    records: dict[ExecutionId, Execution] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    outbox: MemoryOutbox | None = None

    async def read(self, name: str) -> Lease:
        return self.leases.get(name, Lease(name, None, 0, 0))

    async def acquire(self, expected: Lease, owner: str) -> Lease:
        if await self.read(expected.name) != expected:
            raise ConflictError("dynamodb.UpdateItem", f"the lease {expected.name} has changed")
        self.leases[expected.name] = Lease(expected.name, owner, expected.fencing_token + 1, 0)
        return self.leases[expected.name]

    async def renew(self, lease: Lease) -> Lease:
        current = self._owned(lease)
        self.leases[lease.name] = current._replace(heartbeat=current.heartbeat + 1)
        return self.leases[lease.name]

    async def release(self, lease: Lease) -> None:
        current = await self.read(lease.name)
        if (current.owner, current.fencing_token) == (lease.owner, lease.fencing_token):
            self.leases[lease.name] = current._replace(owner=None)

    async def register(self, execution: Execution) -> bool:
        if execution.id in self.records:
            return False
        self.records[execution.id] = execution
        return True

    async def get(self, execution: ExecutionId) -> Execution | None:
        return self.records.get(execution)

    async def save_owned(self, execution: Execution, lease: Lease, *, is_transition: bool) -> None:
        current = self._owned(lease)
        self._store(execution, is_transition=is_transition)
        if not execution.is_active:
            self.leases[lease.name] = current._replace(owner=None)

    async def transition_unowned(self, execution: Execution, *, expected_phase: Phase) -> None:
        name = execution.id
        if self.records[name].phase is not expected_phase or (await self.read(name)).owner is not None:
            raise ConflictError("dynamodb.UpdateItem", f"{name} has changed")
        self._store(execution, is_transition=True)

    async def extend_expiry(self, execution: Execution) -> None:
        name = execution.id
        if name not in self.records:
            raise ConflictError("dynamodb.UpdateItem", f"{name} is not known any more")
        self.records[name] = replace(self.records[name], expires_at_s=execution.expires_at_s)

    async def list_of_task(self, task: TaskId, *, started_since_ms: int) -> Sequence[Execution]:
        records = [e for e in self.records.values() if e.task_id == task and e.started_at_ms >= started_since_ms]
        return sorted(records, key=start_order)

    async def active_executions(self) -> Sequence[ExecutionEntry]:
        return await self._entries(e for e in self.records.values() if e.is_active)

    async def held_to_retry(self, *, now_ms: int) -> Sequence[ExecutionEntry]:
        held = [e for e in self.records.values() if e.phase is Phase.HELD]
        return await self._entries(e for e in held if e.retry_at_ms is not None and e.retry_at_ms <= now_ms)

    async def _entries(self, executions: Iterable[Execution]) -> list[ExecutionEntry]:
        return [
            ExecutionEntry(
                e.id, e.task_id, e.phase, e.started_at_ms, e.ended_at_ms or e.end_seen_at_ms, await self.read(e.id)
            )
            for e in sorted(executions, key=start_order)
        ]

    async def expiring_before(self, phase: Phase, *, before_s: int) -> Sequence[ExecutionId]:
        records = sorted(self.records.values(), key=start_order)
        return [e.id for e in records if e.phase is phase and e.expires_at_s < before_s]

    async def counts(self) -> Mapping[Phase, int]:
        counted = Counter(e.phase for e in self.records.values())
        return {phase: counted[phase] for phase in Phase}

    async def latest(self, limit: int) -> Sequence[Execution]:
        return sorted(self.records.values(), key=lambda e: -e.started_at_ms)[:limit]

    def _store(self, execution: Execution, *, is_transition: bool) -> None:
        self.records[execution.id] = execution
        if self.outbox is not None and is_transition and not execution.is_active:
            self.outbox.put(execution)

    def _owned(self, lease: Lease) -> Lease:
        current = self.leases.get(lease.name)
        if current is None or (current.owner, current.fencing_token) != (lease.owner, lease.fencing_token):
            raise ConflictError("dynamodb.UpdateItem", f"another worker owns the lease {lease.name}")
        return current


@dataclass
class MemoryTaskStore:
    """The state of tasks. `executions` is the store of the registered executions."""

    executions: MemoryExecutionStore
    records: dict[TaskId, TaskRecord] = field(default_factory=dict)
    ignored: dict[TaskId, set[ExecutionId]] = field(default_factory=dict)

    async def get_or_create(self, task: TaskId, *, first_seen_at_ms: int) -> TaskRecord:
        return self.records.setdefault(task, TaskRecord(task, first_seen_at_ms))

    async def known_execution_ids(self, task: TaskId) -> frozenset[ExecutionId]:
        registered = {e.id for e in await self.executions.list_of_task(task, started_since_ms=0)}
        return frozenset(registered | self.ignored.get(task, set()))

    async def ignore(self, task: TaskId, execution: ExecutionId, *, started_at_ms: int) -> None:
        self.ignored.setdefault(task, set()).add(execution)

    async def mark_backlog_registered(self, task: TaskId) -> None:
        self.records[task] = replace(self.records[task], backlog_registered=True)

    async def advance_fully_published(self, task: TaskId, *, start_ms: int) -> None:
        record = self.records[task]
        if start_ms > (record.fully_published_start_ms or 0):
            self.records[task] = replace(record, fully_published_start_ms=start_ms)
