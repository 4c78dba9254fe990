import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.domain.errors import AccessDeniedError, ConflictError, TransientError
from service.domain.observations import LeaseLost
from service.domain.port_types import Lease
from service.leasing.owned_leases import DISCOVERY_LEASE, LeaseExpiryWatch, OwnedLeases
from tests.fakes.stores import MemoryExecutionStore

LEASE_S = 30.0
SAFE_S = 22.5
LEASE = Lease("exec-1", "other", 3, 7)


class MonotonicClock:
    """A monotonic clock, which starts anywhere."""

    def __init__(self, now_s=5_000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


class FlakyLeases(MemoryExecutionStore):
    """Leases whose renewals and releases raise `error`, after they took effect if `takes_effect`.

    Renewals of `fails_only` raise it, if that is given, and others do not. `before` and `meanwhile` are called before
    a renewal takes effect, and before its answer arrives.
    """

    def __init__(self):
        super().__init__()
        self.error = None
        self.fails_only = None
        self.takes_effect = False
        self.before = self.meanwhile = None

    async def renew(self, lease):
        if self.before:
            await self.before()
        error = self.error if self.fails_only in (None, lease.name) else None
        renewed = await super().renew(lease) if self.takes_effect or not error else None
        if self.meanwhile:
            await self.meanwhile()
        if error:
            raise error
        return renewed

    async def release(self, lease):
        if self.error:
            raise self.error
        await super().release(lease)


@pytest.fixture
def store():
    return FlakyLeases()


@pytest.fixture
def clock():
    return MonotonicClock()


@pytest.fixture
def observed():
    return []


@pytest.fixture
def leases(store, clock, observed):
    return OwnedLeases(store, owner="me", lease_s=LEASE_S, clock_s=clock, observe=observed.append)


async def acquire(leases, store, name="exec-1"):
    assert await leases.acquire(await store.read(name))


# The leases of others.


def test_lease_without_owner_may_be_acquired_at_once():
    assert LeaseExpiryWatch(LEASE_S).may_acquire(Lease("exec-1", None, 3, 7), 0.0)


def test_lease_of_another_worker_may_not_be_acquired_when_it_is_first_seen():
    assert not LeaseExpiryWatch(LEASE_S).may_acquire(LEASE, 1e9)


def test_lease_may_be_acquired_once_it_has_not_changed_for_its_length():
    watch = LeaseExpiryWatch(LEASE_S)
    assert not watch.may_acquire(LEASE, 100.0)
    assert not watch.may_acquire(LEASE, 129.999)
    assert watch.may_acquire(LEASE, 130.0)


@pytest.mark.parametrize(
    "changed", [LEASE._replace(heartbeat=8), LEASE._replace(fencing_token=4), LEASE._replace(owner="third")]
)
def test_change_of_a_lease_restarts_the_watch(changed):
    watch = LeaseExpiryWatch(LEASE_S)
    watch.may_acquire(LEASE, 100.0)
    assert not watch.may_acquire(changed, 130.0)
    assert not watch.may_acquire(changed, 159.999)
    assert watch.may_acquire(changed, 160.0)


def test_forgotten_lease_is_watched_from_the_start():
    watch = LeaseExpiryWatch(LEASE_S)
    watch.may_acquire(LEASE, 100.0)
    watch.retain_only(set())
    assert not watch.may_acquire(LEASE, 130.0)


def test_lease_of_an_active_execution_is_not_forgotten():
    watch = LeaseExpiryWatch(LEASE_S)
    watch.may_acquire(LEASE, 100.0)
    watch.retain_only({"exec-1"})
    assert watch.may_acquire(LEASE, 130.0)


def test_discovery_lease_is_not_forgotten_by_a_claim_pass():
    watch = LeaseExpiryWatch(LEASE_S)
    watch.may_acquire(LEASE._replace(name=DISCOVERY_LEASE), 100.0)
    watch.retain_only({"exec-1"})
    assert watch.may_acquire(LEASE._replace(name=DISCOVERY_LEASE), 130.0)


def test_owned_leases_watch_the_leases_of_others_on_their_own_clock(leases, clock):
    assert not leases.may_acquire(LEASE)
    clock.now_s += LEASE_S - 0.001
    assert not leases.may_acquire(LEASE)
    clock.now_s += 0.001
    assert leases.may_acquire(LEASE)
    leases.watch_only(set())
    assert not leases.may_acquire(LEASE)


# The leases of this worker.


async def test_acquired_lease_is_owned(leases, store):
    await acquire(leases, store)
    assert leases.names == {"exec-1"}
    assert leases.require("exec-1") == Lease("exec-1", "me", 1, 0)


async def test_slower_worker_acquires_nothing(leases, store):
    seen = await store.read("exec-1")
    await store.acquire(seen, "other")
    assert not await leases.acquire(seen)
    assert leases.names == set()


def test_lease_that_is_not_owned_cannot_be_required(leases):
    with pytest.raises(ConflictError, match="does not own the lease exec-1"):
        leases.require("exec-1")


async def test_owner_stops_acting_before_another_worker_may_take_over(leases, store, clock):
    await acquire(leases, store)
    clock.now_s += SAFE_S - 0.001
    leases.require("exec-1")
    clock.now_s += 0.001
    with pytest.raises(ConflictError, match="could not be renewed in time"):
        leases.require("exec-1")


async def test_renewal_counts_from_when_it_was_requested(leases, store, clock):
    await acquire(leases, store)
    clock.now_s += 10

    async def answer_slowly():
        clock.now_s += 8

    store.meanwhile = answer_slowly
    await leases.renew_all()
    clock.now_s += SAFE_S - 8 - 0.001
    assert leases.require("exec-1").heartbeat == 1
    clock.now_s += 0.001
    with pytest.raises(ConflictError):
        leases.require("exec-1")


async def test_leases_are_renewed_three_times_in_their_length(leases):
    assert await leases.renew_all() == LEASE_S / 3
    assert leases.renewal_interval_s == LEASE_S / 3


async def test_lease_that_another_worker_has_acquired_is_dropped_and_observed(leases, store, observed):
    await acquire(leases, store)
    await acquire(leases, store, "exec-2")
    await store.acquire(await store.read("exec-1"), "other")
    assert await leases.renew_all() == LEASE_S / 3
    assert observed == [LeaseLost("exec-1")]
    assert leases.names == {"exec-2"}


@pytest.mark.parametrize("error", [TransientError("call", "slow"), AccessDeniedError("call", "no")])
async def test_failed_renewal_leaves_the_lease_until_its_time_is_over(leases, store, clock, observed, error):
    await acquire(leases, store)
    store.error = error
    with pytest.raises(type(error)) as raised:
        await leases.renew_all()
    assert (raised.value, observed) == (error, [])
    assert leases.require("exec-1")
    clock.now_s += SAFE_S
    with pytest.raises(ConflictError):
        leases.require("exec-1")


async def test_failed_renewal_of_one_lease_does_not_keep_the_others_from_being_renewed(leases, store, clock):
    for name in ("exec-1", "exec-2", "exec-3"):
        await acquire(leases, store, name)
    store.error, store.fails_only = TransientError("call", "slow"), "exec-2"
    clock.now_s += SAFE_S - 0.001
    with pytest.raises(TransientError):
        await leases.renew_all()
    clock.now_s += SAFE_S - 0.001
    assert leases.require("exec-1").heartbeat == leases.require("exec-3").heartbeat == 1
    with pytest.raises(ConflictError):
        leases.require("exec-2")


async def test_renewal_whose_answer_was_lost_is_repeated(leases, store, observed):
    await acquire(leases, store)
    store.error, store.takes_effect = TransientError("call", "reset"), True
    with pytest.raises(TransientError):
        await leases.renew_all()
    store.error = None
    await leases.renew_all()
    assert observed == []
    assert (await store.read("exec-1")).heartbeat == 2


async def test_released_lease_is_free_at_once(leases, store):
    await acquire(leases, store)
    await leases.release("exec-1")
    assert leases.names == set()
    assert (await store.read("exec-1")).owner is None


async def test_lease_that_cannot_be_released_is_dropped_and_expires(leases, store):
    await acquire(leases, store)
    store.error = TransientError("call", "slow")
    await leases.release("exec-1")
    assert leases.names == set()
    assert (await store.read("exec-1")).owner == "me"


async def test_release_of_a_lease_that_is_not_owned_has_no_effect(leases, store):
    await store.acquire(await store.read("exec-1"), "other")
    await leases.release("exec-1")
    assert (await store.read("exec-1")).owner == "other"


async def test_all_leases_are_released_together(leases, store):
    for name in ("exec-1", "exec-2", DISCOVERY_LEASE):
        await acquire(leases, store, name)
    await leases.release_all()
    assert {lease.owner for lease in store.leases.values()} == {None}


async def test_lease_that_is_released_before_its_renewal_begins_is_not_observed_as_lost(leases, store, observed):
    await acquire(leases, store)
    await acquire(leases, store, "exec-2")
    release = asyncio.create_task(leases.release("exec-1"))  # It runs before the renewals that `renew_all` starts.
    assert await leases.renew_all() == LEASE_S / 3
    await release
    assert (leases.names, observed) == ({"exec-2"}, [])


async def test_lease_that_is_released_during_its_renewal_is_not_observed_as_lost(leases, store, observed):
    await acquire(leases, store)
    store.before = lambda: leases.release("exec-1")
    assert await leases.renew_all() == LEASE_S / 3
    assert (leases.names, observed) == (set(), [])


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_slow_renewal_does_not_disturb_a_lease_that_was_released_and_acquired_again(
    leases, store, observed, when
):
    await acquire(leases, store)

    async def release_and_acquire():
        await leases.release("exec-1")
        await acquire(leases, store)

    setattr(store, when, release_and_acquire)
    await leases.renew_all()
    assert leases.require("exec-1") == await store.read("exec-1")
    assert observed == []


# The discovery lease.


async def test_free_discovery_lease_is_acquired_and_kept(leases, store):
    assert not leases.owns_discovery
    assert await leases.acquire_discovery()
    assert leases.owns_discovery
    assert await leases.acquire_discovery()
    assert await store.read(DISCOVERY_LEASE) == Lease(DISCOVERY_LEASE, "me", 1, 0)


async def test_discovery_lease_of_a_silent_worker_is_acquired_after_its_length(leases, store, clock):
    await store.acquire(await store.read(DISCOVERY_LEASE), "other")
    assert not await leases.acquire_discovery()
    clock.now_s += LEASE_S - 0.001
    assert not await leases.acquire_discovery()
    clock.now_s += 0.001
    assert await leases.acquire_discovery()


async def test_discovery_lease_is_not_the_lease_of_an_execution(leases, store):
    await acquire(leases, store)
    await leases.acquire_discovery()
    assert leases.names == {"exec-1", DISCOVERY_LEASE}
    assert leases.execution_ids == {"exec-1"}


class Contention(RuleBasedStateMachine):
    """Several workers, each with its own clock, that acquire, renew, pause and crash at any time."""

    WORKERS = st.integers(min_value=0, max_value=2)

    def __init__(self):
        super().__init__()
        self.now_s = 0.0
        self.store = MemoryExecutionStore()
        self.runner = asyncio.Runner()
        self.started = 0
        self.leases = {}
        for worker in range(3):
            self.start(worker)

    def start(self, worker):
        self.started += 1
        offset_s = 1000.0 * self.started
        self.leases[worker] = OwnedLeases(
            self.store,
            owner=f"owner-{self.started}",
            lease_s=LEASE_S,
            clock_s=lambda: self.now_s + offset_s,
            observe=lambda _: None,
        )

    @rule(seconds=st.floats(min_value=0, max_value=40))
    def time_passes(self, seconds):
        self.now_s += seconds

    @rule(worker=WORKERS, slow_s=st.floats(min_value=0, max_value=40))
    def look_and_acquire(self, worker, slow_s):
        lease = self.store.leases.get("exec-1", Lease("exec-1", None, 0, 0))
        leases = self.leases[worker]
        if "exec-1" not in leases.names and leases.may_acquire(lease):
            self.now_s += slow_s  # A lease that was free may have been acquired when the request arrives.
            self.runner.run(leases.acquire(lease))

    @rule(worker=WORKERS)
    def renew(self, worker):
        self.runner.run(self.leases[worker].renew_all())

    @rule(worker=WORKERS)
    def release(self, worker):
        self.runner.run(self.leases[worker].release("exec-1"))

    @rule(worker=WORKERS)
    def crash(self, worker):
        self.start(worker)

    def required(self, worker):
        try:
            return self.leases[worker].require("exec-1")
        except ConflictError:
            return None

    @invariant()
    def at_most_one_worker_may_act(self):
        acting = [lease for worker in self.leases if (lease := self.required(worker))]
        assert len(acting) <= 1
        for lease in acting:
            assert self.store.leases["exec-1"][:3] == lease[:3]

    def teardown(self):
        self.runner.close()


TestContention = Contention.TestCase
TestContention.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
