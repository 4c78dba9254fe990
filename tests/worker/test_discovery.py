from dataclasses import dataclass, field, replace

import pytest

from service.domain.errors import ERROR_KINDS, AccessDeniedError, NotFoundError, TransientError
from service.domain.execution import S3Location
from service.domain.names import ExecutionArn, TaskArn, TaskMode, parse_task_id
from service.domain.observations import DiscoveryPass, TickFailed
from service.domain.phases import Phase, Reason
from service.domain.port_types import ExecutionDescription, TaskDescription, TaskListing
from service.leasing.owned_leases import DISCOVERY_LEASE
from service.worker.discovery import DESCRIPTIONS_PER_PASS
from tests.fakes.services import MemoryDataSync
from tests.fakes.world import BUCKET, EPOCH_MS, GROUP, PREFIX, TASK, Worker, World

DAY_S = 86_400
LOCATION = S3Location(BUCKET, PREFIX)


@dataclass
class RecordingDataSync(MemoryDataSync):
    """Records its calls. A call about an ARN in `errors` raises; executions in `unlisted` are not listed."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)

    def _record(self, method, arn):
        self.calls.append((method, arn))
        if arn in self.errors:
            raise self.errors[arn]

    async def list_tasks(self):
        self._record("list_tasks", "")
        return await super().list_tasks()

    async def describe_task(self, arn):
        self._record("describe_task", arn)
        return await super().describe_task(arn)

    async def list_executions(self, task):
        self._record("list_executions", task)
        return [listing for listing in await super().list_executions(task) if listing.arn not in self.unlisted]

    async def describe_execution(self, arn):
        self._record("describe_execution", arn)
        return await super().describe_execution(arn)

    def count(self, method):
        return sum(1 for called, _ in self.calls if called == method)

    @property
    def descriptions(self):
        return self.count("describe_execution")


@pytest.fixture
def world():
    return World(datasync=RecordingDataSync())


def start(world, ago_s=0.0, **changes):
    """Add an execution that started `ago_s` seconds ago."""
    return world.start(started_at_ms=world.clock.ms - round(ago_s * 1000), **changes)


async def discover(worker):
    """Do one tick and return its observation of the pass."""
    worker.observations.clear()
    await worker.discovery.tick()
    return worker.observations[-1]


def registered_arns(world):
    return [execution.ids.arn for execution in world.executions.records.values()]


async def is_backlog_registered(world):
    record = await world.tasks.get_or_create(parse_task_id(TASK), first_seen_at_ms=0)
    return record.backlog_registered


def add_task(world, number, location=LOCATION):
    arn = TaskArn(TASK[:-5] + f"{number:05x}")
    world.datasync.described_tasks[arn] = TaskDescription(arn, location, GROUP)
    return arn


def add_execution(world, task, number, **changes):
    arn = ExecutionArn(f"{task}/execution/exec-{number:017x}")
    description = ExecutionDescription(
        arn, "SUCCESS", TaskMode.BASIC, "ONLY_FILES_TRANSFERRED", "TRANSFER", world.clock.ms, world.clock.ms, 0, 0
    )
    world.datasync.described[arn] = replace(description, **changes)
    return arn


# Registering.


async def test_new_execution_is_registered_as_datasync_describes_it(world):
    arn = start(world, estimated_files=120_000, task_mode=TaskMode.ENHANCED, verify_mode="NONE", log_level="BASIC")
    observation = await discover(Worker(world))
    execution = world.execution(arn)
    assert [ids.arn for ids in observation.registered] == [arn]
    assert (execution.phase, execution.reason) == (Phase.FOLLOWING, None)
    assert (execution.task_mode, execution.verify_mode, execution.log_level) == (TaskMode.ENHANCED, "NONE", "BASIC")
    assert (execution.location, execution.log_group) == (LOCATION, GROUP)
    assert (execution.started_at_ms, execution.status) == (EPOCH_MS, "TRANSFERRING")
    assert execution.expires_at_s == EPOCH_MS // 1000 + 30 * DAY_S


async def test_execution_is_registered_and_described_once(world):
    start(world)
    worker = Worker(world)
    assert len((await discover(worker)).registered) == 1
    assert (await discover(worker)).registered == []
    await worker.leases.release_all()
    assert (await discover(Worker(world))).registered == []
    assert world.datasync.descriptions == 1


async def test_execution_without_a_start_time_counts_as_started_now(world):
    arn = world.start(started_at_ms=None)
    await discover(Worker(world))
    assert world.execution(arn).started_at_ms == EPOCH_MS


async def test_executions_are_registered_in_start_order(world):
    late, early, middle = (start(world, ago_s) for ago_s in (1, 300, 60))
    assert [ids.arn for ids in (await discover(Worker(world))).registered] == [early, middle, late]
    assert registered_arns(world) == [early, middle, late]


async def test_execution_that_another_worker_has_just_registered_is_not_registered_again(world):
    arn = start(world)
    worker, other = Worker(world), Worker(world, owner="worker-2")
    await discover(worker)
    registered = world.execution(arn)
    world.executions.leases.clear()

    async def know_nothing(task):
        return frozenset()

    world.tasks.known_execution_ids = know_nothing
    world.clock.advance(5)
    assert (await discover(other)).registered == []
    assert world.execution(arn) == registered


# Ignoring.


async def test_execution_that_started_before_the_lookback_when_its_task_was_first_seen_is_ignored(world):
    old, new = start(world, 3600.001), start(world, 3600)
    observation = await discover(Worker(world, lookback_s=3600))
    assert registered_arns(world) == [new]
    assert observation.ignored == 1
    assert old.split("/")[3] in world.tasks.ignored[parse_task_id(TASK)]


async def test_ignored_execution_is_never_described_again(world):
    start(world, 7200)
    worker = Worker(world, lookback_s=3600)
    await discover(worker)
    await discover(worker)
    await worker.leases.release_all()
    await discover(Worker(world, lookback_s=10**6))
    assert world.datasync.descriptions == 1
    assert registered_arns(world) == []


async def test_lookback_counts_from_the_time_at_which_the_task_was_first_seen(world):
    worker = Worker(world, lookback_s=3600)
    await discover(worker)
    arn = start(world, 60)
    world.datasync.unlisted.add(arn)
    await discover(worker)
    world.clock.advance(2 * 3600)
    world.datasync.unlisted.clear()
    await discover(worker)
    assert registered_arns(world) == [arn]


async def test_execution_that_started_while_the_service_was_stopped_for_longer_than_its_retention_is_registered(world):
    worker = Worker(world)
    await discover(worker)
    await worker.leases.release_all()
    world.clock.advance(40 * DAY_S)
    arn = start(world, 31 * DAY_S)
    await discover(Worker(world))
    assert registered_arns(world) == [arn]


async def test_executions_of_a_task_that_does_not_write_to_s3_are_ignored(world):
    start(world)
    world.datasync.described_tasks[TASK] = TaskDescription(TASK, None, GROUP)
    assert (await discover(Worker(world))).ignored == 1
    assert registered_arns(world) == []


async def test_executions_of_a_task_that_does_not_write_to_s3_are_held_if_the_operator_named_the_task(world):
    arn = start(world)
    world.datasync.described_tasks[TASK] = TaskDescription(TASK, None, GROUP)
    worker = Worker(world, tasks_named=True)
    world.end(arn)
    await worker.work(seconds=60)
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, Reason.DESTINATION_NOT_S3)


# Many executions, and tasks that fail.


async def test_long_history_is_registered_in_several_passes_without_a_pause(world):
    arns = [add_execution(world, TASK, n, started_at_ms=EPOCH_MS - 300_000 + n) for n in range(300)]
    worker = Worker(world)
    pauses_s = []
    while len(world.executions.records) < len(arns):
        before = world.datasync.descriptions
        pauses_s.append(await worker.discovery.tick())
        assert world.datasync.descriptions - before <= DESCRIPTIONS_PER_PASS
    assert pauses_s[:2] == [0.0, 0.0]
    assert sorted(registered_arns(world)) == arns
    assert world.datasync.descriptions == 300


async def test_running_execution_of_a_task_with_a_long_history_is_registered_first(world):
    for n in range(150):
        add_execution(world, TASK, n + 10, started_at_ms=EPOCH_MS - n)
    arn = start(world)
    world.copy(arn, "a.csv")
    worker = Worker(world)
    await discover(worker)
    assert world.execution(arn).status == "TRANSFERRING"
    assert len(world.executions.records) == DESCRIPTIONS_PER_PASS
    assert not await is_backlog_registered(world)
    await discover(worker)
    assert len(world.executions.records) == 151
    assert await is_backlog_registered(world)


async def test_executions_that_started_during_an_outage_are_registered_in_start_order_once_all_are_described(world):
    worker = Worker(world)
    await discover(worker)
    for n in range(150):
        add_execution(world, TASK, n, started_at_ms=EPOCH_MS - n)
    await discover(worker)
    assert registered_arns(world) == []
    await discover(worker)
    assert [e.started_at_ms for e in world.executions.records.values()] == sorted(EPOCH_MS - n for n in range(150))


async def test_tasks_with_a_long_history_do_not_delay_the_running_executions_of_others(world):
    tasks = [add_task(world, number) for number in range(1, 6)]
    executions = [
        [add_execution(world, task, 1000 * place + n) for n in range(200)]
        + [add_execution(world, task, 1000 * place + 999, status="TRANSFERRING")]
        for place, task in enumerate(tasks)
    ]
    observation = await discover(Worker(world))
    assert {arns[-1] for arns in executions} <= {ids.arn for ids in observation.registered}
    assert world.datasync.descriptions <= DESCRIPTIONS_PER_PASS


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((error("call", "no"), kind) for kind, error in ERROR_KINDS.items()),
        (ValueError("not the ARN of a task execution"), "internal"),
    ],
)
async def test_error_of_one_task_does_not_keep_the_others_from_being_discovered(world, error, kind):
    failing, working = add_task(world, 1), add_task(world, 2)
    add_execution(world, failing, 1)
    arn = add_execution(world, working, 2)
    world.datasync.errors[failing] = error
    worker = Worker(world)
    await worker.discovery.tick()
    failure, discovery_pass = worker.observations
    assert registered_arns(world) == [arn]
    assert isinstance(failure, TickFailed)
    assert (failure.loop, failure.kind, failure.task, failure.error) == ("discover", kind, failing, error)
    assert isinstance(discovery_pass, DiscoveryPass)


async def test_task_that_failed_is_discovered_by_the_next_pass(world):
    arn = start(world)
    world.datasync.errors[TASK] = TransientError("call", "slow")
    worker = Worker(world)
    await discover(worker)
    world.datasync.errors.clear()
    await discover(worker)
    assert registered_arns(world) == [arn]


async def test_listed_execution_that_cannot_be_described_does_not_hide_the_others(world):
    not_found, arn = start(world), start(world)
    world.datasync.errors[not_found] = NotFoundError("call", "not found")
    worker = Worker(world)
    await discover(worker)
    assert registered_arns(world) == [arn]
    world.datasync.errors.clear()
    await discover(worker)
    assert registered_arns(world) == [arn, not_found]


async def test_many_listed_executions_that_cannot_be_described_neither_hide_the_others_nor_remove_the_pause(world):
    not_found = [add_execution(world, TASK, n) for n in range(DESCRIPTIONS_PER_PASS + 20)]
    world.datasync.errors = dict.fromkeys(not_found, NotFoundError("call", "not found"))
    arn = add_execution(world, TASK, 900)
    worker = Worker(world)
    pauses_s = [await worker.discovery.tick() for _ in range(3)]
    assert pauses_s[1:] == [worker.options.poll_interval_s] * 2
    assert registered_arns(world) == [arn]
    assert await is_backlog_registered(world)


async def test_pass_without_a_list_of_tasks_fails(world):
    world.datasync.errors[""] = AccessDeniedError("call", "no")
    worker = Worker(world)
    with pytest.raises(AccessDeniedError):
        await worker.discovery.tick()
    assert worker.observations == []


# Time until an execution is discovered.


@pytest.mark.parametrize("tasks", [1, 20, 100])
async def test_new_execution_of_an_idle_task_is_registered_within_a_minute(world, tasks):
    arns = [TASK, *(add_task(world, n) for n in range(1, tasks))]
    worker = Worker(world)
    for _ in range(4):
        world.clock.advance(15)
        await discover(worker)
    added = {add_execution(world, task, n) for n, task in enumerate(arns)}  # Just after a pass.
    for _ in range(4):
        world.clock.advance(15)
        await discover(worker)
    assert added == set(registered_arns(world))


async def test_idle_tasks_are_listed_in_turn_and_not_all_in_each_pass(world):
    for n in range(1, 100):
        add_task(world, n)
    worker = Worker(world)
    assert (await discover(worker)).tasks_listed == 100
    listed = []
    for _ in range(8):
        world.clock.advance(5)
        listed.append((await discover(worker)).tasks_listed)
    assert max(listed) < 100
    assert sum(listed) < 4 * 100


async def test_running_task_is_listed_in_each_pass_and_once_after_its_end(world):
    arn = start(world)
    for n in range(1, 60):
        add_task(world, n)
    worker = Worker(world)
    await discover(worker)

    async def is_listed():
        world.datasync.calls.clear()
        world.clock.advance(0.1)
        await discover(worker)
        return ("list_executions", TASK) in world.datasync.calls

    assert [await is_listed() for _ in range(3)] == [True, True, True]
    world.end(arn)
    assert await is_listed()
    assert not await is_listed()


async def test_task_with_an_unknown_status_is_listed_in_each_pass(world):
    class UnavailableDataSync(RecordingDataSync):
        async def list_tasks(self):
            return [TaskListing(TASK, "UNAVAILABLE")]

    world.datasync = UnavailableDataSync(world.datasync.described_tasks)
    worker = Worker(world)
    await discover(worker)
    assert (await discover(worker)).tasks_listed == 1


# One worker at a time.


async def test_only_the_worker_that_owns_the_discovery_lease_discovers(world):
    worker, other = Worker(world), Worker(world, owner="worker-2")
    await discover(worker)
    calls = len(world.datasync.calls)
    assert await other.discovery.tick() == 15.0
    assert (other.observations, len(world.datasync.calls)) == ([], calls)


async def test_another_worker_discovers_once_the_first_one_is_silent(world):
    await Worker(world).round()
    arn = start(world)
    other = Worker(world, owner="worker-2")
    await other.work(until=lambda: registered_arns(world) == [arn], seconds=120)
    assert registered_arns(world) == [arn]
    assert DISCOVERY_LEASE in other.leases.names


async def test_worker_that_lost_the_discovery_lease_starts_from_what_is_stored_when_it_owns_it_again(world):
    worker, other = Worker(world), Worker(world, owner="worker-2")
    await discover(worker)
    await worker.leases.release(DISCOVERY_LEASE)
    await discover(other)
    start(world)
    await discover(other)
    await worker.discovery.tick()
    await other.leases.release(DISCOVERY_LEASE)
    world.datasync.calls.clear()
    await discover(worker)
    assert world.datasync.count("list_executions") == 1
    assert world.datasync.descriptions == 0
