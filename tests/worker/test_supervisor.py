"""A whole worker in virtual time: what runs at once, and the order in which it stops."""

import asyncio
from functools import partial
from itertools import pairwise
from random import Random

import pytest

from service.domain.errors import AccessDeniedError, ConflictError, NotFoundError, TransientError
from service.domain.observations import LeaseLost, TickFailed
from service.domain.phases import Phase, PhaseEvent
from service.leasing.owned_leases import DISCOVERY_LEASE, OwnedLeases
from service.ports import Clock
from service.telemetry.loop_health import LoopHealth
from service.worker.claiming import ExecutionClaimer
from service.worker.loop import LoopContext
from service.worker.supervisor import RELEASE_TIMEOUT_S, Supervisor
from service.worker.wake import MIN_INTERVAL_S
from tests.domain.examples import an_execution
from tests.fakes.services import MemoryWakeUps
from tests.fakes.stores import MemoryExecutionStore
from tests.virtual_time import run

DRAIN_S = 20.0
LEASE_S = 30.0


async def pass_time(seconds):
    """Wait in virtual time, as a call does that takes that long."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    timer = loop.call_later(seconds, over.set_result, None)
    try:
        await over
    finally:
        timer.cancel()


class FlakyTable(MemoryExecutionStore):
    """A table whose calls hang or fail, as these fields say. A renewal of `renewal_fails` fails."""

    def __init__(self):
        super().__init__()
        self.release_hangs = False
        self.count_fails = False
        self.renewal_fails = None

    async def renew(self, lease):
        if lease.name == self.renewal_fails:
            raise TransientError("dynamodb.UpdateItem", "throttled")
        return await super().renew(lease)

    async def release(self, lease):
        if self.release_hangs:
            await asyncio.Event().wait()
        await super().release(lease)

    async def counts(self):
        if self.count_fails:
            raise TransientError("dynamodb.Query", "slow")
        return await super().counts()


class FakeDiscovery:
    """Discovers nothing."""

    def __init__(self):
        self.ticked_s = []

    async def tick(self):
        self.ticked_s.append(asyncio.get_running_loop().time())
        return 15.0


class DeniedNotifier:
    """Has no access to its topic."""

    def __init__(self):
        self.ticked_s = []

    async def tick(self):
        self.ticked_s.append(asyncio.get_running_loop().time())
        raise AccessDeniedError("sns.Publish", "no")


class FakeRunner:
    """A runner whose ticks do what its worker's fields say. Like the real one, it ends when it has no lease."""

    def __init__(self, worker, execution_id):
        self.worker = worker
        self.execution_id = execution_id

    def has_unsaved_sends(self):
        return self.worker.unsaved_ticks > 0

    async def tick(self):
        worker = self.worker
        try:
            worker.leases.require(self.execution_id)
        except ConflictError:
            return None
        worker.running_ticks[self.execution_id] = worker.running_ticks.get(self.execution_id, 0) + 1
        worker.most_running_ticks = max(worker.most_running_ticks, worker.running_ticks[self.execution_id])
        worker.ticks.append((self.execution_id, asyncio.get_running_loop().time()))
        try:
            await pass_time(worker.takes_s)
            worker.unsaved_ticks = max(0, worker.unsaved_ticks - 1)
            if worker.holds:
                await self.hold()
        except asyncio.CancelledError:
            worker.cancelled_s.append(asyncio.get_running_loop().time())
            raise
        finally:
            worker.running_ticks[self.execution_id] -= 1
        return None if worker.holds or worker.lets_go else 5.0

    async def hold(self):
        execution = self.worker.table.records[self.execution_id]
        if execution.phase is Phase.FOLLOWING:
            held = execution.apply(PhaseEvent.HOLD)
            lease = self.worker.leases.require(self.execution_id)
            await self.worker.table.save_owned(held, lease, is_transition=True)
        self.worker.held_s.append(asyncio.get_running_loop().time())


