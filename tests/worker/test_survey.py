from dataclasses import replace

import pytest

from service.adapters.memory.table import MemoryExecutions
from service.domain.phases import Phase
from service.domain.records import Lease, OpenExecution
from service.worker.lease import SWEEP, Keeper, Watch
from service.worker.survey import PER_TASK, Surveyor, worth_working_on
from service.worker.terms import Clock, Terms
from tests.domain.examples import MINUTE_MS, START_MS, an_execution

LEASE_S = 30.0


class Worker:
    """A worker that only looks what there is to claim."""

    def __init__(self, table, now, owner="me", max_executions=10):
        self.keeper = Keeper(table, owner=owner, lease_s=LEASE_S, clock_s=lambda: now[0] / 1000)
        clock = Clock(lambda: now[0] / 1000, lambda: now[0])
        terms = Terms(max_executions=max_executions)
        self.surveyor = Surveyor(table, self.keeper, Watch(LEASE_S), terms, clock)

    async def look(self, busy=()):
        tick = await self.surveyor.tick(busy)
        assert tick.pause_s == 15.0
        return tick.reports[0]

    @property
    def numbers(self):
        return {int(name.removeprefix("exec-"), 16) for name in self.keeper.held}


@pytest.fixture
def table():
    return MemoryExecutions()


@pytest.fixture
def now():
    return [START_MS + 100 * MINUTE_MS]


def of_task(task, number, **changes):
    execution = an_execution(
        number, **{"phase": Phase.FOLLOWING, "ended_at_ms": None, "terminal_seen_at_ms": None} | changes
    )
    return replace(execution, name=execution.name._replace(task_id=f"task-{task}"))


async def registered(table, *executions):
    for execution in executions:
        await table.register(execution)


async def test_open_executions_that_nobody_has_are_claimed_oldest_first(table, now):
    await registered(table, of_task("b", 2), of_task("a", 1), of_task("c", 3))
    seen = await Worker(table, now, max_executions=2).look()
    assert seen.taken == [of_task("a", 1).name.execution_id, of_task("b", 2).name.execution_id]
    assert seen.leases_held == 2


@pytest.mark.parametrize("phase", [Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED])
async def test_what_is_closed_is_not_claimed(table, now, phase):
    await registered(table, of_task("a", 1, phase=phase))
    assert (await Worker(table, now).look()).taken == []


async def test_of_a_task_only_the_oldest_two_are_worth_it(table, now):
    await registered(table, *(of_task("a", n) for n in range(1, 6)))
    worker = Worker(table, now)
    await worker.look()
    assert worker.numbers == {1, 2}
    assert PER_TASK == 2


def test_what_is_worth_working_on_keeps_its_order():
    def listed(task, number):
        return OpenExecution(f"exec-{number}", f"task-{task}", number, None, Lease(f"exec-{number}", None, 0, 0))

    executions = [listed("a", 1), listed("b", 2), listed("a", 3), listed("a", 4), listed("b", 5), listed("b", 6)]
    assert worth_working_on(executions) == [executions[n] for n in (0, 1, 2, 4)]


async def test_the_next_one_is_claimed_when_the_oldest_is_closed(table, now):
    await registered(table, *(of_task("a", n) for n in (1, 2, 3)))
    worker = Worker(table, now)
    await worker.look()
    table.records[of_task("a", 1).name.execution_id] = of_task("a", 1, phase=Phase.PUBLISHED)
    await worker.look()
    assert worker.numbers == {1, 2, 3}


async def test_what_this_process_has_not_let_go_of_is_not_claimed_again(table, now):
    await registered(table, of_task("a", 1))
    assert (await Worker(table, now).look({of_task("a", 1).name.execution_id})).taken == []


async def test_what_is_held_already_is_not_claimed_again(table, now):
    await registered(table, of_task("a", 1))
    worker = Worker(table, now)
    assert len((await worker.look()).taken) == 1
    assert (await worker.look()).taken == []


async def test_another_worker_s_execution_is_taken_over_once_its_lease_has_not_moved(table, now):
    await registered(table, of_task("a", 1))
    await Worker(table, now, "other").look()
    worker = Worker(table, now)
    for seconds, taken in ((0, 0), (29.999, 0), (0.001, 1)):
        now[0] += round(seconds * 1000)
        assert len((await worker.look()).taken) == taken


