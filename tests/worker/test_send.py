import asyncio
from dataclasses import dataclass, field

import pytest

from service.adapters.memory.table import MemoryExecutions
from service.domain.errors import Absent, Conflict, Denied, Rejected, Transient
from service.domain.messages import Message
from service.domain.records import Delivery
from service.worker.chunk import Chunk
from service.worker.lease import Keeper
from service.worker.send import BATCHES_AT_ONCE, Sender


@dataclass
class Queue:
    """Answers each batch as told: a batch's answer is decided by the first id in it that has one."""

    failed: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    raised: dict[str, Exception] = field(default_factory=dict)
    batches: list[list[str]] = field(default_factory=list)
    batch_size: int = 10
    at_once: int = 0
    most_at_once: int = 0

    async def send(self, messages):
        ids = [message.id for message in messages]
        self.batches.append(ids)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        for id_ in self.raised.keys() & set(ids):
            raise self.raised[id_]
        failed, rejected = self.failed & set(ids), self.rejected & set(ids)
        return Delivery(frozenset(ids) - failed - rejected, frozenset(failed), dict.fromkeys(rejected, "too large"))


def a_chunk(count):
    paths = [f"{n:04}" for n in range(count)]
    pending = {path: Message(f"id-{path}", "{}", "task-1", "exec-1", f"id-{path}") for path in paths}
    return Chunk(paths, pending=pending)


class Clock:
    now_s = 0.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def keeper(clock):
    leases = MemoryExecutions()
    keeper = Keeper(leases, owner="me", lease_s=30.0, clock_s=lambda: clock.now_s)
    await keeper.claim(await leases.read("exec-1"))
    return keeper


async def test_all_is_sent_in_full_batches(keeper):
    queue, chunk = Queue(), a_chunk(25)
    assert await Sender(queue, keeper).send("exec-1", chunk) is None
    assert [len(batch) for batch in queue.batches] == [10, 10, 5]
    assert chunk.settled() == chunk.paths


async def test_nothing_pending_is_no_call(keeper):
    queue = Queue()
    assert await Sender(queue, keeper).send("exec-1", a_chunk(0)) is None
    assert queue.batches == []


async def test_a_queue_that_takes_fewer_at_a_time_gets_smaller_batches(keeper):
    queue = Queue(batch_size=4)
    await Sender(queue, keeper).send("exec-1", a_chunk(10))
    assert [len(batch) for batch in queue.batches] == [4, 4, 2]


async def test_several_batches_are_under_way_at_once_but_not_all(keeper):
    queue = Queue()
    await Sender(queue, keeper).send("exec-1", a_chunk(1000))
    assert queue.most_at_once == BATCHES_AT_ONCE


async def test_what_the_queue_did_not_take_is_sent_again_and_nothing_else(keeper):
    queue, chunk = Queue(failed={"id-0003", "id-0012"}), a_chunk(25)
    trouble = await Sender(queue, keeper).send("exec-1", chunk)
    assert isinstance(trouble, Transient)
    assert list(chunk.pending) == ["0003", "0012"]
    queue.failed.clear()
    queue.batches.clear()
    assert await Sender(queue, keeper).send("exec-1", chunk) is None
    assert queue.batches == [["id-0003", "id-0012"]]


@pytest.mark.parametrize("trouble", [Transient("c", "reset"), Denied("c", "no"), Absent("c", "no queue")])
async def test_a_batch_that_fails_does_not_cut_off_the_others(keeper, trouble):
    queue, chunk = Queue(raised={"id-0005": trouble}), a_chunk(25)
    assert await Sender(queue, keeper).send("exec-1", chunk) is trouble
    assert list(chunk.pending) == [f"{n:04}" for n in range(10)]


async def test_a_message_that_is_refused_for_good_is_told_before_any_other_trouble(keeper):
    queue = Queue(rejected={"id-0015"}, raised={"id-0005": Transient("c", "reset")})
    chunk = a_chunk(25)
    trouble = await Sender(queue, keeper).send("exec-1", chunk)
    assert isinstance(trouble, Rejected)
    assert trouble.detail == "too large"
    assert list(chunk.pending) == [*(f"{n:04}" for n in range(10)), "0015"]


async def test_nothing_is_sent_under_a_lease_that_is_in_doubt(keeper, clock):
    clock.now_s = 22.5
    queue, chunk = Queue(), a_chunk(5)
    assert isinstance(await Sender(queue, keeper).send("exec-1", chunk), Conflict)
    assert (queue.batches, len(chunk.pending)) == ([], 5)


async def test_a_lease_that_is_lost_between_batches_stops_the_rest(keeper, clock):
    class Slow(Queue):
        async def send(self, messages):
            clock.now_s = 22.5
            return await super().send(messages)

    queue, chunk = Slow(), a_chunk(1000)
    assert isinstance(await Sender(queue, keeper).send("exec-1", chunk), Conflict)
    assert len(queue.batches) == 1
    assert chunk.settled() == [f"{n:04}" for n in range(10)]
