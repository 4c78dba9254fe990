import pytest

from service.domain.errors import ConflictError, TransientError
from service.domain.observations import PhaseChanged, TickResult
from service.domain.options import WorkerOptions
from service.domain.phases import Phase, PhaseEvent, Reason
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock
from service.worker.execution_runner import ExecutionRunner
from service.worker.retention import RetentionExtension
from tests.domain.examples import START_MS, an_execution
from tests.fakes.stores import MemoryExecutionStore
from tests.fakes.world import World

EXTENSION = RetentionExtension(World().ports(), WorkerOptions(), Clock(lambda: 0.0, lambda: START_MS))


class Scene:
    def __init__(self, phase=Phase.FOLLOWING, **steps):
        self.execution = an_execution(phase=phase)
        self.table = MemoryExecutionStore({self.execution.id: self.execution})
        self.owned_leases = OwnedLeases(self.table, owner="me", lease_s=30.0, clock_s=lambda: 0.0)
        self.seen = []
        self.steps = {Phase[name]: step for name, step in steps.items()}
        self.execution_runner = ExecutionRunner(self.execution.id, self.table, self.owned_leases, self.steps, EXTENSION)

    async def claimed(self):
        assert await self.owned_leases.claim(await self.table.read(self.execution.id))
        return self

    def stored(self):
        return self.table.records[self.execution.id]


async def stays(execution):
    return execution, TickResult((), 7.0)


async def ends(execution):
    return execution.on(PhaseEvent.ENDED), TickResult((), 1.0)


async def fails(_execution):
    raise TransientError("call", "away")


async def test_the_step_of_the_phase_is_taken_and_its_tick_returned():
    scene = await Scene(FOLLOWING=stays).claimed()
    assert await scene.execution_runner.tick() == TickResult((), 7.0)


async def test_the_next_step_goes_on_with_what_the_last_one_returned_without_reading_it_again():
    scene = await Scene(FOLLOWING=ends, SEALING=stays).claimed()
    await scene.execution_runner.tick()
    scene.table.records.clear()
    assert await scene.execution_runner.tick() == TickResult((), 7.0)


async def test_after_a_step_that_failed_it_begins_from_what_is_stored():
    scene = await Scene(FOLLOWING=stays).claimed()
    await scene.execution_runner.tick()
    scene.steps[Phase.FOLLOWING] = fails
    with pytest.raises(TransientError):
        await scene.execution_runner.tick()
    scene.table.records[scene.execution.id] = an_execution(phase=Phase.HELD)
    assert (await scene.execution_runner.tick()).done


@pytest.mark.parametrize("phase", [Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED])
async def test_where_there_is_nothing_to_do_it_is_done(phase):
    scene = await Scene(phase, FOLLOWING=fails).claimed()
    assert await scene.execution_runner.tick() == TickResult(done=True)


async def test_a_step_that_closes_the_execution_is_the_last():
    scene = await Scene(FOLLOWING=ends).claimed()
    assert await scene.execution_runner.tick() == TickResult((), 1.0, done=True)


async def test_an_execution_that_is_gone_is_done():
    scene = await Scene(FOLLOWING=fails).claimed()
    scene.table.records.clear()
    assert await scene.execution_runner.tick() == TickResult(done=True)
    assert await scene.execution_runner.hold() == TickResult(done=True)


async def test_what_fails_again_and_again_is_held_for_a_person():
    scene = await Scene(FOLLOWING=fails).claimed()
    tick = await scene.execution_runner.hold()
    assert (scene.stored().phase, scene.stored().reason) == (Phase.HELD, Reason.INTERNAL_ERROR)
    assert tick.done
    (report,) = tick.reports
    assert isinstance(observation, PhaseChanged)
    assert (observation.before, observation.phase, observation.reason) == (Phase.FOLLOWING, Phase.HELD, Reason.INTERNAL_ERROR)


async def test_what_is_closed_already_is_not_set_aside():
    scene = await Scene(Phase.PUBLISHED, FOLLOWING=fails).claimed()
    assert await scene.execution_runner.hold() == TickResult(done=True)
    assert scene.stored().phase is Phase.PUBLISHED


async def test_without_the_lease_no_step_is_taken():
    scene = Scene(FOLLOWING=stays)
    with pytest.raises(ConflictError):
        await scene.execution_runner.tick()


async def test_without_the_lease_nothing_is_set_aside():
    scene = Scene(FOLLOWING=fails)
    with pytest.raises(ConflictError):
        await scene.execution_runner.hold()
    assert scene.stored().phase is Phase.FOLLOWING
