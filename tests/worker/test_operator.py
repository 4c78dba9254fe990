from dataclasses import replace

import pytest

from service.domain.errors import Conflict
from service.domain.execution import Outcome, Publishing, Replay, Source
from service.domain.facts import FactKind
from service.domain.phases import Phase, Reason
from service.worker.operator import Operator, Refusal
from tests.domain.examples import an_execution, verified
from tests.worker.world import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def operator(world):
    return Operator(world.ports())


async def stored(world, *, files=0, **changes):
    execution = an_execution(**changes)
    await world.executions.register(execution)
    await world.facts.add(execution, [verified(f"{n}") for n in range(files)])
    return execution.name.execution_id


def now(world, execution_id):
    return world.executions.records[execution_id]


HELD = {"phase": Phase.HELD, "reason": Reason.LOG_INCOMPLETE, "reconciled": False}


async def test_a_held_execution_that_is_released_is_to_be_published(world, operator):
    name = await stored(world, files=2, **HELD)
    assert await operator.release(name) == f"{name} is released: up to 2 validated files will be published"
    assert (now(world, name).phase, now(world, name).reason) == (Phase.PUBLISHING, None)


async def test_a_released_execution_tells_how_many_facts_there_are(world, operator):
    name = await stored(world, files=2, **HELD)
    await operator.release(name)
    assert now(world, name).rows == dict.fromkeys(FactKind, 0) | {FactKind.VERIFIED: 2}


async def test_where_nothing_is_validated_release_says_so_and_changes_nothing(world, operator):
    name = await stored(world, **HELD)
    before = now(world, name)
    with pytest.raises(Refusal, match=f"^{name} has no validated files: nothing to publish, nothing changed$"):
        await operator.release(name)
    assert now(world, name) == before


async def test_an_execution_that_was_held_while_it_published_goes_on_behind_its_cursor_by_a_new_plan(world, operator):
    publishing = Publishing((Source("exec-x", 0, publishes=True),), 5, "m", ("id",), {"exec-x": {Outcome.PUBLISHED: 1}})
    name = await stored(world, files=1, publishing=publishing, **HELD)
    await operator.release(name)
    assert now(world, name).publishing == replace(publishing, sources=())


async def test_a_replay_that_was_held_goes_on_as_the_replay_that_it_was(world, operator):
    publishing, replay = (
        Publishing((Source("exec-x", 0, publishes=True),), 5, "z"),
        Replay(2, under_way=True, cursor="m"),
    )
    name = await stored(world, files=1, publishing=publishing, replay=replay, **HELD)
    await operator.release(name)
    assert (now(world, name).publishing, now(world, name).replay) == (publishing, replay)


async def test_a_held_execution_that_is_discarded_keeps_its_reason(world, operator):
    name = await stored(world, files=2, **HELD)
    assert await operator.discard(name) == f"{name} is discarded: its files will never be published"
    assert (now(world, name).phase, now(world, name).reason) == (Phase.DISCARDED, Reason.LOG_INCOMPLETE)


async def test_a_published_execution_is_replayed_under_a_new_number(world, operator):
    name = await stored(
        world, phase=Phase.PUBLISHED, reason=Reason.FILES_MISSING, outcomes={Outcome.PUBLISHED: 3}, replay=Replay(4)
    )
    assert await operator.replay(name) == f"{name} will be sent once more: 3 messages with the same ids"
    assert (now(world, name).phase, now(world, name).reason) == (Phase.PUBLISHING, Reason.FILES_MISSING)
    assert now(world, name).replay == Replay(5, under_way=True)


WORDS = ["release", "discard", "replay"]


@pytest.mark.parametrize("word", WORDS)
async def test_said_twice_it_is_done_once_and_the_second_time_refused_with_a_sentence(world, operator, word):
    phase = Phase.PUBLISHED if word == "replay" else Phase.HELD
    name = await stored(world, files=1, phase=phase)
    await getattr(operator, word)(name)
    after = now(world, name)
    with pytest.raises(Refusal, match=f"^{name} is {after.phase}: only {phase} executions can take {word}$"):
        await getattr(operator, word)(name)
    assert now(world, name) == after


@pytest.mark.parametrize(
    ("word", "phase"),
    [(w, p) for w in WORDS for p in Phase if p is not (Phase.PUBLISHED if w == "replay" else Phase.HELD)],
)
async def test_an_execution_in_another_phase_refuses_and_stays(world, operator, word, phase):
    name = await stored(world, files=1, phase=phase)
    before = now(world, name)
    with pytest.raises(Refusal):
        await getattr(operator, word)(name)
    assert now(world, name) == before


@pytest.mark.parametrize("word", WORDS)
async def test_an_execution_that_is_not_known_is_refused_with_what_to_do(operator, word):
    with pytest.raises(
        Refusal, match=r"^exec-9 is not known: `datasync-trigger status` lists the executions that are$"
    ):
        await getattr(operator, word)("exec-9")


@pytest.mark.parametrize("word", WORDS)
async def test_an_execution_that_a_worker_has_just_moved_is_not_moved_again(world, operator, word):
    name = await stored(world, files=1, phase=Phase.PUBLISHED if word == "replay" else Phase.HELD)
    before = now(world, name)
    await world.executions.take(await world.executions.read(name), "worker")
    with pytest.raises(Conflict):
        await getattr(operator, word)(name)
    assert now(world, name) == before
