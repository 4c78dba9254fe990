"""ports.Executions and ports.Overview."""

import time
from dataclasses import replace

import pytest

from service.adapters.aws.executions import DynamoExecutions
from service.adapters.aws.leases import DynamoLeases
from service.adapters.memory.table import MemoryExecutions
from service.domain.errors import Conflict
from service.domain.execution import Outcome, Position, Publishing, Reading, Source, Tally
from service.domain.facts import FactKind
from service.domain.phases import Event, Phase, Reason
from service.domain.records import Lease, OpenExecution
from tests.contracts.examples import NEVER_S, START_MS, a_task_id, an_execution


@pytest.fixture(params=["memory", "aws"])
def store(request):
    """The executions, and the leases under which they are saved."""
    if request.param == "memory":
        memory = MemoryExecutions()
        return memory, memory
    rows = request.getfixturevalue("rows")
    return DynamoExecutions(rows), DynamoLeases(rows)


@pytest.fixture
def executions(store):
    return store[0]


@pytest.fixture
def leases(store):
    return store[1]


async def taken(leases, execution, owner="me"):
    return await leases.take(await leases.read(execution.name.execution_id), owner)


def rich(execution):
    """An execution that has come far; tests/adapters stores every form that there is."""
    tally = Tally(3, {FactKind.VERIFIED: 2, FactKind.FAILED: 1}, (1 << 64) - 1, finish_seen=True)
    return replace(
        execution,
        status="SUCCESS",
        ended_at_ms=START_MS + 5,
        files_verified=2,
        phase=Phase.PUBLISHING,
        reason=Reason.LOG_INCOMPLETE,
        reconciled=False,
        terminal_seen_at_ms=START_MS + 6,
        quiet_since_ms=START_MS + 7,
        reading=Reading(2, {"stream\n": Position("f/1", START_MS)}, tally, tally, {FactKind.VERIFIED: 2}, START_MS),
        rows={FactKind.VERIFIED: 2},
        publishing=Publishing(
            (Source("exec-0", START_MS, publishes=True),),
            START_MS,
            "dir/\U0001f600",
            ("00ff",),
            {"exec-0": {Outcome.MISSING: 1}},
        ),
        outcomes={Outcome.PUBLISHED: 1},
        published_at_ms=START_MS + 9,
    )


async def test_what_is_registered_can_be_had(executions):
    execution = an_execution(target=None, log_group=None)
    assert await executions.register(execution)
    assert await executions.get(execution.name.execution_id) == execution


async def test_what_was_never_registered_is_not_known(executions):
    assert await executions.get(an_execution().name.execution_id) is None


async def test_registering_again_changes_nothing(executions):
    execution = an_execution()
    await executions.register(execution)
    assert not await executions.register(rich(execution))
    assert await executions.get(execution.name.execution_id) == execution