async def test_a_worker_that_renews_keeps_its_execution(table, now):
    await registered(table, of_task("a", 1))
    other, worker = Worker(table, now, "other"), Worker(table, now)
    await other.look()
    for _ in range(20):
        now[0] += 10_000
        await other.keeper.tick()
        assert (await worker.look()).taken == []


async def test_of_two_that_look_at_once_one_gets_it(table, now):
    await registered(table, of_task("a", 1))
    worker, other = Worker(table, now), Worker(table, now, "other")
    seen = await table.open()
    assert len((await worker.look()).taken) == 1
    assert not await other.keeper.claim(seen[0].lease)


async def test_the_lease_of_the_sweep_is_no_execution(table, now):
    await registered(table, of_task("a", 1))
    worker = Worker(table, now, max_executions=1)
    await worker.keeper.claim(await table.read(SWEEP))
    assert len((await worker.look()).taken) == 1


# Executions of a task go in order: one that waits must not keep the place of the one that it waits for.


async def test_a_full_worker_takes_what_one_of_its_own_waits_for(table, now):
    await registered(table, of_task("a", 1), of_task("a", 2))
    gone, worker = Worker(table, now, "gone", 1), Worker(table, now, max_executions=1)
    await gone.look()
    await worker.look()
    assert worker.numbers == {2}
    await gone.keeper.release_all()
    await worker.look()
    assert worker.numbers == {1, 2}


async def test_a_full_worker_takes_all_that_one_of_its_own_waits_for_after_a_replay_and_a_release(table, now):
    await registered(table, of_task("a", 3))
    worker = Worker(table, now, max_executions=1)
    await worker.look()
    await registered(table, of_task("a", 1), of_task("a", 2))
    await worker.look()
    assert worker.numbers == {1, 2, 3}


async def test_a_full_worker_takes_nothing_else(table, now):
    await registered(table, of_task("a", 1), of_task("a", 2), of_task("b", 3))
    worker = Worker(table, now, max_executions=1)
    await worker.look()
    await worker.look()
    assert worker.numbers == {1}


# What is told.


async def test_a_look_tells_how_many_executions_there_are_in_each_phase(table, now):
    await registered(table, of_task("a", 1), of_task("b", 2, phase=Phase.HELD), of_task("b", 3, phase=Phase.HELD))
    phases = (await Worker(table, now).look()).phases
    assert phases == dict.fromkeys(Phase, 0) | {Phase.FOLLOWING: 1, Phase.HELD: 2}


async def test_a_look_tells_for_how_long_the_oldest_unpublished_execution_has_been_over(table, now):
    await registered(
        table,
        of_task("a", 1),
        of_task("b", 2, phase=Phase.SEALING, ended_at_ms=now[0] - 7_500),
        of_task("c", 3, phase=Phase.PUBLISHING, ended_at_ms=None, terminal_seen_at_ms=now[0] - 2_000),
    )
    assert (await Worker(table, now).look()).oldest_unpublished_age_s == 7.5


async def test_when_nothing_waits_the_age_is_zero(table, now):
    await registered(table, of_task("a", 1), of_task("b", 2, phase=Phase.PUBLISHED, ended_at_ms=START_MS))
    assert (await Worker(table, now).look()).oldest_unpublished_age_s == 0.0


async def test_a_clock_that_is_behind_datasync_s_makes_no_negative_age(table, now):
    await registered(table, of_task("a", 1, ended_at_ms=now[0] + 5_000))
    assert (await Worker(table, now).look()).oldest_unpublished_age_s == 0.0


async def test_leases_of_executions_that_are_no_longer_open_are_forgotten(table, now):
    await registered(table, of_task("a", 1))
    await Worker(table, now, "other").look()
    worker = Worker(table, now)
    await worker.look()
    record = table.records.pop(of_task("a", 1).name.execution_id)
    now[0] += 40_000
    await worker.look()
    table.records[record.name.execution_id] = record
    assert (await worker.look()).taken == []
