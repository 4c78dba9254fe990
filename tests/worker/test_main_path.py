from service.domain.phases import Phase, Reason
from tests.fakes.world import Worker, World


async def test_files_are_published_once_their_execution_has_succeeded():
    world = World()
    worker = Worker(world)
    arn = world.start()
    world.copy(arn, "b.csv", "a.csv", "dir/c.csv")
    await worker.work(seconds=60)
    assert world.sent() == []
    world.finish(arn)
    await worker.work(seconds=60)
    assert [name for _, name in world.sent()] == ["/a.csv", "/b.csv", "/dir/c.csv"]
    execution = world.execution(arn)
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.PUBLISHED, None, True)
    assert execution.file_counts()["published"] == 3


async def test_files_of_an_execution_that_ended_in_error_are_carried_to_the_next_success():
    world = World()
    worker = Worker(world)
    first = world.start()
    world.copy(first, "good.csv")
    world.put("bad.csv", 5)
    world.log(first, "[NOTICE] Verification failed <> /bad.csv")
    world.finish(first, "ERROR")
    await worker.work(seconds=60)
    assert world.sent() == []
    assert world.execution(first).phase is Phase.CARRIED
    assert world.execution(first).reason is Reason.VERIFICATION_FAILED
    second = world.start()
    world.copy(second, "bad.csv")
    world.finish(second)
    await worker.work(seconds=60)
    first_id, second_id = (arn.split("/")[3] for arn in (first, second))
    assert world.sent() == [(second_id, "/bad.csv"), (first_id, "/good.csv")]
    assert world.execution(first).phase is Phase.PUBLISHED
    assert world.execution(first).reason is Reason.CARRIED
    assert world.execution(first).file_counts()["published"] == 1