async def test_the_holder_saves_all_there_is(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    await executions.save(rich(execution), await taken(leases, execution))
    assert await executions.get(execution.name.execution_id) == rich(execution)


async def test_saving_leaves_the_lease_as_it_is(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await leases.renew(await taken(leases, execution))
    await executions.save(rich(execution), lease)
    assert await leases.read(execution.name.execution_id) == lease


async def test_an_earlier_beat_of_the_lease_is_good_enough_to_save(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await taken(leases, execution)
    await leases.renew(lease)
    await executions.save(rich(execution), lease)
    assert await executions.get(execution.name.execution_id) == rich(execution)


async def test_who_lost_the_lease_saves_nothing(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lost = await taken(leases, execution)
    await leases.take(lost, "other")
    with pytest.raises(Conflict):
        await executions.save(rich(execution), lost)
    assert await executions.get(execution.name.execution_id) == execution


async def test_who_released_the_lease_saves_nothing(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await taken(leases, execution)
    await leases.release(lease)
    with pytest.raises(Conflict):
        await executions.save(rich(execution), lease)


async def test_registering_does_not_take_a_lease(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    assert await leases.read(execution.name.execution_id) == Lease(execution.name.execution_id, None, 0, 0)


async def test_an_execution_that_nobody_holds_can_be_moved(executions):
    execution = an_execution(phase=Phase.HELD, reason=Reason.LOG_INCOMPLETE)
    await executions.register(execution)
    moved = execution.on(Event.RELEASE)
    await executions.move(moved, Phase.HELD)
    assert await executions.get(execution.name.execution_id) == moved


async def test_an_execution_can_be_moved_after_its_lease_is_released(executions, leases):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await leases.release(await taken(leases, execution))
    await executions.move(execution.on(Event.DISCARD), Phase.HELD)
    assert (await executions.get(execution.name.execution_id)).phase is Phase.DISCARDED


async def test_an_execution_in_another_phase_than_was_seen_is_not_moved(executions):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await executions.move(execution.on(Event.RELEASE), Phase.HELD)
    with pytest.raises(Conflict):
        await executions.move(execution.on(Event.DISCARD), Phase.HELD)


async def test_an_execution_that_somebody_holds_is_not_moved(executions, leases):
    execution = an_execution(phase=Phase.HELD)
    await executions.register(execution)
    await taken(leases, execution)
    with pytest.raises(Conflict):
        await executions.move(execution.on(Event.DISCARD), Phase.HELD)
    assert await executions.get(execution.name.execution_id) == execution


async def test_a_task_has_its_executions_in_order_of_their_start(executions):
    task = a_task_id()
    first, second, third = (an_execution(task, started_at_ms=START_MS + offset) for offset in (0, 1, 10**10))
    for execution in (third, first, second, an_execution()):
        await executions.register(execution)
    assert await executions.of_task(task, since_ms=0) == [first, second, third]
    assert await executions.of_task(task, since_ms=START_MS + 1) == [second, third]
    assert await executions.of_task(task, since_ms=START_MS + 10**10 + 1) == []


async def test_a_task_has_its_executions_as_last_saved(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    await executions.save(rich(execution), await taken(leases, execution))
    assert await executions.of_task(execution.name.task_id, since_ms=0) == [rich(execution)]


async def test_a_task_may_have_more_executions_than_fit_one_request(executions):
    task = a_task_id()
    registered = [an_execution(task, started_at_ms=START_MS + number) for number in range(103)]
    for execution in registered:
        await executions.register(execution)
    assert await executions.of_task(task, since_ms=0) == registered


async def test_open_executions_are_listed_by_start_with_who_holds_them(executions, leases):
    late = an_execution(started_at_ms=START_MS + 2)
    early = replace(rich(an_execution()), started_at_ms=START_MS + 1)
    sealing = an_execution(phase=Phase.SEALING, terminal_seen_at_ms=START_MS + 9)
    closed = an_execution(phase=Phase.PUBLISHED)
    for execution in (late, early, sealing, closed):
        await executions.register(execution)
    lease = await taken(leases, early)
    free = Lease(late.name.execution_id, None, 0, 0)
    assert await executions.open() == [
        OpenExecution(
            sealing.name.execution_id,
            sealing.name.task_id,
            START_MS,
            START_MS + 9,
            Lease(sealing.name.execution_id, None, 0, 0),
        ),
        OpenExecution(early.name.execution_id, early.name.task_id, START_MS + 1, START_MS + 5, lease),
        OpenExecution(late.name.execution_id, late.name.task_id, START_MS + 2, None, free),
    ]


async def test_executions_are_counted_by_phase_and_none_is_zero(executions):
    for phase in (Phase.HELD, Phase.HELD, Phase.FOLLOWING):
        await executions.register(an_execution(phase=phase))
    assert await executions.counts() == dict.fromkeys(Phase, 0) | {Phase.HELD: 2, Phase.FOLLOWING: 1}


async def test_a_saved_phase_is_the_one_that_is_counted_and_listed(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    await executions.save(replace(execution, phase=Phase.CARRIED), await taken(leases, execution))
    assert await executions.open() == []
    assert (await executions.counts())[Phase.CARRIED] == 1


async def test_the_latest_come_first(executions):
    started = [an_execution(started_at_ms=START_MS + offset) for offset in range(5)]
    for execution in started:
        await executions.register(execution)
    assert await executions.latest(3) == started[:1:-1]


async def test_what_has_expired_is_no_longer_listed(rows):
    executions = DynamoExecutions(rows)
    task = a_task_id()
    expired = an_execution(task, expires_at_s=int(time.time()) - 1)
    await executions.register(expired)
    assert await executions.of_task(task, since_ms=0) == []
    assert await executions.open() == []
    assert await executions.latest(9) == []
    assert await executions.counts() == dict.fromkeys(Phase, 0)


async def test_what_has_expired_stays_known_while_datasync_may_list_it(rows):
    now_s = int(time.time())
    expired = an_execution(started_at_ms=now_s * 1000, expires_at_s=now_s - 1)
    await DynamoExecutions(rows).register(expired)
    (item,) = await rows.items(
        {
            "KeyConditionExpression": "pk = :task",
            "ExpressionAttributeValues": {":task": {"S": expired.name.task_id}},
        },
    )
    assert int(item["expires_at"]["N"]) > now_s + 30 * 86_400


async def test_saving_a_phase_that_is_not_open_frees_the_lease_with_it(executions, leases):
    execution = an_execution()
    await executions.register(execution)
    lease = await taken(leases, execution)
    held = replace(execution, phase=Phase.HELD, reason=Reason.LOG_INCOMPLETE)
    await executions.save(held, lease)
    assert (await leases.read(execution.name.execution_id)).owner is None
    await executions.move(held.on(Event.DISCARD), Phase.HELD)
    assert (await executions.get(execution.name.execution_id)).phase is Phase.DISCARDED


async def test_the_executions_of_a_phase_that_expire_before_a_time_are_listed_in_order_of_their_start(executions):
    held = {"phase": Phase.HELD, "reason": Reason.LOG_INCOMPLETE, "expires_at_s": NEVER_S - 1}
    late, early = an_execution(started_at_ms=START_MS + 1, **held), an_execution(**held)
    another_phase, another_time = (
        an_execution(expires_at_s=NEVER_S - 1),
        an_execution(**held | {"expires_at_s": NEVER_S}),
    )
    for execution in (late, early, another_phase, another_time):
        await executions.register(execution)
    assert await executions.expiring(Phase.HELD, before_s=NEVER_S) == [early.name[1], late.name[1]]


async def test_an_execution_that_is_kept_expires_later_and_is_otherwise_as_it_is_stored(executions, leases):
    execution = an_execution(phase=Phase.CARRIED, expires_at_s=NEVER_S - 9)
    await executions.register(execution)
    lease = await taken(leases, execution)
    await executions.keep(replace(execution, expires_at_s=NEVER_S, phase=Phase.HELD))
    assert await executions.get(execution.name.execution_id) == replace(execution, expires_at_s=NEVER_S)
    assert await executions.expiring(Phase.CARRIED, before_s=NEVER_S) == []
    assert await leases.read(execution.name.execution_id) == lease


async def test_what_is_kept_stays_among_the_executions_of_its_task(rows):
    now_s = int(time.time())
    execution = an_execution(started_at_ms=(now_s - 90 * 86_400) * 1000, expires_at_s=now_s + 9)
    executions = DynamoExecutions(rows)
    await executions.register(execution)
    await executions.keep(replace(execution, expires_at_s=now_s + 99))
    (item,) = await rows.items(
        {
            "KeyConditionExpression": "pk = :task",
            "ExpressionAttributeValues": {":task": {"S": execution.name.task_id}},
        },
    )
    assert item["expires_at"] == {"N": f"{now_s + 99}"}


async def test_an_execution_that_is_gone_is_not_kept(executions):
    with pytest.raises(Conflict):
        await executions.keep(an_execution())
