"""What the service keeps: facts, outcomes, executions with their leases, tasks."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.domain.errors import Conflict
from service.domain.execution import Execution
from service.domain.facts import Fact, FactKind, shard
from service.domain.names import ExecutionId, TaskId
from service.domain.phases import OPEN, Phase
from service.domain.records import (
    Lease,
    OpenExecution,
    Outcomes,
    TaskRecord,
)


@dataclass
class MemoryFacts:
    """Facts by execution, kind and shard."""

    rows: dict[tuple[str, FactKind, int], dict[str, Fact]] = field(default_factory=dict)

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        """See ports.Facts."""
        for fact in facts:
            key = (execution.name.execution_id, fact.kind, shard(fact.path, execution.shards))
            self.rows.setdefault(key, {})[fact.path] = fact

    async def count(self, execution: Execution, kind: FactKind) -> int:
        """See ports.Facts."""
        shards = range(execution.shards)
        return sum(len(self.rows.get((execution.name.execution_id, kind, number), ())) for number in shards)

    async def page(self, execution: Execution, kind: FactKind, shard: int, *, after: str, limit: int) -> Sequence[Fact]:
        """See ports.Facts."""
        rows = self.rows.get((execution.name.execution_id, kind, shard), {})
        paths = sorted(rows)
        start = bisect_right(paths, after)
        return [rows[path] for path in paths[start : start + limit]]


@dataclass
class MemoryOutcomeLog:
    """Outcomes by execution and the path they reach."""

    stretches: dict[str, dict[str, Outcomes]] = field(default_factory=dict)

    async def write(self, execution: ExecutionId, outcomes: Outcomes, *, expires_at_s: int) -> None:  # noqa: ARG002 - because memory does not expire
        """See ports.OutcomeLog."""
        self.stretches.setdefault(execution, {})[outcomes.upto] = outcomes

    async def read(self, execution: ExecutionId, *, start: str, limit: int) -> Sequence[Outcomes]:
        """See ports.OutcomeLog."""
        stretches = self.stretches.get(execution, {})
        ends = sorted(stretches)
        first = bisect_left(ends, start)
        return [stretches[end] for end in ends[first : first + limit]]


@dataclass
class MemoryOutbox:
    """Executions as they were right after a transition, by the announcement's id."""

    executions: dict[str, Execution] = field(default_factory=dict)
    count: int = 0

    def put(self, execution: Execution) -> None:
        """Add one. Its id is greater than all before."""
        self.count += 1
        self.executions[f"{self.count:015d}#{execution.name.execution_id}#{execution.phase}"] = execution

    async def pending(self, *, after: str, limit: int) -> Sequence[str]:
        """See ports.Outbox."""
        return sorted(announcement for announcement in self.executions if announcement > after)[:limit]

    async def get(self, announcement: str) -> Execution | None:
        """See ports.Outbox."""
        return self.executions.get(announcement)

    async def done(self, announcement: str) -> None:
        """See ports.Outbox."""
        self.executions.pop(announcement, None)


