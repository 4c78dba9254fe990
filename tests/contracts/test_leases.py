"""ports.LeaseStore."""

import asyncio

import pytest

from service.adapters.aws.executions import DynamoExecutionStore
from service.adapters.aws.leases import DynamoLeaseStore
from service.domain.errors import ConflictError
from service.domain.port_types import Lease
from tests.contracts.examples import an_execution
from tests.fakes.stores import MemoryExecutionStore


@pytest.fixture(params=["memory", "aws"])
def leases(request):
    return MemoryExecutionStore() if request.param == "memory" else DynamoLeaseStore(request.getfixturevalue("table"))


async def test_unknown_lease_is_free(leases):
    assert await leases.read("discovery") == Lease("discovery", None, 0, 0)


async def test_acquired_lease_is_owned(leases):
    acquired = await leases.acquire(await leases.read("discovery"), "me")
    assert acquired == Lease("discovery", "me", 1, 0)
    assert await leases.read("discovery") == acquired


async def test_renewal_raises_the_heartbeat_and_keeps_the_fencing_token(leases):
    acquired = await leases.acquire(await leases.read("discovery"), "me")
    renewed = await leases.renew(acquired)
    assert renewed == Lease("discovery", "me", 1, 1)
    assert await leases.renew(acquired) == Lease("discovery", "me", 1, 2)
    assert (await leases.read("discovery")).heartbeat == 2


async def test_free_lease_is_acquired_by_one_of_two(leases):
    free = await leases.read("discovery")
    outcomes = await asyncio.gather(leases.acquire(free, "a"), leases.acquire(free, "b"), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ConflictError", "Lease"]


async def test_lease_with_an_unchanged_heartbeat_can_be_acquired(leases):
    silent = await leases.acquire(await leases.read("discovery"), "silent")
    silent = await leases.renew(silent)
    assert await leases.acquire(silent, "next") == Lease("discovery", "next", 2, 0)


async def test_lease_with_a_new_heartbeat_cannot_be_acquired(leases):
    seen = await leases.acquire(await leases.read("discovery"), "alive")
    await leases.renew(seen)
    with pytest.raises(ConflictError):
        await leases.acquire(seen, "next")


async def test_lost_lease_can_be_neither_renewed_nor_released(leases):
    lost = await leases.acquire(await leases.read("discovery"), "first")
    current = await leases.acquire(lost, "second")
    with pytest.raises(ConflictError):
        await leases.renew(lost)
    await leases.release(lost)
    assert await leases.read("discovery") == current


async def test_earlier_fencing_token_of_the_same_owner_is_lost(leases):
    first = await leases.acquire(await leases.read("discovery"), "me")
    await leases.acquire(first, "me")
    with pytest.raises(ConflictError):
        await leases.renew(first)


async def test_released_lease_is_free_and_keeps_its_fencing_token(leases):
    acquired = await leases.acquire(await leases.read("discovery"), "me")
    await leases.release(acquired)
    free = await leases.read("discovery")
    assert (free.owner, free.fencing_token) == (None, 1)
    assert await leases.acquire(free, "next") == Lease("discovery", "next", 2, 0)


async def test_released_lease_cannot_be_acquired_as_it_was_owned(leases):
    acquired = await leases.acquire(await leases.read("discovery"), "me")
    await leases.release(acquired)
    with pytest.raises(ConflictError):
        await leases.acquire(acquired, "next")


async def test_leases_of_different_names_are_independent(leases):
    await leases.acquire(await leases.read("discovery"), "me")
    assert (await leases.read("exec-0")).owner is None


async def test_lease_of_an_unregistered_execution_registers_nothing(table):
    leases, executions, execution = DynamoLeaseStore(table), DynamoExecutionStore(table), an_execution()
    name = execution.id
    await leases.acquire(await leases.read(name), "me")
    assert await executions.get(name) is None
    assert await executions.register(execution)
