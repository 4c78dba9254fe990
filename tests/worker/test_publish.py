"""Sending a sealed execution's files: each one, once, behind a cursor."""

import json
from dataclasses import dataclass, field

import pytest

from service.adapters.memory.table import MemoryExecutions
from service.adapters.memory.world import MemoryObjects, MemoryQueue
from service.domain.errors import Absent, Conflict, Denied, Transient
from service.domain.execution import Outcome
from service.domain.messages import message_id
from service.domain.names import ExecutionId
from service.domain.phases import Phase, Reason
from service.domain.records import Delivery
from service.domain.sealing import OnError, Policy
from service.worker.operator import Operator
from tests.worker.world import BUCKET, PREFIX, Worker, World

PIT = {"verify_mode": "POINT_IN_TIME_CONSISTENT"}


@dataclass
class FickleQueue(MemoryQueue):
    """A queue that raises, or does not take a file yet, as told; it takes two messages at a time."""

    troubles: list[Exception] = field(default_factory=list)
    not_yet: set[str] = field(default_factory=set)
    batch_size: int = 2

    async def send(self, messages):
        if self.troubles:
            raise self.troubles.pop(0)
        later = {m.id for m in messages if json.loads(m.body)["fileName"] in self.not_yet}
        delivery = await super().send([m for m in messages if m.id not in later])
        return Delivery(delivery.sent, frozenset(later), delivery.rejected)


@dataclass
class FickleObjects(MemoryObjects):
    troubles: list[Exception] = field(default_factory=list)
    calls: int = 0

    async def page(self, bucket, *, prefix, after):
        self.calls += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return await super().page(bucket, prefix=prefix, after=after)


@dataclass
class FickleExecutions(MemoryExecutions):
    """A table whose answers to a save get lost, and which does not store the end of a publishing, when told so."""

    lost_answers: int = 0
    unstored_ends: int = 0

    async def save(self, execution, lease):
        if self.unstored_ends and execution.phase is Phase.PUBLISHED:
            self.unstored_ends -= 1
            raise Transient("dynamodb.UpdateItem", "slow")
        await super().save(execution, lease)
        if self.lost_answers and execution.publishing and execution.publishing.cursor:
            self.lost_answers -= 1
            raise Transient("dynamodb.UpdateItem", "reset")


@pytest.fixture
def world():
    return World(queue=FickleQueue(), objects=FickleObjects({BUCKET: {}}), executions=FickleExecutions())


def sealed(world, *paths, status="SUCCESS", **changes):
    """An execution that has transferred and verified these files, and ended."""
    arn = world.start(**changes)
    world.copy(arn, *paths)
    world.finish(arn, status)
    return arn


async def published(world, *, seconds=90.0, tolerate=(), **options):
    """Let a worker do its work; what it raises of `tolerate` is what a loop would report and try again after."""
    worker = Worker(world, **options)
    end_s = world.clock.now_s() + seconds
    while world.clock.now_s() < end_s:
        try:
            await worker.work(seconds=end_s - world.clock.now_s())
        except tolerate:
            world.clock.advance(1)
    return worker


async def test_each_file_is_sent_once_in_the_order_of_its_key(world):
    arn = sealed(world, "b", "a", "c/d", "c.e")
    await published(world)
    assert world.names() == ["/a", "/b", "/c.e", "/c/d"]
    execution = world.execution(arn)
    assert execution.files() == {
        "transferred": 4,
        "verified": 4,
        "failed": 0,
        "published": 4,
        "unchanged": 0,
        "missing": 0,
        "superseded": 0,
    }
    assert execution.published_at_ms is not None


async def test_directories_and_datasync_s_own_files_are_not_sent(world):
    arn = world.start()
    world.log(arn, "[NOTICE] Verified directory /", "[NOTICE] Verified directory /dir")
    world.copy(arn, ".aws-datasync/x", "dir/a", "dir/.aws-datasync")
    world.finish(arn)
    await published(world)
    assert world.names() == ["/dir/.aws-datasync", "/dir/a"]
    assert world.execution(arn).files()["unchanged"] == 1


@pytest.mark.parametrize("gone", [True, False])
async def test_a_file_that_is_not_there_at_its_size_is_not_sent_and_is_told(world, gone):
    arn = sealed(world, "a", "b")
    if gone:
        del world.objects.buckets[BUCKET][f"{PREFIX}a"]
    else:
        world.put("a", 99)
    worker = await published(world)
    assert world.names() == ["/b"]
    assert (world.execution(arn).reason, world.execution(arn).files()["missing"]) == (Reason.FILES_MISSING, 1)
    assert [report.outcomes for report in worker.stretches()] == [{Outcome.PUBLISHED: 1, Outcome.MISSING: 1}]


