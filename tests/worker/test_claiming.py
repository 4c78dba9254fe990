from dataclasses import replace

import pytest

from service.domain.errors import TransientError
from service.domain.phases import Phase, Reason
from service.domain.port_types import ExecutionEntry, Lease
from service.leasing.owned_leases import DISCOVERY_LEASE, OwnedLeases
from service.ports import Clock
from service.worker.claiming import MAX_CLAIMED_PER_TASK, ExecutionClaimer, claimable
from tests.domain.examples import MINUTE_MS, START_MS, an_execution, number_of
from tests.fakes.stores import MemoryExecutionStore

LEASE_S = 30.0


class Worker:
    """A worker that only claims executions."""

    def __init__(self, store, now, owner="me", max_executions=10):
        self.observations = []
        clock = Clock(lambda: now[0] / 1000, lambda: now[0])
        self.leases = OwnedLeases(
            store, owner=owner, lease_s=LEASE_S, clock_s=clock.monotonic_s, observe=self.observations.append
        )
        self.claimer = ExecutionClaimer(
            store, self.leases, clock, self.observations.append, max_executions=max_executions, poll_interval_s=15.0
        )

    async def claim(self, still_running=()):
        """Do one tick and return its observation."""
        self.observations.clear()
        assert await self.claimer.tick(still_running) == 15.0
        (observation,) = self.observations
        return observation

    @property
    def numbers(self):
        """The numbers of the executions that this worker has claimed."""
        return {number_of(execution_id) for execution_id in self.leases.execution_ids}


@pytest.fixture
def store():
    return MemoryExecutionStore()


@pytest.fixture
def now():
    return [START_MS + 100 * MINUTE_MS]


def of_task(task, number, **changes):
    execution = an_execution(
        number, **{"phase": Phase.FOLLOWING, "ended_at_ms": None, "end_seen_at_ms": None} | changes
    )
    return replace(execution, ids=execution.ids._replace(task_id=f"task-{task}"))


def a_held_execution(task, number, *, retry_at_ms):
    return of_task(task, number, phase=Phase.HELD, reason=Reason.ACCESS_DENIED, retry_at_ms=retry_at_ms)


async def register(store, *executions):
    for execution in executions:
        await store.register(execution)


async def test_active_executions_without_owner_are_claimed_oldest_first(store, now):
    await register(store, of_task("b", 2), of_task("a", 1), of_task("c", 3))
    observation = await Worker(store, now, max_executions=2).claim()
    assert observation.claimed == [of_task("a", 1).id, of_task("b", 2).id]
    assert observation.leases_held == 2


@pytest.mark.parametrize("phase", [Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED])
async def test_execution_that_is_not_active_is_not_claimed(store, now, phase):
    await register(store, of_task("a", 1, phase=phase))
    assert (await Worker(store, now).claim()).claimed == []


async def test_only_the_two_oldest_executions_of_a_task_are_claimed(store, now):
    await register(store, *(of_task("a", n) for n in range(1, 6)))
    worker = Worker(store, now)
    await worker.claim()
    assert worker.numbers == {1, 2}
    assert MAX_CLAIMED_PER_TASK == 2


def test_claimable_executions_keep_their_order():
    def entry(task, number):
        lease = Lease(f"exec-{number}", None, 0, 0)
        return ExecutionEntry(f"exec-{number}", f"task-{task}", Phase.FOLLOWING, number, None, lease)

    executions = [entry("a", 1), entry("b", 2), entry("a", 3), entry("a", 4), entry("b", 5), entry("b", 6)]
    assert claimable(executions) == [executions[n] for n in (0, 1, 2, 4)]


async def test_next_execution_is_claimed_when_the_oldest_is_published(store, now):
    await register(store, *(of_task("a", n) for n in (1, 2, 3)))
    worker = Worker(store, now)
    await worker.claim()
    store.records[of_task("a", 1).id] = of_task("a", 1, phase=Phase.PUBLISHED)
    await worker.claim()
    assert worker.numbers == {1, 2, 3}


async def test_execution_whose_runner_has_not_ended_is_not_claimed_again(store, now):
    await register(store, of_task("a", 1))
    assert (await Worker(store, now).claim({of_task("a", 1).id})).claimed == []


async def test_owned_execution_is_not_claimed_again(store, now):
    await register(store, of_task("a", 1))
    worker = Worker(store, now)
    assert len((await worker.claim()).claimed) == 1
    assert (await worker.claim()).claimed == []


async def test_execution_of_another_worker_is_claimed_once_its_lease_has_expired(store, now):
    await register(store, of_task("a", 1))
    await Worker(store, now, "other").claim()
    worker = Worker(store, now)
    for seconds, claimed in ((0, 0), (29.999, 0), (0.001, 1)):
        now[0] += round(seconds * 1000)
        assert len((await worker.claim()).claimed) == claimed


async def test_worker_that_renews_keeps_its_execution(store, now):
    await register(store, of_task("a", 1))
    other, worker = Worker(store, now, "other"), Worker(store, now)
    await other.claim()
    for _ in range(20):
        now[0] += 10_000
        await other.leases.renew_all()
        assert (await worker.claim()).claimed == []


async def test_one_of_two_workers_that_claim_at_once_gets_the_execution(store, now):
    await register(store, of_task("a", 1))
    worker, other = Worker(store, now), Worker(store, now, "other")
    (entry,) = await store.active_executions()
    assert len((await worker.claim()).claimed) == 1
    assert not await other.leases.acquire(entry.lease)


