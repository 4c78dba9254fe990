"""ports.ExecutionStore and ports.Overview."""

import time
from dataclasses import replace

import pytest

from service.adapters.aws.executions import DynamoExecutionStore
from service.adapters.aws.leases import DynamoLeaseStore
from service.domain.errors import ConflictError
from service.domain.execution import Outcome, PlanMember, PublishPlan, SendProgress
from service.domain.facts import FactKind
from service.domain.log_pass import LineCounts, LogPass, StreamCheckpoint
from service.domain.phases import Phase, PhaseEvent, Reason
from service.domain.port_types import ExecutionEntry, Lease
from tests.contracts.examples import NEVER_S, START_MS, a_task_id, an_execution
from tests.fakes.stores import MemoryExecutionStore


@pytest.fixture(params=["memory", "aws"])
def store(request):
    """Return the executions, and the leases under which they are saved."""
    if request.param == "memory":
        memory = MemoryExecutionStore()
        return memory, memory
    table = request.getfixturevalue("table")
    return DynamoExecutionStore(table), DynamoLeaseStore(table)


@pytest.fixture
def executions(store):
    return store[0]


@pytest.fixture
def leases(store):
    return store[1]


async def acquired(leases, execution, owner="me"):
    return await leases.acquire(await leases.read(execution.id), owner)


def rich(execution):
    """Return the execution with most fields set; tests/adapters stores every form."""
    counts = LineCounts(3, {FactKind.VERIFIED: 2, FactKind.FAILED: 1}, (1 << 64) - 1, saw_finish_line=True)
    return replace(
        execution,
        status="SUCCESS",
        ended_at_ms=START_MS + 5,
        files_verified=2,
        phase=Phase.PUBLISHING,
        reason=Reason.LOG_INCOMPLETE,
        reason_detail="the log states 2 verified files",
        blocked_since_ms=START_MS + 8,
        reconciled=False,
        end_seen_at_ms=START_MS + 6,
        log_last_grew_at_ms=START_MS + 7,
        log_pass=LogPass(
            2, {"stream\n": StreamCheckpoint("f/1", START_MS)}, counts, counts, {FactKind.VERIFIED: 2}, START_MS
        ),
        fact_counts={FactKind.VERIFIED: 2},
        plan=PublishPlan((PlanMember("exec-0", START_MS, publishes=True),), START_MS),
        progress=SendProgress("dir/\U0001f600", ("00ff",)),
        outcome_counts={Outcome.PUBLISHED: 1},
        carried_outcome_counts={"exec-0": {Outcome.MISSING: 1}},
        published_at_ms=START_MS + 9,
    )


async def test_registered_execution_can_be_read(executions):
    execution = an_execution(location=None, log_group=None)
    assert await executions.register(execution)
    assert await executions.get(execution.id) == execution


async def test_unregistered_execution_is_not_known(executions):
    assert await executions.get(an_execution().id) is None


async def test_registering_again_changes_nothing(executions):
    execution = an_execution()
    await executions.register(execution)
    assert not await executions.register(rich(execution))
    assert await executions.get(execution.id) == execution


