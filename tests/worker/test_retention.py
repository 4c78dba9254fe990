import pytest

from service.domain.phases import Phase, Reason
from service.domain.reports import Moved
from tests.worker.world import Worker, World

DAY_S = 86_400


async def a_carried_execution():
    """A world with a worker, and an execution that ended in ERROR with one good file."""
    world = World()
    worker = Worker(world)
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, "ERROR")
    await worker.work(seconds=60)
    assert world.execution(arn).phase is Phase.CARRIED
    return world, worker, arn


@pytest.mark.parametrize(("days", "reason"), [(26.9, Reason.EXECUTION_ERROR), (27.1, Reason.EXPIRING)])
async def test_a_carried_execution_says_so_when_its_retention_is_nearly_over(days, reason):
    world, worker, arn = await a_carried_execution()
    world.clock.advance(days * DAY_S)
    await worker.work(seconds=30)
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.CARRIED, reason)


async def test_it_is_told_once():
    world, worker, arn = await a_carried_execution()
    world.clock.advance(28 * DAY_S)
    for _ in range(3):
        await worker.work(seconds=30)
        world.clock.advance(3601)
    told = [r for r in worker.reports if isinstance(r, Moved) and r.reason is Reason.EXPIRING]
    assert [report.name for report in told] == [world.execution(arn).name]


async def test_a_success_that_still_comes_takes_it_along():
    world, worker, arn = await a_carried_execution()
    world.clock.advance(28 * DAY_S)
    await worker.work(seconds=30)
    last = world.start()
    world.finish(last)
    await worker.work(seconds=60)
    assert [name for _, name in world.sent()] == ["/a.csv"]
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.PUBLISHED, Reason.CARRIED)


async def test_the_table_is_asked_once_an_hour():
    world, worker, _ = await a_carried_execution()
    asked = []
    overview = world.executions.in_phase

    async def counted(phase):
        asked.append(phase)
        return await overview(phase)

    world.executions.in_phase = counted
    world.clock.advance(3601)
    for _ in range(20):
        await worker.round()
        world.clock.advance(15)
    assert asked == [Phase.CARRIED]
