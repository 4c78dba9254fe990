from dataclasses import dataclass, field

import pytest

from service.domain.errors import NotFoundError, TransientError
from service.domain.messages import message_id
from service.domain.phases import Phase, Reason
from service.domain.port_types import SendResult
from service.operations.commands import OperatorCommands
from tests.fakes.services import MemoryObjects, MemoryQueue
from tests.fakes.stores import MemoryOutcomeStore
from tests.fakes.world import BUCKET, PREFIX, Worker, World


@dataclass
class SlowQueue(MemoryQueue):
    """A queue that does not accept some messages yet."""

    not_yet_accepted: set[str] = field(default_factory=set)

    async def send(self, messages):
        result = await super().send([m for m in messages if m.id not in self.not_yet_accepted])
        return SendResult(result.sent, frozenset({m.id for m in messages} & self.not_yet_accepted), result.rejected)


@dataclass
class FlakyObjects(MemoryObjects):
    error: Exception | None = None

    async def list_page(self, bucket, *, prefix, after):
        if self.error:
            raise self.error
        return await super().list_page(bucket, prefix=prefix, after=after)


@dataclass
class CountingOutcomeStore(MemoryOutcomeStore):
    ranges_read: int = 0

    async def read(self, execution, *, start, limit):
        ranges = await super().read(execution, start=start, limit=limit)
        self.ranges_read += len(ranges)
        return ranges


class Publishing:
    """An execution that is published and then replayed."""

    def __init__(self, *paths, **options):
        self.world = World(queue=SlowQueue(), objects=FlakyObjects({BUCKET: {}}))
        self.worker = Worker(self.world, **options)
        self.operator = OperatorCommands(self.world.executions, self.world.facts)
        self.arn = self.world.start()
        self.world.copy(self.arn, *paths)

    async def publish(self):
        self.world.finish(self.arn)
        await self.worker.work(seconds=60)
        assert self.execution.phase is Phase.PUBLISHED
        self.first = list(self.world.queue.messages)
        self.world.queue.messages.clear()
        return self

    @property
    def execution(self):
        return self.world.execution(self.arn)

    async def replay(self, seconds=60):
        await self.operator.replay(self.execution.id)
        await self.worker.work(seconds=seconds)


async def test_replay_sends_every_published_file_again_with_its_id():
    s = await Publishing("a", "b", "c").publish()
    await s.replay()
    assert [m.id for m in s.world.queue.messages] == [m.id for m in s.first]
    assert [m.body for m in s.world.queue.messages] == [m.body for m in s.first]
    assert (s.execution.phase, s.execution.replay.active) == (Phase.PUBLISHED, False)


async def test_each_replay_uses_new_deduplication_ids():
    s = await Publishing("a").publish()
    await s.replay()
    await s.replay()
    ids = [m.deduplication_id for m in (*s.first, *s.world.queue.messages)]
    assert ids == [s.first[0].id, f"{s.first[0].id}-1", f"{s.first[0].id}-2"]


async def test_replay_sends_no_file_that_was_not_published():
    s = Publishing("a", "b")
    del s.world.objects.buckets[BUCKET][f"{PREFIX}a"]
    await s.publish()
    s.world.put("a")
    await s.replay()
    assert s.world.names() == ["/b"]
    assert s.execution.reason is Reason.FILES_MISSING


async def test_replay_skips_a_file_that_was_deleted_from_s3():
    s = await Publishing("a", "b").publish()
    del s.world.objects.buckets[BUCKET][f"{PREFIX}a"]
    await s.replay()
    assert s.world.names() == ["/b"]
    assert s.execution.file_counts()["published"] == 2


async def test_replay_changes_no_stored_outcome():
    s = await Publishing("a", "b").publish()
    del s.world.objects.buckets[BUCKET][f"{PREFIX}a"]
    await s.replay()
    s.world.put("a")
    await s.replay()
    assert s.world.names() == ["/b", "/a", "/b"]


async def test_replay_changes_no_counts_and_no_times():
    s = await Publishing("a", "b").publish()
    before = s.execution
    s.world.clock.advance(500)
    await s.replay()
    after = s.execution
    assert (after.file_counts(), after.published_at_ms) == (before.file_counts(), before.published_at_ms)


