"""A whole worker on virtual time: what runs beside what, and in which order it stops."""

import asyncio
from functools import partial
from itertools import pairwise
from random import Random

import pytest

from service.domain.errors import AccessDeniedError, ConflictError, NotFoundError, TransientError
from service.telemetry.loop_health import LoopHealth
from service.domain.observations import LeaseLost, TickFailed, TickResult
from service.domain.options import WorkerOptions
from service.domain.phases import Phase, PhaseEvent
from service.leasing.owned_leases import SWEEP, LeaseExpiryWatch, OwnedLeases
from service.ports import Clock
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


async def passes(seconds):
    """Let virtual time go by, as a call that takes so long."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    timer = loop.call_later(seconds, over.set_result, None)
    try:
        await over
    finally:
        timer.cancel()


class Table(MemoryExecutionStore):
    """A table whose calls can be made to hang or to fail."""

    def __init__(self):
        super().__init__()
        self.hangs = False
        self.counting_fails = False

    async def release(self, lease):
        if self.hangs:
            await asyncio.Event().wait()
        await super().release(lease)

    async def counts(self):
        if self.counting_fails:
            raise TransientError("dynamodb.Query", "slow")
        return await super().counts()


class ExecutionDiscovery:
    def __init__(self):
        self.at_s = []

    async def tick(self):
        self.at_s.append(asyncio.get_running_loop().time())
        return TickResult((), 15.0)


class Notifier:
    """Meets a topic that refuses access."""

    def __init__(self):
        self.at_s = []

    async def tick(self):
        self.at_s.append(asyncio.get_running_loop().time())
        return TickResult(trouble=AccessDeniedError("sns.Publish", "no"))


class ExecutionRunner:
    """Takes `takes_s` for each tick; `ends` closes the execution with the first one."""

    def __init__(self, worker, execution_id):
        self.worker = worker
        self.execution_id = execution_id

    async def tick(self):
        worker = self.worker
        worker.leases.lease(self.execution_id)
        worker.under_way[self.execution_id] = worker.under_way.get(self.execution_id, 0) + 1
        worker.most_under_way = max(worker.most_under_way, worker.under_way[self.execution_id])
        worker.ticks.append((self.execution_id, asyncio.get_running_loop().time()))
        try:
            await passes(worker.takes_s)
            return await self.end() if worker.ends else TickResult((), 5.0)
        except asyncio.CancelledError:
            worker.cut_off.append(asyncio.get_running_loop().time())
            raise
        finally:
            worker.under_way[self.execution_id] -= 1

    async def end(self):
        if self.worker.ends is not True:
            raise self.worker.ends
        execution = self.worker.table.records[self.execution_id]
        if execution.phase is Phase.FOLLOWING:
            held = execution.on(PhaseEvent.HOLD)
            await self.worker.table.save(held, self.worker.leases.lease(self.execution_id))
        self.worker.finished_s.append(asyncio.get_running_loop().time())
        return TickResult(done=True)

    async def hold(self):
        raise AssertionError("nothing here is a fault of ours")


class Worker:
    def __init__(self, table, owner="me", *, takes_s=1.0, ends=False, notifier=None, wake_ups=None):
        self.table, self.takes_s, self.ends = table, takes_s, ends
        clock_s = asyncio.get_running_loop().time
        self.owned_leases = OwnedLeases(table, owner=owner, lease_s=LEASE_S, clock_s=clock_s)
        clock = Clock(clock_s, lambda: round(clock_s() * 1000))
        claimer = ExecutionClaimer(table, self.owned_leases, LeaseExpiryWatch(LEASE_S), WorkerOptions(), clock)
        self.discovery = ExecutionDiscovery()
        self.ticks, self.cut_off, self.finished_s, self.reports = [], [], [], []
        self.under_way, self.most_under_way = {}, 0
        self.stop = asyncio.Event()
        supervisor = Supervisor(
            self.discovery,
            claimer,
            self.owned_leases,
            partial(ExecutionRunner, self),
            notifier,
            wake_ups=wake_ups,
            drain_s=DRAIN_S,
        )
        around = LoopContext(self.stop, self.reports.append, LoopHealth(), Random(7))
        self.running = asyncio.create_task(supervisor.run(around))

    async def stopped(self):
        """Stop it; returns how long that took."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        self.stop.set()
        await self.running
        return loop.time() - begun_s


async def new_execution(table, *numbers):
    for number in numbers:
        await table.register(an_execution(number, phase=Phase.FOLLOWING))
    return [an_execution(number).id for number in numbers]


def owners(table):
    return {name: lease.owner for name, lease in table.leases.items()}


def on_virtual_time(test):
    """Run a test in a loop of its own, in which time passes at once."""

    def in_its_own_loop(**fixtures):
        run(test(Table(), **fixtures))

    in_its_own_loop.__name__ = test.__name__
    return in_its_own_loop


