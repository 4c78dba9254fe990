"""ports.Outbox, and the entries that ports.ExecutionStore writes to it."""

from dataclasses import replace

import pytest

from service.adapters.aws import items
from service.adapters.aws.executions import DynamoExecutionStore
from service.adapters.aws.leases import DynamoLeaseStore
from service.adapters.aws.outbox import DynamoOutbox
from service.domain.errors import ConflictError, RequestRejectedError
from service.domain.phases import ACTIVE_PHASES, Phase, PhaseEvent, Reason
from tests.contracts.examples import an_execution
from tests.fakes.stores import MemoryExecutionStore, MemoryOutbox

INACTIVE_PHASES = [phase for phase in Phase if phase not in ACTIVE_PHASES]


@pytest.fixture(params=["memory", "aws"])
def store(request):
    """Return the executions with an outbox, their leases, and the outbox."""
    if request.param == "memory":
        memory = MemoryExecutionStore(outbox=MemoryOutbox())
        return memory, memory, memory.outbox
    table = request.getfixturevalue("table")
    return DynamoExecutionStore(table, with_outbox=True), DynamoLeaseStore(table), DynamoOutbox(table)


@pytest.fixture
def executions(store):
    return store[0]


@pytest.fixture
def leases(store):
    return store[1]


@pytest.fixture
def outbox(store):
    return store[2]


async def acquired(leases, execution):
    return await leases.acquire(await leases.read(execution.id), "me")


async def pending(outbox):
    """Return the executions of all entries."""
    return [await outbox.get(outbox_id) for outbox_id in await outbox.pending(after="", limit=100)]


async def discarded_now(executions, count):
    """Discard new executions and return them."""
    discarded = []
    for _ in range(count):
        execution = an_execution(phase=Phase.HELD, reason=Reason.LOG_INCOMPLETE)
        await executions.register(execution)
        discarded.append(execution.apply(PhaseEvent.DISCARD, execution.reason))
        await executions.transition_unowned(discarded[-1], expected_phase=Phase.HELD)
    return discarded


@pytest.mark.parametrize("phase", INACTIVE_PHASES)
async def test_transition_to_an_inactive_phase_writes_an_outbox_entry(executions, leases, outbox, phase):
    execution = an_execution()
    await executions.register(execution)
    closed = replace(execution, phase=phase, reason=Reason.LOG_INCOMPLETE)
    await executions.save_owned(closed, await acquired(leases, execution), is_transition=True)
    assert await executions.get(execution.id) == closed
    assert (await leases.read(execution.id)).owner is None
    assert await pending(outbox) == [closed]


@pytest.mark.parametrize("phase", sorted(ACTIVE_PHASES))
async def test_transition_to_an_active_phase_writes_no_outbox_entry(executions, leases, outbox, phase):
    execution = an_execution()
    await executions.register(execution)
    await executions.save_owned(replace(execution, phase=phase), await acquired(leases, execution), is_transition=True)
    assert (await executions.get(execution.id)).phase is phase
    assert await pending(outbox) == []


@pytest.mark.parametrize("phase", Phase)
async def test_save_without_a_transition_writes_no_outbox_entry(executions, leases, outbox, phase):
    execution = an_execution(phase=phase, reason=Reason.ACCESS_DENIED)
    await executions.register(execution)
    changed = replace(execution, reason_detail="no access to the bucket landing", retry_at_ms=9)
    await executions.save_owned(changed, await acquired(leases, execution), is_transition=False)
    assert await executions.get(execution.id) == changed
    assert await pending(outbox) == []


async def test_unowned_transition_writes_an_entry_only_for_an_inactive_phase(executions, outbox):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await executions.transition_unowned(execution.apply(PhaseEvent.RESUME_PUBLISHING), expected_phase=Phase.HELD)
    assert await pending(outbox) == []
    (discarded,) = await discarded_now(executions, 1)
    assert await pending(outbox) == [discarded]


async def test_registering_writes_no_outbox_entry(executions, outbox):
    await executions.register(an_execution(phase=Phase.HELD))
    assert await pending(outbox) == []


async def test_failed_transition_writes_no_outbox_entry(executions, leases, outbox):
    execution = an_execution(phase=Phase.SEALING)
    await executions.register(execution)
    lost = await acquired(leases, execution)
    await leases.acquire(lost, "other")
    with pytest.raises(ConflictError):
        await executions.save_owned(execution.apply(PhaseEvent.HOLD), lost, is_transition=True)
    with pytest.raises(ConflictError):
        await executions.transition_unowned(execution.apply(PhaseEvent.HOLD), expected_phase=Phase.SEALING)
    assert await executions.get(execution.id) == execution
    assert await pending(outbox) == []


async def test_each_transition_has_an_entry_of_the_execution_as_it_was_then(executions, outbox):
    execution = an_execution(phase=Phase.SEALING)
    await executions.register(execution)
    first = execution.apply(PhaseEvent.HOLD, Reason.LOG_INCOMPLETE)
    again, second = (
        first.apply(PhaseEvent.RESUME_SEALING),
        first.apply(PhaseEvent.RESUME_SEALING).apply(PhaseEvent.HOLD, Reason.NO_LOG_STREAM),
    )
    for changed, before in [(first, execution), (again, first), (second, again)]:
        await executions.transition_unowned(changed, expected_phase=before.phase)
    assert await pending(outbox) == [first, second]


async def test_entries_are_listed_oldest_first_in_pages(executions, outbox):
    discarded = await discarded_now(executions, 5)
    outbox_ids = list(await outbox.pending(after="", limit=9))
    assert [await outbox.get(outbox_id) for outbox_id in outbox_ids] == discarded
    assert list(await outbox.pending(after="", limit=2)) == outbox_ids[:2]
    assert list(await outbox.pending(after=outbox_ids[1], limit=2)) == outbox_ids[2:4]
    assert list(await outbox.pending(after=outbox_ids[-1], limit=2)) == []


async def test_entry_can_be_deleted_twice(executions, outbox):
    _, second = await discarded_now(executions, 2)
    first = (await outbox.pending(after="", limit=1))[0]
    for _ in range(2):
        await outbox.delete(first)
        assert await outbox.get(first) is None
        assert await pending(outbox) == [second]


async def test_transition_without_an_outbox_writes_no_entry(table):
    await discarded_now(DynamoExecutionStore(table), 1)
    assert await pending(DynamoOutbox(table)) == []


async def test_entry_expires_with_its_execution_and_is_in_no_index(table):
    executions = DynamoExecutionStore(table, with_outbox=True)
    (discarded,) = await discarded_now(executions, 1)
    (outbox_id,) = await DynamoOutbox(table).pending(after="", limit=2)
    item = await table.get(items.key(items.OUTBOX, outbox_id), "expires_at, phase, entity, started_at_ms")
    assert item == {"expires_at": items.number(discarded.expires_at_s)}
    assert await executions.latest(9) == [discarded]
    assert (await executions.counts())[Phase.DISCARDED] == 1


async def test_entry_of_a_later_version_is_rejected_and_stays(table):
    (discarded,) = await discarded_now(DynamoExecutionStore(table, with_outbox=True), 1)
    outbox = DynamoOutbox(table)
    (outbox_id,) = await outbox.pending(after="", limit=2)
    key = items.key(items.OUTBOX, outbox_id)
    await table.update(key, "SET #record.phase = :new", {":new": {"S": "LEVITATING"}})
    with pytest.raises(RequestRejectedError, match=discarded.id):
        await outbox.get(outbox_id)
    assert list(await outbox.pending(after="", limit=2)) == [outbox_id]