async def test_owner_saves_every_field(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    await executions.save_owned(rich(execution), await acquired(leases, execution), is_transition=True)
    assert await executions.get(execution.id) == rich(execution)


async def test_saving_keeps_the_lease(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await leases.renew(await acquired(leases, execution))
    await executions.save_owned(rich(execution), lease, is_transition=True)
    assert await leases.read(execution.id) == lease


async def test_save_accepts_an_earlier_heartbeat_of_the_lease(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await acquired(leases, execution)
    await leases.renew(lease)
    await executions.save_owned(rich(execution), lease, is_transition=True)
    assert await executions.get(execution.id) == rich(execution)


async def test_save_under_a_lost_lease_is_a_conflict(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lost = await acquired(leases, execution)
    await leases.acquire(lost, "other")
    with pytest.raises(ConflictError):
        await executions.save_owned(rich(execution), lost, is_transition=True)
    assert await executions.get(execution.id) == execution


async def test_save_under_a_released_lease_is_a_conflict(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await acquired(leases, execution)
    await leases.release(lease)
    with pytest.raises(ConflictError):
        await executions.save_owned(rich(execution), lease, is_transition=True)


async def test_registering_acquires_no_lease(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    assert await leases.read(execution.id) == Lease(execution.id, None, 0, 0)


async def test_unowned_execution_can_be_transitioned(executions):
    execution = an_execution(phase=Phase.HELD, reason=Reason.LOG_INCOMPLETE)
    await executions.register(execution)
    moved = execution.apply(PhaseEvent.RESUME_PUBLISHING)
    await executions.transition_unowned(moved, expected_phase=Phase.HELD)
    assert await executions.get(execution.id) == moved


async def test_execution_can_be_transitioned_after_its_lease_is_released(executions, leases):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await leases.release(await acquired(leases, execution))
    await executions.transition_unowned(execution.apply(PhaseEvent.DISCARD), expected_phase=Phase.HELD)
    assert (await executions.get(execution.id)).phase is Phase.DISCARDED


async def test_transition_from_another_phase_is_a_conflict(executions):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await executions.transition_unowned(execution.apply(PhaseEvent.RESUME_PUBLISHING), expected_phase=Phase.HELD)
    with pytest.raises(ConflictError):
        await executions.transition_unowned(execution.apply(PhaseEvent.DISCARD), expected_phase=Phase.HELD)


async def test_unowned_transition_of_an_owned_execution_is_a_conflict(executions, leases):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await acquired(leases, execution)
    with pytest.raises(ConflictError):
        await executions.transition_unowned(execution.apply(PhaseEvent.DISCARD), expected_phase=Phase.HELD)
    assert await executions.get(execution.id) == execution


async def test_executions_of_a_task_are_listed_in_start_order(executions):
    task = a_task_id()
    first, second, third = (an_execution(task, started_at_ms=START_MS + offset) for offset in (0, 1, 10**10))
    for execution in (third, first, second, an_execution()):
        await executions.register(execution)
    assert await executions.list_of_task(task, started_since_ms=0) == [first, second, third]
    assert await executions.list_of_task(task, started_since_ms=START_MS + 1) == [second, third]
    assert await executions.list_of_task(task, started_since_ms=START_MS + 10**10 + 1) == []


async def test_executions_of_a_task_are_listed_as_last_saved(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    await executions.save_owned(rich(execution), await acquired(leases, execution), is_transition=True)
    assert await executions.list_of_task(execution.task_id, started_since_ms=0) == [rich(execution)]


async def test_executions_of_a_task_may_exceed_one_request(executions):
    task = a_task_id()
    new_execution = [an_execution(task, started_at_ms=START_MS + number) for number in range(103)]
    for execution in new_execution:
        await executions.register(execution)
    assert await executions.list_of_task(task, started_since_ms=0) == new_execution


async def test_active_executions_are_listed_in_start_order_with_their_leases(executions, leases):
    late = an_execution(started_at_ms=START_MS + 2)
    early = replace(rich(an_execution()), started_at_ms=START_MS + 1)
    sealing = an_execution(phase=Phase.SEALING, end_seen_at_ms=START_MS + 9)
    closed = an_execution(phase=Phase.PUBLISHED)
    for execution in (late, early, sealing, closed):
        await executions.register(execution)
    lease = await acquired(leases, early)
    free = Lease(late.id, None, 0, 0)
    assert await executions.active_executions() == [
        ExecutionEntry(
            sealing.id,
            sealing.task_id,
            Phase.SEALING,
            START_MS,
            START_MS + 9,
            Lease(sealing.id, None, 0, 0),
        ),
        ExecutionEntry(early.id, early.task_id, Phase.PUBLISHING, START_MS + 1, START_MS + 5, lease),
        ExecutionEntry(late.id, late.task_id, Phase.FOLLOWING, START_MS + 2, None, free),
    ]


async def test_executions_are_counted_for_every_phase(executions):
    for phase in (Phase.HELD, Phase.HELD, Phase.FOLLOWING):
        await executions.register(an_execution(phase=phase))
    assert await executions.counts() == dict.fromkeys(Phase, 0) | {Phase.HELD: 2, Phase.FOLLOWING: 1}


async def test_counts_and_lists_follow_the_saved_phase(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    await executions.save_owned(
        replace(execution, phase=Phase.CARRIED), await acquired(leases, execution), is_transition=True
    )
    assert await executions.active_executions() == []
    assert (await executions.counts())[Phase.CARRIED] == 1


async def test_latest_executions_are_listed_newest_first(executions):
    started = [an_execution(started_at_ms=START_MS + offset) for offset in range(5)]
    for execution in started:
        await executions.register(execution)
    assert await executions.latest(3) == started[:1:-1]


async def test_expired_execution_is_not_listed(table):
    executions = DynamoExecutionStore(table)
    task = a_task_id()
    expired = an_execution(task, expires_at_s=int(time.time()) - 1)
    await executions.register(expired)
    assert await executions.list_of_task(task, started_since_ms=0) == []
    assert await executions.active_executions() == []
    assert await executions.latest(9) == []
    assert await executions.counts() == dict.fromkeys(Phase, 0)


async def test_expired_execution_stays_known_while_datasync_may_list_it(table):
    now_s = int(time.time())
    expired = an_execution(started_at_ms=now_s * 1000, expires_at_s=now_s - 1)
    await DynamoExecutionStore(table).register(expired)
    (item,) = await table.items(
        {
            "KeyConditionExpression": "pk = :task",
            "ExpressionAttributeValues": {":task": {"S": expired.task_id}},
        },
    )
    assert int(item["expires_at"]["N"]) > now_s + 30 * 86_400


async def test_saving_an_inactive_phase_frees_the_lease(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await acquired(leases, execution)
    held = replace(execution, phase=Phase.HELD, reason=Reason.LOG_INCOMPLETE)
    await executions.save_owned(held, lease, is_transition=True)
    assert (await leases.read(execution.id)).owner is None
    await executions.transition_unowned(held.apply(PhaseEvent.DISCARD), expected_phase=Phase.HELD)
    assert (await executions.get(execution.id)).phase is Phase.DISCARDED


async def test_executions_of_a_phase_that_expire_soon_are_listed_in_start_order(executions):
    held = {"phase": Phase.HELD, "reason": Reason.LOG_INCOMPLETE, "expires_at_s": NEVER_S - 1}
    late, early = an_execution(started_at_ms=START_MS + 1, **held), an_execution(**held)
    another_phase, another_time = (
        an_execution(expires_at_s=NEVER_S - 1),
        an_execution(**held | {"expires_at_s": NEVER_S}),
    )
    for execution in (late, early, another_phase, another_time):
        await executions.register(execution)
    assert await executions.expiring_before(Phase.HELD, before_s=NEVER_S) == [early.id, late.id]


async def test_extended_expiry_changes_nothing_else(executions, leases):
    execution = an_execution(phase=Phase.CARRIED, expires_at_s=NEVER_S - 9)
    await executions.register(execution)
    lease = await acquired(leases, execution)
    await executions.extend_expiry(replace(execution, expires_at_s=NEVER_S, phase=Phase.HELD))
    assert await executions.get(execution.id) == replace(execution, expires_at_s=NEVER_S)
    assert await executions.expiring_before(Phase.CARRIED, before_s=NEVER_S) == []
    assert await leases.read(execution.id) == lease


async def test_extended_execution_stays_listed_with_its_task(table):
    now_s = int(time.time())
    execution = an_execution(started_at_ms=(now_s - 90 * 86_400) * 1000, expires_at_s=now_s + 9)
    executions = DynamoExecutionStore(table)
    await executions.register(execution)
    await executions.extend_expiry(replace(execution, expires_at_s=now_s + 99))
    (item,) = await table.items(
        {
            "KeyConditionExpression": "pk = :task",
            "ExpressionAttributeValues": {":task": {"S": execution.task_id}},
        },
    )
    assert item["expires_at"] == {"N": f"{now_s + 99}"}


async def test_extending_an_unknown_execution_is_a_conflict(executions):
    with pytest.raises(ConflictError):
        await executions.extend_expiry(an_execution())


def a_held_execution(**changes):
    plain = {"phase": Phase.HELD, "reason": Reason.ACCESS_DENIED, "held_from": Phase.SEALING}
    return an_execution(**{**plain, **changes})


async def test_held_executions_are_listed_for_a_retry_from_their_time_on(executions):
    late = a_held_execution(started_at_ms=START_MS + 1, retry_at_ms=START_MS + 100)
    early = a_held_execution(retry_at_ms=START_MS + 99)
    not_due = a_held_execution(retry_at_ms=START_MS + 101)
    for execution in (late, early, not_due, a_held_execution(), an_execution()):
        await executions.register(execution)
    free = [Lease(execution.id, None, 0, 0) for execution in (early, late)]
    assert await executions.held_to_retry(now_ms=START_MS + 100) == [
        ExecutionEntry(early.id, early.task_id, Phase.HELD, START_MS, None, free[0]),
        ExecutionEntry(late.id, late.task_id, Phase.HELD, START_MS + 1, None, free[1]),
    ]
    assert await executions.held_to_retry(now_ms=START_MS + 98) == []


async def test_held_execution_is_retried_at_the_time_that_was_saved_last(executions, leases):
    held = a_held_execution(retry_at_ms=START_MS)
    await executions.register(held)
    postponed = replace(held, retry_at_ms=START_MS + 60_000)
    await executions.save_owned(postponed, await acquired(leases, held), is_transition=False)
    assert await executions.held_to_retry(now_ms=START_MS + 59_999) == []
    assert [entry.execution_id for entry in await executions.held_to_retry(now_ms=START_MS + 60_000)] == [held.id]


async def test_owned_retry_shows_its_owner(executions, leases):
    held = a_held_execution(retry_at_ms=START_MS)
    await executions.register(held)
    lease = await acquired(leases, held)
    assert [entry.lease for entry in await executions.held_to_retry(now_ms=START_MS)] == [lease]


async def test_execution_that_goes_on_is_not_listed_for_a_retry(executions):
    held = a_held_execution(retry_at_ms=START_MS)
    await executions.register(held)
    resumed = held.apply(PhaseEvent.RESUME_SEALING)
    await executions.transition_unowned(resumed, expected_phase=Phase.HELD)
    assert await executions.held_to_retry(now_ms=START_MS) == []
    again = resumed.apply(PhaseEvent.HOLD, Reason.LOG_INCOMPLETE)
    await executions.transition_unowned(again, expected_phase=Phase.SEALING)
    assert await executions.get(held.id) == again
    assert await executions.held_to_retry(now_ms=START_MS) == []


async def test_expired_execution_is_not_retried(table):
    executions = DynamoExecutionStore(table)
    await executions.register(a_held_execution(retry_at_ms=START_MS, expires_at_s=int(time.time()) - 1))
    assert await executions.held_to_retry(now_ms=START_MS) == []