async def test_what_was_only_verified_again_is_not_sent_again(world):
    sealed(world, "a", **PIT)
    await published(world)
    world.clock.advance(100)
    second = world.start(**PIT)
    world.log(second, "[NOTICE] Verified file /a, 3 bytes")
    world.copy(second, "b")
    world.finish(second)
    await published(world, owner="worker-2")
    assert world.names() == ["/a", "/b"]
    assert world.execution(second).files()["unchanged"] == 1


async def test_publish_unchanged_sends_it_again(world):
    sealed(world, "a", **PIT)
    await published(world, publish_unchanged=True)
    world.clock.advance(100)
    second = world.start(**PIT)
    world.log(second, "[NOTICE] Verified file /a, 3 bytes")
    world.finish(second)
    await published(world, owner="worker-2", publish_unchanged=True)
    states = [json.loads(message.body)["state"]["transferred_state"] for message in world.queue.messages]
    assert (world.names(), states) == (["/a", "/a"], ["true", "false"])


async def test_with_the_look_up_off_s3_is_not_asked(world):
    sealed(world, "a")
    world.objects.buckets.clear()
    await published(world, policy=Policy(check_s3=False))
    assert (world.names(), world.objects.calls) == (["/a"], 0)
    assert "etag" not in json.loads(world.queue.messages[0].body)


async def test_with_the_look_up_off_an_execution_that_tells_nothing_new_is_held_and_can_be_released(world):
    arn = sealed(world, "a", **PIT)
    worker = await published(world, policy=Policy(check_s3=False))
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, Reason.FRESHNESS_UNKNOWN)
    await Operator(world.ports()).release(world.execution(arn).name.execution_id)
    await worker.work(seconds=60)
    assert (world.execution(arn).phase, world.names()) == (Phase.PUBLISHED, ["/a"])


async def test_on_error_publish_sends_the_good_files_at_once(world):
    arn = world.start()
    world.copy(arn, "bad", "good")
    world.log(arn, "[NOTICE] Verification failed <> /bad")
    world.finish(arn, "ERROR", files_verified=2)
    worker = await published(world, policy=Policy(on_error=OnError.PUBLISH))
    assert world.names() == ["/good"]
    assert sum(report.failed for report in worker.stretches()) == 1


# The queue.


async def test_what_the_queue_does_not_take_is_sent_again_and_only_that(world):
    sealed(world, *"abcdef")
    world.queue.not_yet = {"/c"}
    worker = Worker(world)
    with pytest.raises(Transient):
        await worker.work(seconds=90)
    assert sorted(world.names()) == ["/a", "/b", "/d", "/e", "/f"]
    world.queue.not_yet = set()
    await worker.work(seconds=60)
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d", "/e", "/f"]


async def test_the_cursor_stays_before_the_first_message_that_was_not_taken(world):
    arn = sealed(world, *"abcdef")
    world.queue.not_yet = {"/c"}
    worker = Worker(world)
    with pytest.raises(Transient):
        await worker.work(seconds=90)
    publishing = world.execution(arn).publishing
    assert publishing.cursor == "b"
    assert publishing.ahead == tuple(message_id(arn, path) for path in "def")
    assert publishing.outcomes == {arn.split("/")[3]: {Outcome.PUBLISHED: 2}}
    assert [report.cursor for report in worker.stretches()] == []  # It was on its way when the tick failed.


async def test_another_worker_goes_on_behind_the_cursor_and_sends_nothing_twice(world):
    arn = sealed(world, *"abcdef")
    world.queue.not_yet = {"/c"}
    worker = Worker(world)
    with pytest.raises(Transient):
        await worker.work(seconds=90)
    await worker.keeper.release_all()
    world.queue.not_yet = set()
    await published(world, owner="worker-2")
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d", "/e", "/f"]
    assert world.execution(arn).files()["published"] == 6


async def test_a_queue_that_is_away_is_waited_for(world):
    sealed(world, *"abc")
    world.queue.troubles = [Transient("c", "away"), Absent("c", "no queue"), Denied("c", "no")] * 3
    await published(world, tolerate=(Transient, Absent, Denied))
    assert sorted(world.names()) == ["/a", "/b", "/c"]