@on_virtual_time
async def test_every_loop_goes_at_its_own_pace(table):
    names = await new_execution(table, 1)
    worker = Worker(table)
    await passes(61.0)
    await worker.stopped()
    assert worker.discovery.at_s == pytest.approx([0.0, 15.0, 30.0, 45.0, 60.0])
    assert [at_s for name, at_s in worker.ticks if name == names[0]][:4] == pytest.approx([0.0, 6.0, 12.0, 18.0])
    assert table.leases[names[0]].beat >= 6


@on_virtual_time
async def test_notifications_have_a_loop_of_their_own_whose_failures_are_told_and_stop_nothing(table):
    await new_execution(table, 1)
    notifier = Notifier()
    worker = Worker(table, notifier=notifier)
    await passes(200.0)
    await worker.stopped()
    told = [observation for observation in worker.observations if isinstance(observation, TickFailed)]
    assert len(told) == len(notifier.at_s)
    assert {(observation.loop, observation.kind) for observation in told} == {("notify", "denied")}
    waits_s = [after - before for before, after in pairwise(notifier.at_s)]
    assert waits_s[0] <= 1.0
    assert 30.0 <= max(waits_s) <= 60.0
    assert worker.discovery.at_s == pytest.approx([15.0 * n for n in range(14)])
    assert len([at_s for _, at_s in worker.ticks]) >= 30


@on_virtual_time
async def test_what_is_claimed_is_pursued_each_by_itself(table):
    names = await new_execution(table, 1, 2)
    worker = Worker(table, takes_s=4.0)
    await passes(10.0)
    await worker.stopped()
    assert [at_s for name, at_s in worker.ticks if name == names[0]] == pytest.approx([0.0, 9.0])
    assert [at_s for name, at_s in worker.ticks if name == names[1]] == pytest.approx([0.0, 9.0])


@on_virtual_time
async def test_what_is_done_is_given_back(table):
    (name,) = await new_execution(table, 1)
    worker = Worker(table, ends=True)
    await passes(40.0)
    assert owners(table)[name] is None
    assert len(worker.ticks) == 1
    await worker.stopped()


@on_virtual_time
async def test_an_execution_that_somebody_else_changed_is_given_back_and_claimed_again_by_the_next_survey(table):
    await new_execution(table, 1)
    worker = Worker(table, ends=ConflictError("c", "changed"))
    await passes(40.0)
    await worker.stopped()
    assert [at_s for _, at_s in worker.ticks] == pytest.approx([0.0, 15.0, 30.0])


@on_virtual_time
async def test_what_was_claimed_is_pursued_even_if_the_survey_failed_behind_the_claim(table):
    names = await new_execution(table, 1)
    table.counting_fails = True
    worker = Worker(table)
    await passes(0.5)
    await worker.stopped()
    assert [name for name, _ in worker.ticks] == names


# Stopping.


@on_virtual_time
async def test_a_stop_gives_everything_back_at_once_when_nothing_is_under_way(table):
    await new_execution(table, 1, 2)
    worker = Worker(table)
    await passes(3.0)
    assert await worker.stopped() == 0.0
    assert set(owners(table).values()) == {None}
    assert worker.cut_off == []


@on_virtual_time
async def test_a_stop_lets_the_ticks_that_are_under_way_end(table):
    await new_execution(table, 1)
    worker = Worker(table, takes_s=12.0)
    await passes(2.0)
    assert await worker.stopped() == pytest.approx(10.0)
    assert (worker.cut_off, len(worker.ticks)) == ([], 1)
    assert set(owners(table).values()) == {None}


@on_virtual_time
async def test_what_takes_longer_than_the_drain_is_cut_off_and_given_back(table):
    await new_execution(table, 1)
    worker = Worker(table, takes_s=10**6)
    await passes(2.0)
    assert await worker.stopped() == pytest.approx(DRAIN_S)
    assert worker.cut_off == pytest.approx([2.0 + DRAIN_S])
    assert set(owners(table).values()) == {None}


@on_virtual_time
async def test_leases_are_renewed_until_the_last_tick_has_ended(table):
    (name,) = await new_execution(table, 1)
    worker = Worker(table, takes_s=10**6)
    await passes(2.0)
    before = table.leases[name].beat
    await worker.stopped()
    assert table.leases[name].beat - before == 2


@on_virtual_time
async def test_what_ends_while_it_drains_is_stored_under_its_lease(table):
    (name,) = await new_execution(table, 1)
    worker = Worker(table, takes_s=19.0, ends=True)
    await passes(1.0)
    await worker.stopped()
    assert worker.finished_s == pytest.approx([19.0])
    assert table.records[name].phase is Phase.HELD


@on_virtual_time
async def test_a_table_that_is_away_does_not_keep_a_worker_from_stopping(table):
    (name,) = await new_execution(table, 1)
    worker = Worker(table)
    await passes(3.0)
    table.hangs = True
    assert await worker.stopped() == pytest.approx(RELEASE_TIMEOUT_S)
    assert owners(table)[name] == "me"


@on_virtual_time
async def test_a_worker_that_is_stopped_as_it_begins_takes_nothing_along(table):
    await new_execution(table, 1)
    worker = Worker(table)
    await worker.stopped()
    assert set(owners(table).values()) <= {None}


