"""ports.Outbox, and what ports.Executions puts in it."""

from dataclasses import replace

import pytest

from service.adapters.aws import table
from service.adapters.aws.executions import DynamoExecutions
from service.adapters.aws.leases import DynamoLeases
from service.adapters.aws.outbox import DynamoOutbox
from service.adapters.memory.table import MemoryExecutions, MemoryOutbox
from service.domain.errors import Conflict, Rejected
from service.domain.phases import OPEN, Event, Phase, Reason
from tests.contracts.examples import an_execution

CLOSED = [phase for phase in Phase if phase not in OPEN]


@pytest.fixture(params=["memory", "aws"])
def store(request):
    """The executions with announcements, their leases, and the outbox."""
    if request.param == "memory":
        memory = MemoryExecutions(outbox=MemoryOutbox())
        return memory, memory, memory.outbox
    rows = request.getfixturevalue("rows")
    return DynamoExecutions(rows, announcing=True), DynamoLeases(rows), DynamoOutbox(rows)


@pytest.fixture
def executions(store):
    return store[0]


@pytest.fixture
def leases(store):
    return store[1]


@pytest.fixture
def outbox(store):
    return store[2]


async def taken(leases, execution):
    return await leases.take(await leases.read(execution.name.execution_id), "me")


async def pending(outbox):
    """What is pending, as it will be announced."""
    return [await outbox.get(announcement) for announcement in await outbox.pending(after="", limit=100)]


async def discarded_now(executions, count):
    """So many executions, each of which has just been discarded."""
    discarded = []
    for _ in range(count):
        execution = an_execution(phase=Phase.HELD, reason=Reason.LOG_INCOMPLETE)
        await executions.register(execution)
        discarded.append(execution.on(Event.DISCARD, execution.reason))
        await executions.move(discarded[-1], Phase.HELD)
    return discarded


@pytest.mark.parametrize("phase", CLOSED)
async def test_what_is_saved_in_a_phase_that_is_not_open_is_pending_as_it_was_saved(executions, leases, outbox, phase):
    execution = an_execution()
    await executions.register(execution)
    closed = replace(execution, phase=phase, reason=Reason.LOG_INCOMPLETE)
    await executions.save(closed, await taken(leases, execution))
    assert await executions.get(execution.name.execution_id) == closed
    assert (await leases.read(execution.name.execution_id)).owner is None
    assert await pending(outbox) == [closed]


@pytest.mark.parametrize("phase", sorted(OPEN))
async def test_what_is_saved_in_an_open_phase_is_not_announced(executions, leases, outbox, phase):
    execution = an_execution()
    await executions.register(execution)
    await executions.save(replace(execution, phase=phase), await taken(leases, execution))
    assert (await executions.get(execution.name.execution_id)).phase is phase
    assert await pending(outbox) == []


async def test_what_is_moved_is_pending_unless_it_is_moved_to_an_open_phase(executions, outbox):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await executions.move(execution.on(Event.RELEASE), Phase.HELD)
    assert await pending(outbox) == []
    (discarded,) = await discarded_now(executions, 1)
    assert await pending(outbox) == [discarded]


async def test_what_is_registered_is_not_announced(executions, outbox):
    await executions.register(an_execution(phase=Phase.HELD))
    assert await pending(outbox) == []


async def test_a_transition_that_did_not_happen_is_not_announced(executions, leases, outbox):
    execution = an_execution(phase=Phase.SEALING)
    await executions.register(execution)
    lost = await taken(leases, execution)
    await leases.take(lost, "other")
    with pytest.raises(Conflict):
        await executions.save(execution.on(Event.HOLD), lost)
    with pytest.raises(Conflict):
        await executions.move(execution.on(Event.HOLD), Phase.SEALING)
    assert await executions.get(execution.name.execution_id) == execution
    assert await pending(outbox) == []


async def test_each_transition_of_an_execution_is_announced_as_it_was_then(executions, outbox):
    execution = an_execution(phase=Phase.SEALING)
    await executions.register(execution)
    first = execution.on(Event.HOLD, Reason.LOG_INCOMPLETE)
    again, second = first.on(Event.RESUME), first.on(Event.RESUME).on(Event.HOLD, Reason.NO_LOG_STREAM)
    for moved, seen in [(first, execution), (again, first), (second, again)]:
        await executions.move(moved, seen.phase)
    assert await pending(outbox) == [first, second]


async def test_the_oldest_come_first_a_page_at_a_time(executions, outbox):
    discarded = await discarded_now(executions, 5)
    announcements = list(await outbox.pending(after="", limit=9))
    assert [await outbox.get(announcement) for announcement in announcements] == discarded
    assert list(await outbox.pending(after="", limit=2)) == announcements[:2]
    assert list(await outbox.pending(after=announcements[1], limit=2)) == announcements[2:4]
    assert list(await outbox.pending(after=announcements[-1], limit=2)) == []


async def test_what_is_done_is_forgotten_and_may_be_done_again(executions, outbox):
    _, second = await discarded_now(executions, 2)
    first = (await outbox.pending(after="", limit=1))[0]
    for _ in range(2):
        await outbox.done(first)
        assert await outbox.get(first) is None
        assert await pending(outbox) == [second]


async def test_without_announcements_a_transition_leaves_nothing_pending(rows):
    await discarded_now(DynamoExecutions(rows), 1)
    assert await pending(DynamoOutbox(rows)) == []


async def test_an_announcement_expires_with_its_execution_and_is_listed_nowhere_else(rows):
    executions = DynamoExecutions(rows, announcing=True)
    (discarded,) = await discarded_now(executions, 1)
    (announcement,) = await DynamoOutbox(rows).pending(after="", limit=2)
    item = await rows.get(table.key(table.OUTBOX, announcement), "expires_at, phase, kind, started_at_ms")
    assert item == {"expires_at": table.number(discarded.expires_at_s)}
    assert await executions.latest(9) == [discarded]
    assert (await executions.counts())[Phase.DISCARDED] == 1


async def test_what_a_later_version_announces_is_rejected_and_stays(rows):
    (discarded,) = await discarded_now(DynamoExecutions(rows, announcing=True), 1)
    outbox = DynamoOutbox(rows)
    (announcement,) = await outbox.pending(after="", limit=2)
    key = table.key(table.OUTBOX, announcement)
    await rows.update(key, "SET #record.phase = :new", {":new": {"S": "LEVITATING"}})
    with pytest.raises(Rejected, match=discarded.name.execution_id):
        await outbox.get(announcement)
    assert list(await outbox.pending(after="", limit=2)) == [announcement]
