import pytest

from service.domain.errors import ConflictError
from service.domain.execution import Outcome, PlanMember, PublishPlan, ReplayState, SendProgress
from service.domain.facts import FactKind
from service.domain.phases import Phase, Reason
from service.operations.commands import CommandRefusedError, OperatorCommands
from tests.domain.examples import an_execution, verified
from tests.fakes.world import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def operator(world):
    return OperatorCommands(world.executions, world.facts)


async def stored(world, *, files=0, **changes):
    execution = an_execution(**changes)
    await world.executions.register(execution)
    await world.facts.add(execution, [verified(f"{n}") for n in range(files)])
    return execution.id


def now(world, execution_id):
    return world.executions.records[execution_id]


HELD = {"phase": Phase.HELD, "reason": Reason.LOG_INCOMPLETE, "reconciled": False}


async def test_released_execution_is_published(world, operator):
    name = await stored(world, files=2, **HELD)
    assert await operator.release(name) == f"{name} is released: up to 2 verified files will be published"
    assert (now(world, name).phase, now(world, name).reason) == (Phase.PUBLISHING, None)


async def test_release_counts_the_facts(world, operator):
    name = await stored(world, files=2, **HELD)
    await operator.release(name)
    assert now(world, name).fact_counts == dict.fromkeys(FactKind, 0) | {FactKind.VERIFIED: 2}


async def test_release_without_verified_files_is_refused_and_changes_nothing(world, operator):
    name = await stored(world, **HELD)
    before = now(world, name)
    with pytest.raises(
        CommandRefusedError, match=f"^{name} has no verified files: nothing to publish, nothing changed$"
    ):
        await operator.release(name)
    assert now(world, name) == before


async def test_released_execution_continues_after_its_cursor_with_a_new_plan(world, operator):
    progress, counts = SendProgress("m", ("id",)), {Outcome.PUBLISHED: 1}
    name = await stored(world, files=1, plan=PLAN, progress=progress, outcome_counts=counts, **HELD)
    await operator.release(name)
    released = now(world, name)
    assert (released.plan, released.progress, released.outcome_counts) == (None, progress, counts)


async def test_released_replay_continues_as_that_replay(world, operator):
    replay = ReplayState(2, active=True, progress=SendProgress("m"))
    name = await stored(world, files=1, plan=PLAN, replay=replay, **HELD)
    await operator.release(name)
    assert (now(world, name).plan, now(world, name).replay) == (PLAN, replay)


async def test_discarded_execution_keeps_its_reason(world, operator):
    name = await stored(world, files=2, **HELD)
    assert await operator.discard(name) == f"{name} is discarded: its files will never be published"
    assert (now(world, name).phase, now(world, name).reason) == (Phase.DISCARDED, Reason.LOG_INCOMPLETE)


async def test_replay_has_the_next_number(world, operator):
    name = await stored(
        world,
        phase=Phase.PUBLISHED,
        reason=Reason.FILES_MISSING,
        outcome_counts={Outcome.PUBLISHED: 3},
        replay=ReplayState(4),
    )
    assert await operator.replay(name) == f"{name} is replayed: 3 messages will be sent again with the same ids"
    assert (now(world, name).phase, now(world, name).reason) == (Phase.PUBLISHING, Reason.FILES_MISSING)
    assert now(world, name).replay == ReplayState(5, active=True)


PLAN = PublishPlan((PlanMember("exec-x", 0, publishes=True),), 5)
COMMANDS = {"release": "released", "discard": "discarded", "replay": "replayed"}


@pytest.mark.parametrize("command", COMMANDS)
async def test_command_that_is_given_twice_is_done_once_and_then_refused(world, operator, command):
    phase = Phase.PUBLISHED if command == "replay" else Phase.HELD
    name = await stored(world, files=1, phase=phase)
    await getattr(operator, command)(name)
    after = now(world, name)
    with pytest.raises(
        CommandRefusedError, match=f"^{name} is {after.phase}; only {phase} executions can be {COMMANDS[command]}$"
    ):
        await getattr(operator, command)(name)
    assert now(world, name) == after


@pytest.mark.parametrize(
    ("command", "phase"),
    [(c, p) for c in COMMANDS for p in Phase if p is not (Phase.PUBLISHED if c == "replay" else Phase.HELD)],
)
async def test_command_in_another_phase_is_refused_and_changes_nothing(world, operator, command, phase):
    name = await stored(world, files=1, phase=phase)
    before = now(world, name)
    with pytest.raises(CommandRefusedError):
        await getattr(operator, command)(name)
    assert now(world, name) == before


@pytest.mark.parametrize("command", COMMANDS)
async def test_unknown_execution_is_refused_with_a_remedy(operator, command):
    with pytest.raises(
        CommandRefusedError, match=r"^exec-9 is not known; `datasync-trigger status` lists the known executions$"
    ):
        await getattr(operator, command)("exec-9")


@pytest.mark.parametrize("command", COMMANDS)
async def test_execution_that_a_worker_owns_is_not_changed(world, operator, command):
    name = await stored(world, files=1, phase=Phase.PUBLISHED if command == "replay" else Phase.HELD)
    before = now(world, name)
    await world.executions.acquire(await world.executions.read(name), "worker")
    with pytest.raises(ConflictError):
        await getattr(operator, command)(name)
    assert now(world, name) == before