async def test_replay_of_a_carried_execution_sends_its_own_files_and_no_others():
    s = await Publishing("a").publish()
    for path, status in (("x", "ERROR"), ("b", "SUCCESS")):
        s.world.clock.advance(1)
        arn = s.world.start()
        s.world.copy(arn, path)
        s.world.finish(arn, status)
        s.arn = arn if status == "ERROR" else s.arn
    await s.worker.work(seconds=60)
    assert (s.execution.reason, s.world.names()) == (Reason.CARRIED, ["/b", "/x"])
    detail = s.execution.reason_detail
    assert detail.endswith("has published the files")
    s.world.queue.messages.clear()
    await s.replay()
    assert s.world.names() == ["/x"]
    assert (s.execution.phase, s.execution.reason) == (Phase.PUBLISHED, Reason.CARRIED)
    assert s.execution.reason_detail == detail


async def test_replay_of_many_files_is_sent_in_chunks():
    paths = [f"{n:05}" for n in range(2100)]
    s = await Publishing(*paths).publish()
    await s.replay()
    assert sorted(s.world.names()) == [f"/{path}" for path in paths]


async def test_replay_without_check_s3_does_not_ask_s3():
    s = await Publishing("a", check_s3=False).publish()
    s.world.objects.buckets.clear()
    await s.replay()
    assert s.world.names() == ["/a"]


async def test_another_worker_continues_a_replay_and_sends_nothing_twice():
    s = await Publishing("a", "b", "c").publish()
    s.world.queue.not_yet_accepted = {message_id(s.arn, "b")}
    with pytest.raises(TransientError):
        await s.replay()
    assert s.execution.replay.progress.cursor == "a"
    await s.worker.leases.release_all()
    s.world.queue.not_yet_accepted = set()
    await Worker(s.world, owner="worker-2").work(seconds=60)
    assert sorted(s.world.names()) == ["/a", "/b", "/c"]
    assert s.execution.phase is Phase.PUBLISHED


async def test_the_same_worker_sends_only_what_is_still_pending():
    s = await Publishing("a", "b", "c").publish()
    s.world.queue.not_yet_accepted = {message_id(s.arn, "b")}
    with pytest.raises(TransientError):
        await s.replay()
    s.world.queue.not_yet_accepted = set()
    await s.worker.work(seconds=60)
    assert sorted(s.world.names()) == ["/a", "/b", "/c"]


async def test_rejected_message_holds_a_replay_and_a_release_continues_it():
    s = await Publishing("a", "b", "c").publish()
    s.world.queue.refuses = {message_id(s.arn, "b"): "too large"}
    await s.replay()
    assert (s.execution.phase, s.execution.reason) == (Phase.HELD, Reason.MESSAGE_REJECTED)
    s.world.queue.refuses = {}
    await s.operator.release(s.execution.id)
    await s.worker.work(seconds=60)
    assert sorted(s.world.names()) == ["/a", "/b", "/c"]
    assert [m.deduplication_id[-2:] for m in s.world.queue.messages] == ["-1"] * 3
    assert s.execution.phase is Phase.PUBLISHED


async def test_replay_without_its_bucket_is_held_and_blocks_no_later_execution():
    s = await Publishing("a").publish()
    s.world.objects.error = NotFoundError("s3.ListObjectsV2", "gone")
    await s.replay()
    assert (s.execution.phase, s.execution.reason, s.world.sent()) == (Phase.HELD, Reason.BUCKET_NOT_FOUND, [])
    s.world.objects.error = None
    later = s.world.start()
    s.world.copy(later, "b")
    s.world.finish(later)
    await s.worker.work(seconds=60)
    assert s.world.names() == ["/b"]


async def test_replay_reads_each_stored_range_once():
    s = Publishing(*(f"{n:05}" for n in range(5100)))
    s.world.outcomes = CountingOutcomeStore()
    s.worker = Worker(s.world)
    await s.publish()
    s.world.outcomes.ranges_read = 0
    await s.replay()
    assert len(s.world.queue.messages) == 5100
    assert s.world.outcomes.ranges_read == 6


async def test_status_counts_published_files_while_a_chunk_is_pending():
    s = Publishing("a", "b", "c")
    s.world.queue.not_yet_accepted = {message_id(s.arn, "c")}
    s.world.finish(s.arn)
    with pytest.raises(TransientError):
        await s.worker.work(seconds=60)
    assert (s.execution.phase, s.execution.file_counts()["published"]) == (Phase.PUBLISHING, 2)
