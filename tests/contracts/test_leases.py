"""ports.Leases."""

import asyncio

import pytest

from service.adapters.aws.executions import DynamoExecutions
from service.adapters.aws.leases import DynamoLeases
from service.adapters.memory.table import MemoryExecutions
from service.domain.errors import Conflict
from service.domain.records import Lease
from tests.contracts.examples import an_execution


@pytest.fixture(params=["memory", "aws"])
def leases(request):
    return MemoryExecutions() if request.param == "memory" else DynamoLeases(request.getfixturevalue("rows"))


async def test_a_lease_that_never_was_is_free(leases):
    assert await leases.read("sweep") == Lease("sweep", None, 0, 0)


async def test_who_takes_a_free_lease_owns_it(leases):
    taken = await leases.take(await leases.read("sweep"), "me")
    assert taken == Lease("sweep", "me", 1, 0)
    assert await leases.read("sweep") == taken


async def test_each_renewal_is_a_new_beat_of_the_same_fence(leases):
    taken = await leases.take(await leases.read("sweep"), "me")
    renewed = await leases.renew(taken)
    assert renewed == Lease("sweep", "me", 1, 1)
    assert await leases.renew(taken) == Lease("sweep", "me", 1, 2)
    assert (await leases.read("sweep")).beat == 2


async def test_of_two_who_saw_it_free_one_gets_it(leases):
    free = await leases.read("sweep")
    outcomes = await asyncio.gather(leases.take(free, "a"), leases.take(free, "b"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Lease"]


async def test_a_lease_that_has_not_beaten_since_it_was_seen_can_be_taken(leases):
    silent = await leases.take(await leases.read("sweep"), "silent")
    silent = await leases.renew(silent)
    assert await leases.take(silent, "next") == Lease("sweep", "next", 2, 0)


async def test_a_lease_that_has_beaten_since_it_was_seen_cannot_be_taken(leases):
    seen = await leases.take(await leases.read("sweep"), "alive")
    await leases.renew(seen)
    with pytest.raises(Conflict):
        await leases.take(seen, "next")


async def test_who_lost_a_lease_can_neither_renew_nor_release_it(leases):
    lost = await leases.take(await leases.read("sweep"), "first")
    current = await leases.take(lost, "second")
    with pytest.raises(Conflict):
        await leases.renew(lost)
    await leases.release(lost)
    assert await leases.read("sweep") == current


async def test_the_same_owner_holds_no_earlier_fence(leases):
    first = await leases.take(await leases.read("sweep"), "me")
    await leases.take(first, "me")
    with pytest.raises(Conflict):
        await leases.renew(first)


async def test_a_released_lease_is_free_at_once_and_its_fence_goes_on(leases):
    taken = await leases.take(await leases.read("sweep"), "me")
    await leases.release(taken)
    free = await leases.read("sweep")
    assert (free.owner, free.fence) == (None, 1)
    assert await leases.take(free, "next") == Lease("sweep", "next", 2, 0)


async def test_a_released_lease_cannot_be_taken_as_the_one_that_was_held(leases):
    taken = await leases.take(await leases.read("sweep"), "me")
    await leases.release(taken)
    with pytest.raises(Conflict):
        await leases.take(taken, "next")


async def test_leases_of_different_names_have_nothing_to_do_with_each_other(leases):
    await leases.take(await leases.read("sweep"), "me")
    assert (await leases.read("exec-0")).owner is None


async def test_a_lease_without_an_execution_does_not_make_one(rows):
    leases, executions, execution = DynamoLeases(rows), DynamoExecutions(rows), an_execution()
    name = execution.name.execution_id
    await leases.take(await leases.read(name), "me")
    assert await executions.get(name) is None
    assert await executions.register(execution)
