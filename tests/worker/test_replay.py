from dataclasses import dataclass, field

import pytest

from service.adapters.memory.world import MemoryObjects, MemoryQueue
from service.domain.errors import Absent, Denied, Transient
from service.domain.messages import message_id
from service.domain.phases import Phase, Reason
from service.domain.records import Delivery
from service.domain.sealing import Policy
from service.worker.operator import Operator
from tests.worker.world import BUCKET, PREFIX, Worker, World


@dataclass
class SlowQueue(MemoryQueue):
    """A queue that does not take some messages yet."""

    not_yet: set[str] = field(default_factory=set)

    async def send(self, messages):
        delivery = await super().send([m for m in messages if m.id not in self.not_yet])
        return Delivery(delivery.sent, frozenset({m.id for m in messages} & self.not_yet), delivery.rejected)


@dataclass
class FickleObjects(MemoryObjects):
    trouble: Exception | None = None

    async def page(self, bucket, *, prefix, after):
        if self.trouble:
            raise self.trouble
        return await super().page(bucket, prefix=prefix, after=after)


class Scene:
    """An execution that has been published."""

    def __init__(self, *paths, policy=None):
        self.world = World(queue=SlowQueue(), objects=FickleObjects({BUCKET: {}}))
        self.worker = Worker(self.world, policy=policy or Policy())
        self.operator = Operator(self.world.ports())
        self.arn = self.world.start()
        self.world.copy(self.arn, *paths)

    async def begin(self):
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
        await self.operator.replay(self.execution.name.execution_id)
        await self.worker.work(seconds=seconds)


async def test_a_replay_sends_every_published_file_once_more_with_its_id():
    s = await Scene("a", "b", "c").begin()
    await s.replay()
    assert [m.id for m in s.world.queue.messages] == [m.id for m in s.first]
    assert [m.body for m in s.world.queue.messages] == [m.body for m in s.first]
    assert (s.execution.phase, s.execution.replay.under_way) == (Phase.PUBLISHED, False)


async def test_each_replay_has_deduplication_ids_of_its_own():
    s = await Scene("a").begin()
    await s.replay()
    await s.replay()
    ids = [m.deduplication_id for m in (*s.first, *s.world.queue.messages)]
    assert ids == [s.first[0].id, f"{s.first[0].id}-1", f"{s.first[0].id}-2"]


async def test_what_was_not_published_is_not_sent_by_a_replay_either():
    s = Scene("a", "b")
    del s.world.objects.buckets[BUCKET][f"{PREFIX}a"]
    await s.begin()
    s.world.put("a")
    await s.replay()
    assert s.world.names() == ["/b"]
    assert s.execution.reason is Reason.FILES_MISSING


async def test_what_has_left_s3_since_is_passed_over():
    s = await Scene("a", "b").begin()
    del s.world.objects.buckets[BUCKET][f"{PREFIX}a"]
    await s.replay()
    assert s.world.names() == ["/b"]
    assert s.execution.files()["published"] == 2


async def test_a_replay_changes_no_counts_and_no_times():
    s = await Scene("a", "b").begin()
    before = s.execution
    s.world.clock.advance(500)
    await s.replay()
    after = s.execution
    assert (after.files(), after.published_at_ms) == (before.files(), before.published_at_ms)


async def test_a_carried_execution_s_own_files_are_replayed_and_no_others():
    s = await Scene("a").begin()
    for path, status in (("x", "ERROR"), ("b", "SUCCESS")):
        s.world.clock.advance(1)
        arn = s.world.start()
        s.world.copy(arn, path)
        s.world.finish(arn, status)
        s.arn = arn if status == "ERROR" else s.arn
    await s.worker.work(seconds=60)
    assert (s.execution.reason, s.world.names()) == (Reason.CARRIED, ["/b", "/x"])
    s.world.queue.messages.clear()
    await s.replay()
    assert s.world.names() == ["/x"]
    assert (s.execution.phase, s.execution.reason) == (Phase.PUBLISHED, Reason.CARRIED)


async def test_a_replay_of_many_files_goes_chunk_by_chunk():
    paths = [f"{n:05}" for n in range(2100)]
    s = await Scene(*paths).begin()
    await s.replay()
    assert sorted(s.world.names()) == [f"/{path}" for path in paths]


async def test_with_the_look_up_off_a_replay_does_not_ask_s3():
    s = await Scene("a", policy=Policy(check_s3=False)).begin()
    s.world.objects.buckets.clear()
    await s.replay()
    assert s.world.names() == ["/a"]


async def test_another_worker_goes_on_with_a_replay_and_sends_nothing_twice():
    s = await Scene("a", "b", "c").begin()
    s.world.queue.not_yet = {message_id(s.arn, "b")}
    with pytest.raises(Transient):
        await s.replay()
    assert s.execution.replay.cursor == "a"
    await s.worker.keeper.release_all()
    s.world.queue.not_yet = set()
    await Worker(s.world, owner="worker-2").work(seconds=60)
    assert sorted(s.world.names()) == ["/a", "/b", "/c"]
    assert s.execution.phase is Phase.PUBLISHED


async def test_the_same_worker_sends_only_what_is_still_pending():
    s = await Scene("a", "b", "c").begin()
    s.world.queue.not_yet = {message_id(s.arn, "b")}
    with pytest.raises(Transient):
        await s.replay()
    s.world.queue.not_yet = set()
    await s.worker.work(seconds=60)
    assert sorted(s.world.names()) == ["/a", "/b", "/c"]


async def test_a_message_that_is_refused_for_good_holds_the_execution_and_a_release_goes_on_with_the_replay():
    s = await Scene("a", "b", "c").begin()
    s.world.queue.refuses = {message_id(s.arn, "b"): "too large"}
    await s.replay()
    assert (s.execution.phase, s.execution.reason) == (Phase.HELD, Reason.MESSAGE_REJECTED)
    s.world.queue.refuses = {}
    await s.operator.release(s.execution.name.execution_id)
    await s.worker.work(seconds=60)
    assert sorted(s.world.names()) == ["/a", "/b", "/c"]
    assert [m.deduplication_id[-2:] for m in s.world.queue.messages] == ["-1"] * 3
    assert s.execution.phase is Phase.PUBLISHED


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(Denied("s3", "no"), Reason.ACCESS_DENIED), (Absent("s3", "gone"), Reason.BUCKET_NOT_FOUND)],
)
async def test_without_access_to_the_objects_it_is_held_and_keeps_no_later_execution_waiting(trouble, reason):
    s = await Scene("a").begin()
    s.world.objects.trouble = trouble
    await s.replay()
    assert (s.execution.phase, s.execution.reason, s.world.sent()) == (Phase.HELD, reason, [])
    s.world.objects.trouble = None
    later = s.world.start()
    s.world.copy(later, "b")
    s.world.finish(later)
    await s.worker.work(seconds=60)
    assert s.world.names() == ["/b"]