class Worker:
    """A supervisor with a real claimer and fake runners.

    A runner's tick takes `takes_s`. `holds`: the first one holds the execution. `lets_go`: the first one is the
    runner's last. The runners have unsaved sends until they have done `unsaved_ticks`.
    """

    def __init__(
        self,
        table,
        owner="me",
        *,
        takes_s=1.0,
        holds=False,
        lets_go=False,
        unsaved_ticks=0,
        notifier=None,
        wake_ups=None,
    ):
        self.table, self.takes_s, self.holds, self.lets_go = table, takes_s, holds, lets_go
        self.unsaved_ticks = unsaved_ticks
        self.discovery = FakeDiscovery()
        self.ticks, self.cancelled_s, self.held_s, self.observations = [], [], [], []
        self.running_ticks, self.most_running_ticks = {}, 0
        self.stop = asyncio.Event()
        observe, clock_s = self.observations.append, asyncio.get_running_loop().time
        self.leases = OwnedLeases(table, owner=owner, lease_s=LEASE_S, clock_s=clock_s, observe=observe)
        clock = Clock(clock_s, lambda: round(clock_s() * 1000))
        ticks = {"discover": self.discovery.tick}
        if notifier:
            ticks["notify"] = notifier.tick
        supervisor = Supervisor(
            ExecutionClaimer(table, self.leases, clock, observe, max_executions=10, poll_interval_s=15.0),
            self.leases,
            partial(FakeRunner, self),
            ticks,
            wake_ups=wake_ups,
            drain_s=DRAIN_S,
        )
        context = LoopContext(self.stop, observe, LoopHealth(), Random(7))
        self.running = asyncio.create_task(supervisor.run(context))

    async def stop_and_wait(self):
        """Stop the worker and return how long that took."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        self.stop.set()
        await self.running
        return loop.time() - started_s

    def ticked_s(self, execution_id=None):
        return [at_s for ticked_id, at_s in self.ticks if execution_id in (None, ticked_id)]

    def failures(self):
        return [observation for observation in self.observations if isinstance(observation, TickFailed)]


async def register(table, *numbers):
    for number in numbers:
        await table.register(an_execution(number, phase=Phase.FOLLOWING))
    return [an_execution(number).id for number in numbers]


def owners(table):
    return {name: lease.owner for name, lease in table.leases.items()}


def in_virtual_time(test):
    """Run a test in an event loop of its own, in virtual time."""

    def run_test(**fixtures):
        run(test(FlakyTable(), **fixtures))

    run_test.__name__ = test.__name__
    return run_test


@in_virtual_time
async def test_each_loop_runs_at_its_own_pace(table):
    ids = await register(table, 1)
    worker = Worker(table)
    await pass_time(61.0)
    await worker.stop_and_wait()
    assert worker.discovery.ticked_s == pytest.approx([0.0, 15.0, 30.0, 45.0, 60.0])
    assert worker.ticked_s(ids[0])[:4] == pytest.approx([0.0, 6.0, 12.0, 18.0])
    assert table.leases[ids[0]].heartbeat >= 6


@in_virtual_time
async def test_failures_of_one_loop_are_observed_and_do_not_stop_the_others(table):
    await register(table, 1)
    notifier = DeniedNotifier()
    worker = Worker(table, notifier=notifier)
    await pass_time(200.0)
    await worker.stop_and_wait()
    assert len(worker.failures()) == len(notifier.ticked_s)
    assert {(failure.loop, failure.kind) for failure in worker.failures()} == {("notify", "access_denied")}
    pauses_s = [after - before for before, after in pairwise(notifier.ticked_s)]
    assert pauses_s[0] <= 1.0
    assert 30.0 <= max(pauses_s) <= 60.0
    assert worker.discovery.ticked_s == pytest.approx([15.0 * n for n in range(14)])
    assert len(worker.ticks) >= 30


@in_virtual_time
async def test_claimed_executions_run_at_the_same_time(table):
    ids = await register(table, 1, 2)
    worker = Worker(table, takes_s=4.0)
    await pass_time(10.0)
    await worker.stop_and_wait()
    assert worker.ticked_s(ids[0]) == pytest.approx([0.0, 9.0])
    assert worker.ticked_s(ids[1]) == pytest.approx([0.0, 9.0])


@in_virtual_time
async def test_lease_of_an_execution_that_is_not_active_any_more_is_released(table):
    (execution_id,) = await register(table, 1)
    worker = Worker(table, holds=True)
    await pass_time(40.0)
    assert owners(table)[execution_id] is None
    assert len(worker.ticks) == 1
    await worker.stop_and_wait()


@in_virtual_time
async def test_lease_of_an_execution_whose_runner_ended_is_released_and_acquired_by_the_next_pass(table):
    await register(table, 1)
    worker = Worker(table, lets_go=True)
    await pass_time(40.0)
    await worker.stop_and_wait()
    assert worker.ticked_s() == pytest.approx([0.0, 15.0, 30.0])


@in_virtual_time
async def test_claimed_execution_runs_even_if_the_pass_failed_after_the_claim(table):
    ids = await register(table, 1)
    table.count_fails = True
    worker = Worker(table)
    await pass_time(0.5)
    await worker.stop_and_wait()
    assert [execution_id for execution_id, _ in worker.ticks] == ids


@in_virtual_time
async def test_renewal_that_keeps_failing_does_not_lose_the_other_leases(table):
    failing, renewed = await register(table, 1, 2)
    worker = Worker(table)
    await pass_time(1.0)
    table.renewal_fails = failing
    await pass_time(600.0)
    assert worker.leases.require(renewed).owner == "me"
    renewals = [failure for failure in worker.failures() if failure.loop == "renew"]
    assert max(failure.retry_in_s for failure in renewals) == LEASE_S / 3
    assert worker.ticked_s(renewed)[-1] > 590.0
    assert [owners(table)[name] for name in (failing, renewed)] == ["me", "me"]
    await worker.stop_and_wait()


# Stopping.


@in_virtual_time
async def test_idle_worker_stops_at_once_and_releases_all_leases(table):
    await register(table, 1, 2)
    worker = Worker(table)
    await pass_time(3.0)
    assert await worker.stop_and_wait() == 0.0
    assert set(owners(table).values()) == {None}
    assert worker.cancelled_s == []


@in_virtual_time
async def test_stop_lets_running_ticks_end(table):
    await register(table, 1)
    worker = Worker(table, takes_s=12.0)
    await pass_time(2.0)
    assert await worker.stop_and_wait() == pytest.approx(10.0)
    assert (worker.cancelled_s, len(worker.ticks)) == ([], 1)
    assert set(owners(table).values()) == {None}


@in_virtual_time
async def test_stop_lets_a_runner_save_its_sends(table):
    await register(table, 1)
    worker = Worker(table, takes_s=2.0, unsaved_ticks=3)
    await pass_time(1.0)
    await worker.stop_and_wait()
    assert (len(worker.ticks), worker.unsaved_ticks, worker.cancelled_s) == (3, 0, [])


@in_virtual_time
async def test_tick_that_takes_longer_than_the_drain_time_is_cancelled_and_its_lease_released(table):
    await register(table, 1)
    worker = Worker(table, takes_s=10**6)
    await pass_time(2.0)
    assert await worker.stop_and_wait() == pytest.approx(DRAIN_S)
    assert worker.cancelled_s == pytest.approx([2.0 + DRAIN_S])
    assert set(owners(table).values()) == {None}


@in_virtual_time
async def test_leases_are_renewed_until_the_last_tick_has_ended(table):
    (execution_id,) = await register(table, 1)
    worker = Worker(table, takes_s=10**6)
    await pass_time(2.0)
    before = table.leases[execution_id].heartbeat
    await worker.stop_and_wait()
    assert table.leases[execution_id].heartbeat - before == 2


@in_virtual_time
async def test_tick_that_ends_within_the_drain_time_is_stored_under_its_lease(table):
    (execution_id,) = await register(table, 1)
    worker = Worker(table, takes_s=19.0, holds=True)
    await pass_time(1.0)
    await worker.stop_and_wait()
    assert worker.held_s == pytest.approx([19.0])
    assert table.records[execution_id].phase is Phase.HELD


@in_virtual_time
async def test_unreachable_table_does_not_keep_a_worker_from_stopping(table):
    (execution_id,) = await register(table, 1)
    worker = Worker(table)
    await pass_time(3.0)
    table.release_hangs = True
    assert await worker.stop_and_wait() == pytest.approx(RELEASE_TIMEOUT_S)
    assert owners(table)[execution_id] == "me"


@in_virtual_time
async def test_worker_that_is_stopped_at_its_start_keeps_no_lease(table):
    await register(table, 1)
    worker = Worker(table)
    await worker.stop_and_wait()
    assert set(owners(table).values()) <= {None}


@in_virtual_time
async def test_cancelled_worker_leaves_no_task_running(table):
    await register(table, 1)
    worker = Worker(table, takes_s=10**6)
    await pass_time(2.0)
    worker.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker.running
    assert worker.cancelled_s == pytest.approx([2.0])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert set(owners(table).values()) == {None}


# Wake-ups.


class MissingWakeUps(MemoryWakeUps):
    """Wake-ups from a queue that does not exist."""

    async def wait(self):
        raise NotFoundError("sqs.ReceiveMessage", "there is none")


@in_virtual_time
async def test_wake_up_makes_the_loops_tick_at_once_and_soon_again(table):
    (execution_id,) = await register(table, 1)
    wake_ups = MemoryWakeUps()
    worker = Worker(table, wake_ups=wake_ups)
    await pass_time(3.0)
    wake_ups.came.set()
    await pass_time(17.5)
    assert worker.discovery.ticked_s == pytest.approx([0.0, 3.0, 3.0 + MIN_INTERVAL_S, 18.0 + MIN_INTERVAL_S])
    assert worker.ticked_s() == pytest.approx(
        [0.0, 3.0, 3.0 + MIN_INTERVAL_S, 9.0 + MIN_INTERVAL_S, 15.0 + MIN_INTERVAL_S]
    )
    assert table.leases[execution_id].heartbeat == 2, "a wake-up does not renew"
    await worker.stop_and_wait()


@in_virtual_time
async def test_execution_that_the_first_signal_registers_is_claimed_at_the_second(table):
    wake_ups = MemoryWakeUps()
    worker = Worker(table, wake_ups=wake_ups)
    await pass_time(3.0)
    wake_ups.came.set()
    await pass_time(0.5)
    await register(table, 1)
    await pass_time(MIN_INTERVAL_S)
    assert worker.ticked_s() == pytest.approx([3.0 + MIN_INTERVAL_S])
    await worker.stop_and_wait()


@in_virtual_time
async def test_worker_that_waits_for_wake_ups_stops_at_once(table):
    worker = Worker(table, wake_ups=MemoryWakeUps())
    await pass_time(1.0)
    assert await worker.stop_and_wait() == 0.0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_worker_without_its_wake_queue_works_at_its_usual_pace_and_reports_the_error(table):
    await register(table, 1)
    worker = Worker(table, wake_ups=MissingWakeUps())
    await pass_time(61.0)
    await worker.stop_and_wait()
    assert worker.discovery.ticked_s == pytest.approx([0.0, 15.0, 30.0, 45.0, 60.0])
    failures = worker.failures()
    assert {(failure.loop, failure.kind) for failure in failures} == {("wake", "not_found")}
    assert [failure.failures_in_a_row for failure in failures] == list(range(1, len(failures) + 1))
    assert 0 < len(failures) < 10


@in_virtual_time
async def test_worker_without_wake_ups_has_no_loop_for_them(table):
    worker = Worker(table)
    await pass_time(1.0)
    assert {task.get_name() for task in asyncio.all_tasks()} >= {"discover", "claim", "renew"}
    assert "wake" not in {task.get_name() for task in asyncio.all_tasks()}
    await worker.stop_and_wait()


# Several workers.


@in_virtual_time
async def test_another_worker_takes_over_at_once_after_a_stop(table):
    (execution_id,) = await register(table, 1)
    first, second = Worker(table, "one"), Worker(table, "two")
    await pass_time(20.0)
    assert (len(first.ticks) > 0, second.ticks) == (True, [])
    await first.stop_and_wait()
    await pass_time(15.0)
    assert owners(table)[execution_id] == "two"
    await second.stop_and_wait()


@in_virtual_time
async def test_another_worker_takes_over_after_a_crash_once_the_lease_has_expired(table):
    (execution_id,) = await register(table, 1)
    await table.acquire(await table.read(execution_id), "crashed")
    worker = Worker(table)
    await pass_time(60.0)
    assert worker.ticked_s()[0] == pytest.approx(30.0)
    await worker.stop_and_wait()


@in_virtual_time
async def test_execution_whose_lease_was_lost_never_has_two_runners_at_once(table):
    (execution_id,) = await register(table, 1)
    worker = Worker(table, takes_s=100.0)
    await pass_time(5.0)
    lease = await table.acquire(await table.read(execution_id), "other")
    await pass_time(10.0)
    assert worker.observations.count(LeaseLost(execution_id)) == 1
    await table.release(lease)  # It is free again, while the tick that started under the old lease still runs.
    await pass_time(70.0)
    assert owners(table)[execution_id] is None
    await pass_time(40.0)
    assert worker.most_running_ticks == 1
    assert owners(table)[execution_id] == "me"
    await worker.stop_and_wait()


@in_virtual_time
async def test_discovery_lease_has_no_runner(table):
    worker = Worker(table)
    assert await worker.leases.acquire_discovery()
    await pass_time(40.0)
    assert worker.ticks == []
    await worker.stop_and_wait()
    assert owners(table) == {DISCOVERY_LEASE: None}
