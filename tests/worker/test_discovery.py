from dataclasses import dataclass, field, replace

import pytest

from service.domain.errors import AccessDeniedError, NotFoundError, TransientError
from service.domain.execution import S3Location
from service.domain.names import ExecutionArn, TaskArn, TaskMode
from service.domain.observations import DiscoveryPass, TickFailed
from service.domain.phases import Phase, Reason
from service.domain.port_types import ExecutionDescription, TaskDescription, TaskListing
from service.leasing.owned_leases import SWEEP
from service.worker.discovery import DESCRIPTIONS_PER_PASS, FILES_PER_SHARD, MAX_SHARDS, shard_count
from tests.fakes.services import MemoryDataSync
from tests.fakes.world import BUCKET, EPOCH_MS, GROUP, PREFIX, TASK, Worker, World

DAY_S = 86_400
HOUR_MS = 3_600_000


@dataclass
class AskedDataSync(MemoryDataSync):
    """Keeps what it was asked, and fails where it is told to."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)

    def _ask(self, what, about):
        self.asked.append((what, about))
        if about in self.fails:
            raise self.fails[about]

    async def tasks(self):
        self._ask("tasks", "")
        return await super().tasks()

    async def task(self, arn):
        self._ask("task", arn)
        return await super().task(arn)

    async def executions(self, task):
        self._ask("executions", task)
        return [listing for listing in await super().executions(task) if listing.arn not in self.unlisted]

    async def execution(self, arn):
        self._ask("execution", arn)
        return await super().execution(arn)

    def times(self, what):
        return sum(1 for asked, _ in self.asked if asked == what)


@pytest.fixture
def world():
    return World(datasync=AskedDataSync())


def begun(world, ago_s=0.0, **changes):
    """An execution that started so long ago."""
    return world.start(started_at_ms=world.clock.ms - round(ago_s * 1000), **changes)


async def swept(worker):
    tick = await worker.discovery.tick()
    return tick.reports[-1]


def known(world):
    return [execution.ids.arn for execution in world.executions.records.values()]


def add_task(world, number, target=S3Location(BUCKET, PREFIX)):  # noqa: B008 - because a target does not change
    arn = TaskArn(TASK[:-5] + f"{number:05x}")
    world.datasync.described_tasks[arn] = TaskDescription(arn, target, GROUP)
    return arn


def add_execution(world, task, number, **changes):
    arn = ExecutionArn(f"{task}/execution/exec-{number:017x}")
    plain = ExecutionDescription(
        arn, "SUCCESS", TaskMode.BASIC, "ONLY_FILES_TRANSFERRED", "TRANSFER", world.clock.ms, world.clock.ms, 0, 0
    )
    world.datasync.described[arn] = replace(plain, **changes)
    return arn


# What is registered.


async def test_a_new_execution_is_registered_as_datasync_describes_it(world):
    arn = begun(world, estimated_files=120_000, task_mode=TaskMode.ENHANCED, verify_mode="NONE", log_level="BASIC")
    report = await swept(Worker(world))
    execution = world.execution(arn)
    assert [name.arn for name in observation.new_execution] == [arn]
    assert (execution.phase, execution.reason) == (Phase.FOLLOWING, None)
    assert (execution.task_mode, execution.verify_mode, execution.log_level) == (TaskMode.ENHANCED, "NONE", "BASIC")
    assert (execution.target, execution.log_group, execution.shards) == (S3Location(BUCKET, PREFIX), GROUP, 3)
    assert (execution.started_at_ms, execution.status) == (EPOCH_MS, "TRANSFERRING")
    assert execution.expires_at_s == EPOCH_MS // 1000 + 30 * DAY_S


async def test_an_execution_is_registered_and_described_once(world):
    begun(world)
    worker = Worker(world)
    assert len((await swept(worker)).new_execution) == 1
    assert (await swept(worker)).new_execution == []
    await worker.leases.release_all()
    assert (await swept(Worker(world))).new_execution == []
    assert world.datasync.times("execution") == 1


async def test_an_execution_without_a_start_is_taken_to_start_now(world):
    arn = world.start(started_at_ms=None)
    await swept(Worker(world))
    assert world.execution(arn).started_at_ms == EPOCH_MS


@pytest.mark.parametrize(
    ("files", "shards"),
    [(None, 1), (0, 1), (FILES_PER_SHARD - 1, 1), (FILES_PER_SHARD, 2), (10**9, MAX_SHARDS)],
)
def test_facts_are_spread_over_as_many_shards_as_the_estimate_asks_for(files, shards):
    assert shard_count(files) == shards


async def test_executions_are_registered_in_the_order_in_which_they_started(world):
    late, early, middle = (begun(world, ago_s) for ago_s in (1, 300, 60))
    assert [name.arn for name in (await swept(Worker(world))).new_execution] == [early, middle, late]
    assert known(world) == [early, middle, late]


async def test_an_execution_that_another_worker_has_just_registered_is_not_registered_again(world):
    arn = begun(world)
    worker, other = Worker(world), Worker(world, owner="worker-2")
    await swept(worker)
    known_before = world.execution(arn)
    world.executions.leases.clear()

    async def forgetful(task):
        return frozenset()

    world.tasks.known = forgetful
    world.clock.advance(5)
    assert (await swept(other)).new_execution == []
    assert world.execution(arn) == known_before


# What is left alone.


async def test_on_first_sight_of_a_task_what_started_longer_ago_than_the_lookback_is_left_alone(world):
    old, new = begun(world, 3600.001), begun(world, 3600)
    report = await swept(Worker(world, lookback_s=3600))
    assert known(world) == [new]
    assert observation.ignored == 1
    assert old.split("/")[3] in world.tasks.ignored[TASK.split("/")[1]]


async def test_what_was_left_alone_is_not_asked_for_again_by_anyone(world):
    begun(world, 7200)
    worker = Worker(world, lookback_s=3600)
    await swept(worker)
    await swept(worker)
    await worker.leases.release_all()
    await swept(Worker(world, lookback_s=10**6))
    assert world.datasync.times("execution") == 1
    assert known(world) == []


async def test_the_lookback_counts_from_the_first_sight_and_not_from_each_look(world):
    worker = Worker(world, lookback_s=3600)
    await swept(worker)
    arn = begun(world, 60)
    world.datasync.unlisted.add(arn)
    await swept(worker)
    world.clock.advance(2 * 3600)
    world.datasync.unlisted.clear()
    await swept(worker)
    assert known(world) == [arn]


async def test_what_began_while_the_service_was_away_for_longer_than_its_retention_is_taken_on(world):
    worker = Worker(world)
    await swept(worker)
    await worker.leases.release_all()
    world.clock.advance(40 * DAY_S)
    arn = begun(world, 31 * DAY_S)
    await swept(Worker(world))
    assert known(world) == [arn]


async def test_executions_of_a_task_that_does_not_write_to_s3_are_left_alone(world):
    begun(world)
    world.datasync.described_tasks[TASK] = TaskDescription(TASK, None, GROUP)
    assert (await swept(Worker(world))).ignored == 1
    assert known(world) == []


async def test_if_the_operator_named_that_task_its_executions_are_shown_as_held(world):
    arn = begun(world)
    world.datasync.described_tasks[TASK] = TaskDescription(TASK, None, GROUP)
    worker = Worker(world, tasks_named=True)
    world.end(arn)
    await worker.work(seconds=60)
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, Reason.DESTINATION_NOT_S3)


# Many, and broken ones.


async def test_a_long_history_is_looked_through_in_several_sweeps_without_a_pause(world):
    arns = [add_execution(world, TASK, n, started_at_ms=EPOCH_MS - 300_000 + n) for n in range(300)]
    worker = Worker(world)
    pauses = []
    while len(world.executions.records) < len(arns):
        before = world.datasync.times("execution")
        pauses.append((await worker.discovery.tick()).pause_s)
        assert world.datasync.times("execution") - before <= DESCRIPTIONS_PER_PASS
    assert pauses[:2] == [0.0, 0.0]
    assert sorted(known(world)) == arns
    assert world.datasync.times("execution") == 300


async def test_of_a_task_with_a_long_history_what_runs_is_seen_first_and_published_when_all_is_known(world):
    for n in range(150):
        add_execution(world, TASK, n + 10, started_at_ms=EPOCH_MS - n)
    arn = begun(world)
    world.copy(arn, "a.csv")
    worker = Worker(world)
    await swept(worker)
    assert world.execution(arn).status == "TRANSFERRING"
    assert len(world.executions.records) == DESCRIPTIONS_PER_PASS
    assert not (await world.tasks.remember(task_id(TASK), first_seen_at_ms=0)).backlog_registered
    await swept(worker)
    assert len(world.executions.records) == 151
    assert (await world.tasks.remember(task_id(TASK), first_seen_at_ms=0)).backlog_registered


async def test_what_began_while_nobody_looked_is_registered_once_all_of_it_is_described_so_that_the_order_holds(world):
    worker = Worker(world)
    await swept(worker)
    for n in range(150):
        add_execution(world, TASK, n, started_at_ms=EPOCH_MS - n)
    await swept(worker)
    assert known(world) == []
    await swept(worker)
    assert [e.started_at_ms for e in world.executions.records.values()] == sorted(EPOCH_MS - n for n in range(150))


async def test_tasks_with_a_long_history_do_not_keep_others_from_being_seen(world):
    tasks = [add_task(world, number) for number in range(1, 6)]
    running = [
        [add_execution(world, task, 1000 * place + n) for n in range(200)]
        + [add_execution(world, task, 1000 * place + 999, status="TRANSFERRING")]
        for place, task in enumerate(tasks)
    ]
    report = await swept(Worker(world))
    assert {arns[-1] for arns in running} <= {name.arn for name in observation.new_execution}
    assert world.datasync.times("execution") <= DESCRIPTIONS_PER_PASS


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (TransientError("call", "away"), "transient"),
        (AccessDeniedError("call", "no"), "denied"),
        (NotFoundError("call", "gone"), "absent"),
        (ValueError("not the ARN of a task execution"), "bug"),
    ],
)
async def test_a_task_that_cannot_be_looked_at_does_not_keep_the_others_from_it(world, trouble, kind):
    broken, fine = add_task(world, 1), add_task(world, 2)
    add_execution(world, broken, 1)
    arn = add_execution(world, fine, 2)
    world.datasync.fails[broken] = trouble
    tick = await Worker(world).discovery.tick()
    setback, report = tick.reports
    assert known(world) == [arn]
    assert (setback.loop, setback.kind, setback.task) == ("sweep", kind, broken)
    assert isinstance(setback, TickFailed)
    assert isinstance(observation, DiscoveryPass)


async def test_a_task_that_could_not_be_looked_at_is_looked_at_in_the_next_sweep(world):
    arn = begun(world)
    world.datasync.fails[TASK] = TransientError("call", "away")
    worker = Worker(world)
    await swept(worker)
    world.datasync.fails.clear()
    await swept(worker)
    assert known(world) == [arn]


async def test_an_execution_that_is_listed_and_cannot_be_described_does_not_hide_the_others(world):
    ghost, arn = begun(world), begun(world)
    world.datasync.fails[ghost] = NotFoundError("call", "not found")
    worker = Worker(world)
    await swept(worker)
    assert known(world) == [arn]
    world.datasync.fails.clear()
    await swept(worker)
    assert known(world) == [arn, ghost]


async def test_many_that_are_listed_and_cannot_be_described_neither_hide_the_others_nor_make_a_sweep_restless(world):
    absent = [add_execution(world, TASK, n) for n in range(DESCRIPTIONS_PER_PASS + 20)]
    world.datasync.fails = dict.fromkeys(absent, NotFoundError("call", "not there"))
    arn = add_execution(world, TASK, 900)
    worker = Worker(world)
    pauses = [(await worker.discovery.tick()).pause_s for _ in range(3)]
    assert pauses[1:] == [worker.terms.poll_s] * 2
    assert known(world) == [arn]
    assert (await world.tasks.remember(task_id(TASK), first_seen_at_ms=0)).backlog_registered


async def test_without_a_list_of_tasks_a_sweep_fails_as_a_whole(world):
    world.datasync.fails[""] = AccessDeniedError("call", "no")
    with pytest.raises(AccessDeniedError):
        await Worker(world).discovery.tick()


# How soon: contract, promise 10.


@pytest.mark.parametrize("tasks", [1, 20, 100])
async def test_a_new_execution_on_a_quiet_task_is_seen_within_a_minute(world, tasks):
    arns = [TASK, *(add_task(world, n) for n in range(1, tasks))]
    worker = Worker(world)
    for _ in range(4):
        world.clock.advance(15)
        await swept(worker)
    waiting = {add_execution(world, task, n) for n, task in enumerate(arns)}  # Just behind a sweep.
    for _ in range(4):
        world.clock.advance(15)
        await swept(worker)
    assert waiting == set(known(world))


async def test_quiet_tasks_are_listed_in_turn_and_not_all_at_each_sweep(world):
    for n in range(1, 100):
        add_task(world, n)
    worker = Worker(world)
    assert (await swept(worker)).listed == 100
    listed = []
    for _ in range(8):
        world.clock.advance(5)
        listed.append((await swept(worker)).listed)
    assert max(listed) < 100
    assert sum(listed) < 4 * 100


async def test_a_task_that_runs_is_listed_at_each_sweep_and_once_after_it_has_ended(world):
    arn = begun(world)
    for n in range(1, 60):
        add_task(world, n)
    worker = Worker(world)
    await swept(worker)

    async def is_listed():
        world.datasync.asked.clear()
        world.clock.advance(0.1)
        await swept(worker)
        return ("executions", TASK) in world.datasync.asked

    assert [await is_listed() for _ in range(3)] == [True, True, True]
    world.end(arn)
    assert await is_listed()
    assert not await is_listed()


async def test_a_task_with_an_unknown_status_is_listed(world):
    class Busy(AskedDataSync):
        async def tasks(self):
            return [TaskListing(TASK, "UNAVAILABLE")]

    world.datasync = Busy(world.datasync.described_tasks)
    worker = Worker(world)
    await swept(worker)
    assert (await swept(worker)).listed == 1


# One worker at a time.


async def test_only_the_worker_with_the_lease_sweeps(world):
    worker, other = Worker(world), Worker(world, owner="worker-2")
    await swept(worker)
    asked = len(world.datasync.asked)
    tick = await other.discovery.tick()
    assert (tick.reports, tick.pause_s) == ((), 15.0)
    assert len(world.datasync.asked) == asked


async def test_another_worker_sweeps_once_the_first_one_has_fallen_silent(world):
    await Worker(world).round()
    arn = begun(world)
    other = Worker(world, owner="worker-2")
    await other.work(until=lambda: known(world) == [arn], seconds=120)
    assert known(world) == [arn]
    assert SWEEP in other.owned_leases.held


async def test_a_worker_that_has_lost_the_sweep_begins_from_what_is_stored_when_it_has_it_again(world):
    worker, other = Worker(world), Worker(world, owner="worker-2")
    await swept(worker)
    await worker.leases.release(SWEEP)
    await swept(other)
    begun(world)
    await swept(other)
    await worker.discovery.tick()
    await other.owned_leases.release(SWEEP)
    world.datasync.asked.clear()
    await swept(worker)
    assert world.datasync.times("execution") == 0
