"""Find new executions and register each one once. One worker at a time does this; it would be harmless twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from service.domain.errors import Absent, Trouble
from service.domain.execution import Execution
from service.domain.names import ExecutionId, ExecutionName, TaskArn, TaskId, execution_name, is_terminal, task_id
from service.domain.records import ExecutionDescription, TaskDescription, TaskListing, TaskRecord
from service.domain.reports import Report, Setback, Swept, Tick
from service.ports import Ports
from service.worker.lease import SWEEP, Keeper, Watch
from service.worker.retention import Retention
from service.worker.terms import Clock, Terms

QUIET_TASKS_PER_SWEEP = 20
RELIST_S = 30.0
"""Quiet tasks are listed in turn, and each at least this often: ListTasks does not show what began and ended since."""

DESCRIPTIONS_PER_SWEEP = 100
"""Tasks with a long history share these when they are first seen, so that none keeps the others waiting."""

FILES_PER_SHARD = 50_000
MAX_SHARDS = 16
"""A DynamoDB partition takes 1,000 writes a second; this many take what one worker can write."""


@dataclass(slots=True)
class _Seen:
    """What this process remembers of a task between two sweeps."""

    record: TaskRecord
    known: set[ExecutionId]
    status: str = ""
    listed_at_s: float = float("-inf")
    described: dict[ExecutionId, ExecutionDescription] = field(default_factory=dict)
    absent: set[ExecutionId] = field(default_factory=set)


def due(tasks: Sequence[TaskListing], seen: dict[TaskArn, _Seen], now_s: float) -> list[TaskListing]:
    """Choose the tasks whose executions are to be listed now: all that run or have changed, and some quiet ones."""

    def is_quiet(task: TaskListing) -> bool:
        return task.status == "AVAILABLE" and task.arn in seen and seen[task.arn].status == task.status

    quiet = sorted(filter(is_quiet, tasks), key=lambda task: seen[task.arn].listed_at_s)
    turn = [
        task
        for place, task in enumerate(quiet)
        if place < QUIET_TASKS_PER_SWEEP or now_s - seen[task.arn].listed_at_s >= RELIST_S
    ]
    return [task for task in tasks if not is_quiet(task)] + turn


def shards_for(estimated_files: int | None) -> int:
    """How many partitions an execution's facts are spread over: fixed when it is registered."""
    return min(MAX_SHARDS, 1 + (estimated_files or 0) // FILES_PER_SHARD)


def registered(
    name: ExecutionName, description: ExecutionDescription, task: TaskDescription, *, now_ms: int, retention_s: int
) -> Execution:
    """Make the record of an execution that was never seen before.

    Without a start time it is taken to start now: better looked at than lost.
    """
    return Execution(
        name=name,
        task_mode=description.task_mode,
        verify_mode=description.verify_mode,
        log_level=description.log_level,
        log_group=task.log_group,
        target=task.target,
        shards=shards_for(description.estimated_files),
        status=description.status,
        started_at_ms=description.started_at_ms or now_ms,
        ended_at_ms=description.ended_at_ms,
        expires_at_s=now_ms // 1000 + retention_s,
    )


class Sweeper:
    """Looks over all tasks at each tick."""

    def __init__(self, ports: Ports, keeper: Keeper, watch: Watch, terms: Terms, clock: Clock) -> None:
        self._ports = ports
        self._keeper = keeper
        self._watch = watch
        self._terms = terms
        self._clock = clock
        self._retention = Retention(ports, terms, clock)
        self._seen: dict[TaskArn, _Seen] = {}
        self._more = False

    async def tick(self) -> Tick:
        """Register what is new. A task that cannot be looked at does not keep the others from it."""
        if not await self._is_mine():
            self._seen.clear()
            return Tick((), self._terms.poll_s)
        self._more = False
        tasks = await self._ports.datasync.tasks()
        listed = due(tasks, self._seen, self._clock.monotonic_s())
        reports = await self._keep()
        share = max(1, DESCRIPTIONS_PER_SWEEP // max(1, len(listed)))
        new: list[ExecutionName] = []
        left_alone = 0
        for task in listed:
            try:
                names, alone = await self._look_at(task, share)
            except (Trouble, ValueError) as error:  # A ValueError: a name that is no ARN as we know them.
                kind = type(error).__name__.lower() if isinstance(error, Trouble) else "bug"
                reports.append(Setback("sweep", kind, str(error), self._terms.poll_s, error, task=task.arn))
            else:
                new += names
                left_alone += alone
        pause_s = 0.0 if self._more else self._terms.poll_s
        return Tick([*reports, Swept(len(tasks), len(listed), new, left_alone)], pause_s)

    async def _keep(self) -> list[Report]:
        """Prolong what waits. That this does not work out keeps no new execution from being seen."""
        try:
            return await self._retention.look()
        except Trouble as trouble:
            return [Setback("sweep", type(trouble).__name__.lower(), str(trouble), self._terms.poll_s, trouble)]

    async def _is_mine(self) -> bool:
        if SWEEP in self._keeper.held:
            return True
        lease = await self._ports.leases.read(SWEEP)
        return self._watch.is_free(lease, self._clock.monotonic_s()) and await self._keeper.claim(lease)

    async def _look_at(self, task: TaskListing, share: int) -> tuple[list[ExecutionName], int]:
        """Register what is new of a task, after at most `share` descriptions.

        At first sight of a task what runs is registered first, and nothing is published before all is: an older
        execution would be overlooked. Later on nothing is registered before all that is new is described.
        """
        seen = self._seen.get(task.arn) or await self._first_sight(task_id(task.arn))
        self._seen[task.arn] = seen
        listing = sorted(await self._ports.datasync.executions(task.arn), key=lambda e: is_terminal(e.status))
        names = [execution_name(execution.arn) for execution in listing]
        unknown = [name for name in names if name.execution_id not in seen.known]
        unasked = [name for name in unknown if name.execution_id not in seen.described]
        unasked.sort(key=lambda name: name.execution_id in seen.absent)
        for name in unasked[:share]:
            try:
                seen.described[name.execution_id] = await self._ports.datasync.execution(name.arn)
            except Absent:  # Just forgotten, or not to be seen yet: it is asked for again, and nothing waits for it.
                seen.absent.add(name.execution_id)
        described = [name for name in unknown if name.execution_id in seen.described]
        if any(name.execution_id not in seen.absent for name in unasked[share:]):
            self._more = True
            return ([], 0) if seen.record.is_complete else await self._register(task.arn, seen, described)
        new, left_alone = await self._register(task.arn, seen, described)
        if not seen.record.is_complete:
            await self._ports.tasks.complete(seen.record.task_id)
            seen.record = replace(seen.record, is_complete=True)
        seen.status, seen.listed_at_s = task.status, self._clock.monotonic_s()
        return new, left_alone

    async def _first_sight(self, task: TaskId) -> _Seen:
        record = await self._ports.tasks.remember(task, seen_at_ms=self._clock.now_ms())
        return _Seen(record, set(await self._ports.tasks.known(task)))

    async def _register(
        self, arn: TaskArn, seen: _Seen, names: Sequence[ExecutionName]
    ) -> tuple[list[ExecutionName], int]:
        """Register in order of their start, so that a crash in between leaves none behind a later one."""
        if not names:
            return [], 0
        task = await self._ports.datasync.task(arn)
        terms, now_ms = self._terms, self._clock.now_ms()
        oldest_ms = seen.record.seen_at_ms - terms.lookback_s * 1000
        records = [
            registered(name, seen.described[name.execution_id], task, now_ms=now_ms, retention_s=terms.retention_s)
            for name in names
        ]
        new = []
        for record in sorted(records, key=lambda record: (record.started_at_ms, record.name.execution_id)):
            name = record.name.execution_id
            if record.started_at_ms < oldest_ms or (task.target is None and not terms.explicit):
                await self._ports.tasks.leave_alone(record.name.task_id, name, started_at_ms=record.started_at_ms)
            elif await self._ports.executions.register(record):
                new.append(record.name)
            seen.known.add(name)
            seen.described.pop(name, None)
        return new, len(names) - len(new)
