import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.adapters.memory.table import MemoryExecutions
from service.domain.errors import Conflict, Denied, Transient
from service.domain.records import Lease
from service.domain.reports import LeaseLost
from service.worker.lease import SWEEP, Keeper, Watch

LEASE_S = 30.0
SAFE_S = 22.5
LEASE = Lease("exec-1", "other", 3, 7)


class Clock:
    """A monotonic clock, which begins anywhere."""

    def __init__(self, now_s=5_000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class Failing(MemoryExecutions):
    """Leases whose renewals and releases fail as told, before or after they took effect."""

    def __init__(self):
        super().__init__()
        self.trouble = None
        self.takes_effect = False
        self.before = self.meanwhile = None

    async def renew(self, lease):
        if self.before:
            await self.before()
        renewed = await super().renew(lease) if self.takes_effect or not self.trouble else None
        if self.meanwhile:
            await self.meanwhile()
        if self.trouble:
            raise self.trouble
        return renewed

    async def release(self, lease):
        if self.trouble:
            raise self.trouble
        await super().release(lease)


@pytest.fixture
def leases():
    return Failing()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keeper(leases, clock):
    return Keeper(leases, owner="me", lease_s=LEASE_S, clock_s=clock)


async def claimed(keeper, leases, name="exec-1"):
    assert await keeper.claim(await leases.read(name))


# Watching others.


def test_a_lease_without_an_owner_is_free_at_once():
    assert Watch(LEASE_S).is_free(Lease("exec-1", None, 3, 7), 0.0)


def test_a_lease_of_somebody_is_not_free_when_it_is_first_seen():
    assert not Watch(LEASE_S).is_free(LEASE, 1e9)


def test_a_lease_is_free_once_its_counters_have_not_moved_for_its_length():
    watch = Watch(LEASE_S)
    assert not watch.is_free(LEASE, 100.0)
    assert not watch.is_free(LEASE, 129.999)
    assert watch.is_free(LEASE, 130.0)


@pytest.mark.parametrize("moved", [LEASE._replace(beat=8), LEASE._replace(fence=4), LEASE._replace(owner="third")])
def test_a_counter_that_moves_begins_the_watch_anew(moved):
    watch = Watch(LEASE_S)
    watch.is_free(LEASE, 100.0)
    assert not watch.is_free(moved, 130.0)
    assert not watch.is_free(moved, 159.999)
    assert watch.is_free(moved, 160.0)


def test_a_lease_that_was_forgotten_is_watched_from_the_beginning():
    watch = Watch(LEASE_S)
    watch.is_free(LEASE, 100.0)
    watch.forget(set())
    assert not watch.is_free(LEASE, 130.0)


def test_leases_that_are_still_there_are_not_forgotten():
    watch = Watch(LEASE_S)
    watch.is_free(LEASE, 100.0)
    watch.forget({"exec-1"})
    assert watch.is_free(LEASE, 130.0)


def test_a_look_over_the_executions_does_not_forget_the_lease_of_the_sweep():
    watch = Watch(LEASE_S)
    watch.is_free(LEASE._replace(name=SWEEP), 100.0)
    watch.forget({"exec-1"})
    assert watch.is_free(LEASE._replace(name=SWEEP), 130.0)


# Keeping one's own.


async def test_what_is_claimed_may_be_acted_upon(keeper, leases):
    await claimed(keeper, leases)
    assert keeper.held == {"exec-1"}
    assert keeper.lease("exec-1") == Lease("exec-1", "me", 1, 0)


async def test_who_is_slower_claims_nothing(keeper, leases):
    seen = await leases.read("exec-1")
    await leases.take(seen, "other")
    assert not await keeper.claim(seen)
    assert keeper.held == set()


def test_what_is_not_held_may_not_be_acted_upon(keeper):
    with pytest.raises(Conflict, match="exec-1 is not held"):
        keeper.lease("exec-1")


async def test_an_owner_stops_acting_before_anyone_may_take_over(keeper, leases, clock):
    await claimed(keeper, leases)
    clock.now_s += SAFE_S - 0.001
    keeper.lease("exec-1")
    clock.now_s += 0.001
    with pytest.raises(Conflict, match="could not be renewed in time"):
        keeper.lease("exec-1")


async def test_a_renewal_counts_from_when_it_was_asked_for(keeper, leases, clock):
    await claimed(keeper, leases)
    clock.now_s += 10

    async def slowly():
        clock.now_s += 8

    leases.meanwhile = slowly
    await keeper.tick()
    clock.now_s += SAFE_S - 8 - 0.001
    assert keeper.lease("exec-1").beat == 1
    clock.now_s += 0.001
    with pytest.raises(Conflict):
        keeper.lease("exec-1")


async def test_leases_are_renewed_three_times_as_often_as_needed(keeper):
    assert (await keeper.tick()).pause_s == LEASE_S / 3


async def test_what_somebody_else_has_taken_is_given_up_and_told(keeper, leases):
    await claimed(keeper, leases)
    await claimed(keeper, leases, "exec-2")
    await leases.take(await leases.read("exec-1"), "other")
    tick = await keeper.tick()
    assert tick.reports == [LeaseLost("exec-1")]
    assert tick.trouble is None
    assert keeper.held == {"exec-2"}


@pytest.mark.parametrize("trouble", [Transient("call", "away"), Denied("call", "no")])
async def test_a_renewal_that_fails_leaves_the_lease_for_the_time_it_has(keeper, leases, clock, trouble):
    await claimed(keeper, leases)
    leases.trouble = trouble
    tick = await keeper.tick()
    assert (tick.reports, tick.trouble, tick.pause_s) == ([], trouble, LEASE_S / 3)
    assert keeper.lease("exec-1")
    clock.now_s += SAFE_S
    with pytest.raises(Conflict):
        keeper.lease("exec-1")


async def test_a_renewal_whose_answer_was_lost_is_made_up_for_by_the_next(keeper, leases):
    await claimed(keeper, leases)
    leases.trouble, leases.takes_effect = Transient("call", "reset"), True
    await keeper.tick()
    leases.trouble = None
    assert (await keeper.tick()).reports == []
    assert (await leases.read("exec-1")).beat == 2


async def test_what_is_given_back_can_be_taken_at_once(keeper, leases):
    await claimed(keeper, leases)
    await keeper.release("exec-1")
    assert keeper.held == set()
    assert (await leases.read("exec-1")).owner is None


async def test_what_cannot_be_given_back_is_let_go_and_expires_by_itself(keeper, leases):
    await claimed(keeper, leases)
    leases.trouble = Transient("call", "away")
    await keeper.release("exec-1")
    assert keeper.held == set()
    assert (await leases.read("exec-1")).owner == "me"


async def test_giving_back_what_is_not_held_does_nothing(keeper, leases):
    await leases.take(await leases.read("exec-1"), "other")
    await keeper.release("exec-1")
    assert (await leases.read("exec-1")).owner == "other"


async def test_all_are_given_back_together(keeper, leases):
    for name in ("exec-1", "exec-2", SWEEP):
        await claimed(keeper, leases, name)
    await keeper.release_all()
    assert {lease.owner for lease in leases.leases.values()} == {None}


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_slow_renewal_does_not_disturb_a_lease_that_was_given_back_and_claimed_anew(keeper, leases, when):
    await claimed(keeper, leases)

    async def give_back_and_claim():
        await keeper.release("exec-1")
        await claimed(keeper, leases)

    setattr(leases, when, give_back_and_claim)
    assert (await keeper.tick()).trouble is None
    assert keeper.lease("exec-1") == await leases.read("exec-1")


class Contention(RuleBasedStateMachine):
    """Several workers, each with a clock of its own, that claim, renew, pause and crash as they like."""

    WORKERS = st.integers(min_value=0, max_value=2)

    def __init__(self):
        super().__init__()
        self.now_s = 0.0
        self.leases = MemoryExecutions()
        self.runner = asyncio.Runner()
        self.born = 0
        self.keepers = {}
        self.watches = {}
        for worker in range(3):
            self.begin(worker)

    def begin(self, worker):
        self.born += 1
        offset_s = 1000.0 * self.born
        self.keepers[worker] = Keeper(
            self.leases, owner=f"owner-{self.born}", lease_s=LEASE_S, clock_s=lambda: self.now_s + offset_s
        )
        self.watches[worker] = Watch(LEASE_S)

    @rule(seconds=st.floats(min_value=0, max_value=40))
    def time_passes(self, seconds):
        self.now_s += seconds

    @rule(worker=WORKERS, slow_s=st.floats(min_value=0, max_value=40))
    def look_and_claim(self, worker, slow_s):
        lease = self.leases.leases.get("exec-1", Lease("exec-1", None, 0, 0))
        keeper = self.keepers[worker]
        if "exec-1" not in keeper.held and self.watches[worker].is_free(lease, keeper._clock_s()):
            self.now_s += slow_s  # What was seen free may have been taken when the claim arrives.
            self.runner.run(keeper.claim(lease))

    @rule(worker=WORKERS)
    def renew(self, worker):
        self.runner.run(self.keepers[worker].tick())

    @rule(worker=WORKERS)
    def release(self, worker):
        self.runner.run(self.keepers[worker].release("exec-1"))

    @rule(worker=WORKERS)
    def crash(self, worker):
        self.begin(worker)

    def may_act(self, worker):
        try:
            return self.keepers[worker].lease("exec-1")
        except Conflict:
            return None

    @invariant()
    def never_may_two_act(self):
        acting = [lease for worker in self.keepers if (lease := self.may_act(worker))]
        assert len(acting) <= 1
        for lease in acting:
            assert self.leases.leases["exec-1"][:3] == lease[:3]

    def teardown(self):
        self.runner.close()


TestContention = Contention.TestCase
TestContention.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