async def test_discovery_lease_does_not_count_as_an_execution(store, now):
    await register(store, of_task("a", 1))
    worker = Worker(store, now, max_executions=1)
    assert await worker.leases.acquire_discovery()
    observation = await worker.claim()
    assert (len(observation.claimed), observation.leases_held) == (1, 2)
    assert worker.leases.names == {DISCOVERY_LEASE, of_task("a", 1).id}


# HELD executions that are retried.


async def test_held_execution_is_claimed_once_its_retry_is_due(store, now):
    await register(store, a_held_execution("a", 1, retry_at_ms=now[0] + 60_000))
    worker = Worker(store, now)
    for milliseconds, claimed in ((0, []), (59_999, []), (1, [1])):
        now[0] += milliseconds
        assert [number_of(execution_id) for execution_id in (await worker.claim()).claimed] == claimed


async def test_active_executions_are_claimed_before_held_ones(store, now):
    await register(store, a_held_execution("a", 1, retry_at_ms=now[0]), of_task("b", 2), of_task("c", 3))
    worker = Worker(store, now, max_executions=2)
    await worker.claim()
    assert worker.numbers == {2, 3}


async def test_held_execution_does_not_take_the_place_of_an_active_one_of_its_task(store, now):
    await register(store, a_held_execution("a", 1, retry_at_ms=now[0]), *(of_task("a", number) for number in (2, 3, 4)))
    worker = Worker(store, now)
    await worker.claim()
    assert worker.numbers == {1, 2, 3}


async def test_held_execution_of_a_silent_worker_is_claimed_once_its_lease_has_expired(store, now):
    await register(store, a_held_execution("a", 1, retry_at_ms=now[0]))
    await Worker(store, now, "other").claim()
    worker = Worker(store, now)
    for seconds, claimed in ((0, 0), (29.999, 0), (0.001, 1)):
        now[0] += round(seconds * 1000)
        assert len((await worker.claim()).claimed) == claimed


# A task's executions are published in order: one that waits must not keep the place of the one that it waits for.


async def test_full_worker_claims_an_execution_that_one_of_its_own_waits_for(store, now):
    await register(store, of_task("a", 1), of_task("a", 2))
    stopped, worker = Worker(store, now, "stopped", 1), Worker(store, now, max_executions=1)
    await stopped.claim()
    await worker.claim()
    assert worker.numbers == {2}
    await stopped.leases.release_all()
    await worker.claim()
    assert worker.numbers == {1, 2}


async def test_full_worker_claims_all_that_one_of_its_own_waits_for_after_a_replay_and_a_release(store, now):
    await register(store, of_task("a", 3))
    worker = Worker(store, now, max_executions=1)
    await worker.claim()
    await register(store, of_task("a", 1), of_task("a", 2))
    await worker.claim()
    assert worker.numbers == {1, 2, 3}


async def test_full_worker_claims_nothing_else(store, now):
    await register(store, of_task("a", 1), of_task("a", 2), of_task("b", 3))
    worker = Worker(store, now, max_executions=1)
    await worker.claim()
    await worker.claim()
    assert worker.numbers == {1}


# The observation.


async def test_claim_pass_counts_the_executions_in_each_phase(store, now):
    await register(store, of_task("a", 1), of_task("b", 2, phase=Phase.HELD), of_task("b", 3, phase=Phase.HELD))
    phases = (await Worker(store, now).claim()).phases
    assert phases == dict.fromkeys(Phase, 0) | {Phase.FOLLOWING: 1, Phase.HELD: 2}


async def test_claim_pass_has_the_age_of_the_oldest_unpublished_execution(store, now):
    await register(
        store,
        of_task("a", 1),
        of_task("b", 2, phase=Phase.SEALING, ended_at_ms=now[0] - 7_500),
        of_task("c", 3, phase=Phase.PUBLISHING, ended_at_ms=None, end_seen_at_ms=now[0] - 2_000),
    )
    assert (await Worker(store, now).claim()).oldest_unpublished_age_s == 7.5


async def test_age_is_zero_if_no_execution_waits(store, now):
    await register(store, of_task("a", 1), of_task("b", 2, phase=Phase.PUBLISHED, ended_at_ms=START_MS))
    assert (await Worker(store, now).claim()).oldest_unpublished_age_s == 0.0


async def test_age_is_not_negative_if_the_clock_is_slower_than_datasync_s(store, now):
    await register(store, of_task("a", 1, ended_at_ms=now[0] + 5_000))
    assert (await Worker(store, now).claim()).oldest_unpublished_age_s == 0.0


async def test_execution_that_was_claimed_is_owned_even_if_the_pass_fails_afterwards(store, now):
    await register(store, of_task("a", 1))

    async def fail():
        raise TransientError("dynamodb.Query", "throttled")

    store.counts = fail
    worker = Worker(store, now)
    with pytest.raises(TransientError):
        await worker.claimer.tick(())
    assert (worker.numbers, worker.observations) == ({1}, [])


async def test_lease_of_an_execution_that_is_not_active_any_more_is_forgotten(store, now):
    await register(store, of_task("a", 1))
    await Worker(store, now, "other").claim()
    worker = Worker(store, now)
    await worker.claim()
    record = store.records.pop(of_task("a", 1).id)
    now[0] += 40_000
    await worker.claim()
    store.records[record.id] = record
    assert (await worker.claim()).claimed == []
