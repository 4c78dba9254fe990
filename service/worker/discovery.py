"""The loop that finds new executions and registers each one once.

One worker at a time does this. It would be harmless twice, because registering is a conditional write.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from service.domain.errors import AwsCallError, NotFoundError
from service.domain.execution import Execution
from service.domain.names import (
    ExecutionId,
    ExecutionIds,
    TaskArn,
    TaskId,
    is_terminal,
    parse_execution_arn,
    parse_task_id,
)
from service.domain.observations import DiscoveryPass, Observe, tick_failed
from service.domain.options import WorkerOptions
from service.domain.port_types import ExecutionDescription, TaskDescription, TaskListing, TaskRecord
from service.domain.start_order import start_order
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock, DataSync, ExecutionStore, TaskStore

LOOP = "discover"

IDLE_TASKS_PER_PASS = 20
MAX_LIST_AGE_S = 30.0
"""Idle tasks are listed in turn, and each at least this often: ListTasks does not show what started and ended since."""

DESCRIPTIONS_PER_PASS = 100
"""DescribeTaskExecution calls of one pass. Tasks with a long history share them when first seen."""


@dataclass(slots=True)
class _TaskCache:
    """The state of a task that this process caches between two passes."""

    record: TaskRecord
    known_ids: set[ExecutionId]
    status: str = ""
    listed_at_s: float = float("-inf")
    descriptions: dict[ExecutionId, ExecutionDescription] = field(default_factory=dict)
    not_found: set[ExecutionId] = field(default_factory=set)


def tasks_to_list(tasks: Sequence[TaskListing], caches: dict[TaskArn, _TaskCache], now_s: float) -> list[TaskListing]:
    """Return the tasks whose executions must be listed now: all that run or have changed, and some idle ones."""

    def is_idle(task: TaskListing) -> bool:
        return task.status == "AVAILABLE" and task.arn in caches and caches[task.arn].status == task.status

    idle = sorted(filter(is_idle, tasks), key=lambda task: caches[task.arn].listed_at_s)
    in_turn = [
        task
        for place, task in enumerate(idle)
        if place < IDLE_TASKS_PER_PASS or now_s - caches[task.arn].listed_at_s >= MAX_LIST_AGE_S
    ]
    return [task for task in tasks if not is_idle(task)] + in_turn


def new_execution(
    ids: ExecutionIds, description: ExecutionDescription, task: TaskDescription, *, now_ms: int, retention_s: int
) -> Execution:
    """Return the record of a new execution. Without a start time it counts as started now, so it is not ignored."""
    return Execution(
        ids=ids,
        task_mode=description.task_mode,
        verify_mode=description.verify_mode,
        log_level=description.log_level,
        log_group=task.log_group,
        location=task.location,
        status=description.status,
        started_at_ms=description.started_at_ms or now_ms,
        ended_at_ms=description.ended_at_ms,
        expires_at_s=now_ms // 1000 + retention_s,
    )


class ExecutionDiscovery:
    """The discovery, which passes over all tasks at each tick."""

    def __init__(
        self,
        datasync: DataSync,
        tasks: TaskStore,
        executions: ExecutionStore,
        leases: OwnedLeases,
        options: WorkerOptions,
        clock: Clock,
        observe: Observe,
    ) -> None:
        self._datasync = datasync
        self._tasks = tasks
        self._executions = executions
        self._leases = leases
        self._options = options
        self._clock = clock
        self._observe = observe
        self._caches: dict[TaskArn, _TaskCache] = {}
        self._has_backlog = False

    async def tick(self) -> float:
        """Register what is new. An error of one task does not keep the others from being handled."""
        if not await self._leases.acquire_discovery():
            self._caches.clear()
            return self._options.poll_interval_s
        self._has_backlog = False
        tasks = await self._datasync.list_tasks()
        listed = tasks_to_list(tasks, self._caches, self._clock.monotonic_s())
        budget = max(1, DESCRIPTIONS_PER_PASS // max(1, len(listed)))
        registered: list[ExecutionIds] = []
        ignored = 0
        for task in listed:
            try:
                new, ignored_here = await self._discover_in(task, budget)
            except (AwsCallError, ValueError) as error:  # A ValueError: an ARN that cannot be parsed.
                self._observe(tick_failed(LOOP, error, retry_in_s=self._options.poll_interval_s, task=task.arn))
            else:
                registered += new
                ignored += ignored_here
        self._observe(DiscoveryPass(len(tasks), len(listed), registered, ignored))
        return 0.0 if self._has_backlog else self._options.poll_interval_s

    async def _discover_in(self, task: TaskListing, budget: int) -> tuple[list[ExecutionIds], int]:
        """Register what is new of a task, after at most `budget` descriptions.

        When a task is first seen, register running executions first, and publish nothing until its whole history is
        registered, so that the order holds. Later, describe all new executions before any is registered.
        """
        cache = self._caches.get(task.arn) or await self._load_cache(parse_task_id(task.arn))
        self._caches[task.arn] = cache
        listing = sorted(await self._datasync.list_executions(task.arn), key=lambda e: is_terminal(e.status))
        listed = [parse_execution_arn(execution.arn) for execution in listing]
        new = [ids for ids in listed if ids.execution_id not in cache.known_ids]
        undescribed = [ids for ids in new if ids.execution_id not in cache.descriptions]
        undescribed.sort(key=lambda ids: ids.execution_id in cache.not_found)
        for ids in undescribed[:budget]:
            try:
                cache.descriptions[ids.execution_id] = await self._datasync.describe_execution(ids.arn)
            except NotFoundError:
                # Deleted since it was listed, or not visible yet. Try again next pass; do not hold up others.
                cache.not_found.add(ids.execution_id)
        described = [ids for ids in new if ids.execution_id in cache.descriptions]
        if any(ids.execution_id not in cache.not_found for ids in undescribed[budget:]):
            self._has_backlog = True
            if cache.record.backlog_registered:
                return [], 0
            return await self._register(task.arn, cache, described)
        registered, ignored = await self._register(task.arn, cache, described)
        if not cache.record.backlog_registered:
            await self._tasks.mark_backlog_registered(cache.record.task_id)
            cache.record = replace(cache.record, backlog_registered=True)
        cache.status, cache.listed_at_s = task.status, self._clock.monotonic_s()
        return registered, ignored

    async def _load_cache(self, task: TaskId) -> _TaskCache:
        record = await self._tasks.get_or_create(task, first_seen_at_ms=self._clock.now_ms())
        return _TaskCache(record, set(await self._tasks.known_execution_ids(task)))

    async def _register(
        self, arn: TaskArn, cache: _TaskCache, described: Sequence[ExecutionIds]
    ) -> tuple[list[ExecutionIds], int]:
        """Register in start order, so that a crash in between leaves none out that is older than a registered one."""
        if not described:
            return [], 0
        task = await self._datasync.describe_task(arn)
        now_ms, retention_s = self._clock.now_ms(), self._options.retention_s
        oldest_ms = cache.record.first_seen_at_ms - self._options.lookback_s * 1000
        executions = [
            new_execution(ids, cache.descriptions[ids.execution_id], task, now_ms=now_ms, retention_s=retention_s)
            for ids in described
        ]
        registered = []
        for execution in sorted(executions, key=start_order):
            cannot_work = task.location is None and not self._options.tasks_named
            if execution.started_at_ms < oldest_ms or cannot_work:
                await self._tasks.ignore(execution.task_id, execution.id, started_at_ms=execution.started_at_ms)
            elif await self._executions.register(execution):
                registered.append(execution.ids)
            cache.known_ids.add(execution.id)
            cache.descriptions.pop(execution.id, None)
        return registered, len(described) - len(registered)