@dataclass
class MemoryExecutions:
    """Executions, their leases and the overview of both. `outbox` is there where notifications are wanted."""

    records: dict[ExecutionId, Execution] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    outbox: MemoryOutbox | None = None

    async def read(self, name: str) -> Lease:
        """See ports.Leases."""
        return self.leases.get(name, Lease(name, None, 0, 0))

    async def take(self, seen: Lease, owner: str) -> Lease:
        """See ports.Leases."""
        if await self.read(seen.name) != seen:
            raise Conflict("dynamodb.UpdateItem", f"the lease {seen.name} has changed")
        self.leases[seen.name] = Lease(seen.name, owner, seen.fence + 1, 0)
        return self.leases[seen.name]

    async def renew(self, lease: Lease) -> Lease:
        """See ports.Leases."""
        current = self._mine(lease)
        self.leases[lease.name] = current._replace(beat=current.beat + 1)
        return self.leases[lease.name]

    async def release(self, lease: Lease) -> None:
        """See ports.Leases."""
        current = await self.read(lease.name)
        if (current.owner, current.fence) == (lease.owner, lease.fence):
            self.leases[lease.name] = current._replace(owner=None)

    async def register(self, execution: Execution) -> bool:
        """See ports.Executions."""
        if execution.name.execution_id in self.records:
            return False
        self.records[execution.name.execution_id] = execution
        return True

    async def get(self, execution: ExecutionId) -> Execution | None:
        """See ports.Executions."""
        return self.records.get(execution)

    async def save(self, execution: Execution, lease: Lease) -> None:
        """See ports.Executions."""
        current = self._mine(lease)
        self._store(execution)
        if execution.phase not in OPEN:
            self.leases[lease.name] = current._replace(owner=None)

    async def move(self, execution: Execution, seen: Phase) -> None:
        """See ports.Executions."""
        name = execution.name.execution_id
        if self.records[name].phase is not seen or (await self.read(name)).owner is not None:
            raise Conflict("dynamodb.UpdateItem", f"{name} has changed")
        self._store(execution)

    async def keep(self, execution: Execution) -> None:
        """See ports.Executions."""
        name = execution.name.execution_id
        if name not in self.records:
            raise Conflict("dynamodb.UpdateItem", f"{name} is gone")
        self.records[name] = replace(self.records[name], expires_at_s=execution.expires_at_s)

    async def of_task(self, task: TaskId, *, since_ms: int) -> Sequence[Execution]:
        """See ports.Executions."""
        records = [e for e in self.records.values() if e.name.task_id == task and e.started_at_ms >= since_ms]
        return sorted(records, key=lambda e: (e.started_at_ms, e.name.execution_id))

    async def open(self) -> Sequence[OpenExecution]:
        """See ports.Overview."""
        records = [e for e in self.records.values() if e.phase in OPEN]
        records.sort(key=lambda e: (e.started_at_ms, e.name.execution_id))
        return [
            OpenExecution(
                e.name.execution_id,
                e.name.task_id,
                e.started_at_ms,
                e.ended_at_ms or e.terminal_seen_at_ms,
                await self.read(e.name.execution_id),
            )
            for e in records
        ]

    async def expiring(self, phase: Phase, *, before_s: int) -> Sequence[ExecutionId]:
        """See ports.Overview."""
        records = sorted(self.records.values(), key=lambda e: (e.started_at_ms, e.name.execution_id))
        return [e.name.execution_id for e in records if e.phase is phase and e.expires_at_s < before_s]

    async def counts(self) -> Mapping[Phase, int]:
        """See ports.Overview."""
        counted = Counter(e.phase for e in self.records.values())
        return {phase: counted[phase] for phase in Phase}

    async def latest(self, limit: int) -> Sequence[Execution]:
        """See ports.Overview."""
        return sorted(self.records.values(), key=lambda e: -e.started_at_ms)[:limit]

    def _store(self, execution: Execution) -> None:
        self.records[execution.name.execution_id] = execution
        if self.outbox is not None and execution.phase not in OPEN:
            self.outbox.put(execution)

    def _mine(self, lease: Lease) -> Lease:
        current = self.leases.get(lease.name)
        if current is None or (current.owner, current.fence) != (lease.owner, lease.fence):
            raise Conflict("dynamodb.UpdateItem", f"somebody else has the lease {lease.name}")
        return current


@dataclass
class MemoryTasks:
    """What is remembered of tasks. `executions` is where the registered ones are."""

    executions: MemoryExecutions
    records: dict[TaskId, TaskRecord] = field(default_factory=dict)
    left_alone: dict[TaskId, set[ExecutionId]] = field(default_factory=dict)

    async def remember(self, task: TaskId, *, seen_at_ms: int) -> TaskRecord:
        """See ports.Tasks."""
        return self.records.setdefault(task, TaskRecord(task, seen_at_ms))

    async def known(self, task: TaskId) -> frozenset[ExecutionId]:
        """See ports.Tasks."""
        registered = {e.name.execution_id for e in await self.executions.of_task(task, since_ms=0)}
        return frozenset(registered | self.left_alone.get(task, set()))

    async def leave_alone(self, task: TaskId, execution: ExecutionId, *, started_at_ms: int) -> None:  # noqa: ARG002 - because memory does not expire
        """See ports.Tasks."""
        self.left_alone.setdefault(task, set()).add(execution)

    async def complete(self, task: TaskId) -> None:
        """See ports.Tasks."""
        self.records[task] = replace(self.records[task], is_complete=True)

    async def reconcile(self, task: TaskId, *, start_ms: int) -> None:
        """See ports.Tasks."""
        record = self.records[task]
        if start_ms > (record.reconciled_start_ms or 0):
            self.records[task] = replace(record, reconciled_start_ms=start_ms)