@on_virtual_time
async def test_a_worker_that_is_cancelled_leaves_nothing_running(table):
    await new_execution(table, 1)
    worker = Worker(table, takes_s=10**6)
    await passes(2.0)
    worker.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker.running
    assert worker.cut_off == pytest.approx([2.0])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert set(owners(table).values()) == {None}


# Wake-ups.


class Missing(MemoryWakeUps):
    """Wake-ups from a queue that is not there."""

    async def wait(self):
        raise NotFoundError("sqs.ReceiveMessage", "there is none")


@on_virtual_time
async def test_what_is_woken_looks_at_once_and_soon_again(table):
    (name,) = await new_execution(table, 1)
    wake_ups = MemoryWakeUps()
    worker = Worker(table, wake_ups=wake_ups)
    await passes(3.0)
    wake_ups.came.set()
    await passes(17.5)
    assert worker.discovery.at_s == pytest.approx([0.0, 3.0, 3.0 + MIN_INTERVAL_S, 18.0 + MIN_INTERVAL_S])
    assert [at_s for _, at_s in worker.ticks] == pytest.approx(
        [0.0, 3.0, 3.0 + MIN_INTERVAL_S, 9.0 + MIN_INTERVAL_S, 15.0 + MIN_INTERVAL_S]
    )
    assert table.leases[name].beat == 2, "renewal goes at its own pace"
    await worker.stopped()


@on_virtual_time
async def test_what_is_registered_by_one_look_is_taken_up_by_the_second(table):
    wake_ups = MemoryWakeUps()
    worker = Worker(table, wake_ups=wake_ups)
    await passes(3.0)
    wake_ups.came.set()
    await passes(0.5)
    await new_execution(table, 1)
    await passes(MIN_INTERVAL_S)
    assert [at_s for _, at_s in worker.ticks] == pytest.approx([3.0 + MIN_INTERVAL_S])
    await worker.stopped()


@on_virtual_time
async def test_a_worker_that_waits_for_wake_ups_stops_at_once(table):
    worker = Worker(table, wake_ups=MemoryWakeUps())
    await passes(1.0)
    assert await worker.stopped() == 0.0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@on_virtual_time
async def test_without_its_wake_queue_a_worker_works_at_its_usual_pace_and_says_what_is_wrong(table):
    await new_execution(table, 1)
    worker = Worker(table, wake_ups=Missing())
    await passes(61.0)
    await worker.stopped()
    assert worker.discovery.at_s == pytest.approx([0.0, 15.0, 30.0, 45.0, 60.0])
    setbacks = [observation for observation in worker.observations if isinstance(observation, TickFailed)]
    assert {(setback.loop, setback.kind) for setback in setbacks} == {("wake", "absent")}
    assert [setback.setbacks for setback in setbacks] == list(range(1, len(setbacks) + 1))
    assert len(setbacks) < 10


@on_virtual_time
async def test_a_worker_that_nothing_can_wake_has_no_loop_for_it(table):
    worker = Worker(table)
    await passes(1.0)
    assert {task.get_name() for task in asyncio.all_tasks()} >= {"sweep", "survey", "renew"}
    assert "wake" not in {task.get_name() for task in asyncio.all_tasks()}
    await worker.stopped()


# Several workers.


@on_virtual_time
async def test_another_worker_goes_on_at_once_after_a_stop(table):
    (name,) = await new_execution(table, 1)
    first, second = Worker(table, "one"), Worker(table, "two")
    await passes(20.0)
    assert (len(first.ticks) > 0, second.ticks) == (True, [])
    await first.stopped()
    await passes(15.0)
    assert owners(table)[name] == "two"
    await second.stopped()


@on_virtual_time
async def test_another_worker_takes_over_after_a_crash_once_the_lease_is_over(table):
    (name,) = await new_execution(table, 1)
    await table.take(await table.read(name), "crashed")
    worker = Worker(table)
    await passes(60.0)
    assert worker.ticks[0][1] == pytest.approx(30.0)
    await worker.stopped()


@on_virtual_time
async def test_a_lost_lease_never_has_two_pursuits_at_once(table):
    (name,) = await new_execution(table, 1)
    worker = Worker(table, takes_s=100.0)
    await passes(5.0)
    lease = await table.take(await table.read(name), "other")
    await passes(10.0)
    assert worker.observations.count(LeaseLost(name)) == 1
    await table.release(lease)  # Free again, while the tick that began under the old lease still goes on.
    await passes(70.0)
    assert owners(table)[name] is None
    await passes(40.0)
    assert worker.most_under_way == 1
    assert owners(table)[name] == "me"
    await worker.stopped()


@on_virtual_time
async def test_the_lease_of_the_sweep_is_not_pursued(table):
    worker = Worker(table)
    await worker.leases.claim(await table.read(SWEEP))
    await passes(40.0)
    assert worker.ticks == []
    await worker.stopped()
    assert owners(table) == {SWEEP: None}