async def test_a_message_that_is_refused_for_good_holds_this_execution_and_no_other(world):
    bad, good = sealed(world, *"abc"), sealed(world, "d")
    world.queue.refuses = {message_id(bad, "b"): "too large"}
    worker = await published(world)
    assert (world.execution(bad).phase, world.execution(bad).reason) == (Phase.HELD, Reason.MESSAGE_REJECTED)
    assert sorted(world.names()) == ["/a", "/c", "/d"]
    assert world.execution(good).phase is Phase.PUBLISHED
    world.queue.refuses = {}
    await Operator(world.ports()).release(world.execution(bad).name.execution_id)
    await worker.work(seconds=60)
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d"]
    assert world.execution(bad).files()["published"] == 3


async def test_nothing_is_sent_once_the_lease_is_lost(world):
    arn = sealed(world, "a")
    worker = Worker(world)
    await worker.work(until=lambda: bool(world.executions.records) and world.execution(arn).publishing is not None)
    name = ExecutionId(arn.split("/")[3])
    world.clock.advance(23)  # Silent for so long that another one may have it.
    with pytest.raises(Conflict):
        await worker.pursuits[name].tick()
    assert (world.execution(arn).publishing.cursor, world.sent()) == ("", [])


# S3.


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (Denied("s3.ListObjectsV2", "no"), Reason.ACCESS_DENIED),
        (Absent("s3.ListObjectsV2", "gone"), Reason.BUCKET_NOT_FOUND),
    ],
)
async def test_without_access_to_the_objects_an_execution_is_held_and_can_be_released(world, trouble, reason):
    arn = sealed(world, "a")
    world.objects.troubles = [trouble]
    worker = await published(world)
    assert (world.execution(arn).phase, world.execution(arn).reason, world.sent()) == (Phase.HELD, reason, [])
    await Operator(world.ports()).release(world.execution(arn).name.execution_id)
    await worker.work(seconds=60)
    assert world.names() == ["/a"]


async def test_s3_that_does_not_answer_is_asked_again(world):
    sealed(world, "a")
    world.objects.troubles = [Transient("c", "slow")] * 3
    await published(world, tolerate=(Transient,))
    assert world.names() == ["/a"]


# The table.


async def test_a_save_whose_answer_was_lost_sends_nothing_twice(world):
    arn = sealed(world, *"abcd")
    world.executions.lost_answers = 2
    await published(world, tolerate=(Transient,))
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d"]
    assert world.execution(arn).files()["published"] == 4


async def test_more_files_than_one_chunk_holds_are_published_all(world):
    arn = world.start()
    paths = [f"{n:05}" for n in range(2500)]
    world.copy(arn, *paths)
    world.finish(arn)
    worker = await published(world)
    assert sorted(world.names()) == [f"/{path}" for path in paths]
    assert [report.cursor for report in worker.stretches()] == ["00999", "01999", "02499"]
    assert world.execution(arn).files()["published"] == 2500


async def test_the_files_of_many_shards_are_published_in_order(world):
    arn = world.start(estimated_files=200_000)
    paths = [f"{n:05}" for n in range(2500)]
    world.copy(arn, *paths)
    world.finish(arn)
    await published(world)
    assert (world.execution(arn).shards, sorted(world.names())) == (5, [f"/{path}" for path in paths])


async def test_an_end_that_could_not_be_stored_is_made_up_for(world):
    first = sealed(world, "a", status="ERROR")
    world.clock.advance(1)
    second = sealed(world, "b")
    world.executions.unstored_ends = 2
    await published(world, tolerate=(Transient,))
    assert sorted(world.names()) == ["/a", "/b"]
    assert (world.execution(first).reason, world.execution(second).phase) == (Reason.CARRIED, Phase.PUBLISHED)


async def test_what_became_of_each_file_is_stored(world):
    arn = sealed(world, *"abc")
    del world.objects.buckets[BUCKET][f"{PREFIX}b"]
    await published(world)
    (stretch,) = await world.outcomes.read(arn.split("/")[3], start="", limit=9)
    assert [stretch.of(path).value for path in "abc"] == ["published", "missing", "published"]


async def test_the_delay_from_datasync_s_end_to_the_last_message_is_told_once(world):
    arn = sealed(world, "a")
    worker = await published(world)
    await Operator(world.ports()).replay(world.execution(arn).name.execution_id)
    await worker.work(seconds=30)
    delays = [report.delay_s for report in worker.reports if hasattr(report, "delay_s") and report.delay_s]
    assert len(delays) == 1
    assert 10 <= delays[0] <= 30
