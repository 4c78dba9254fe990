"""Sending of a chunk's messages in batches."""

import asyncio
from dataclasses import dataclass, field

import pytest

from service.domain.errors import AccessDeniedError, ConflictError, NotFoundError, RequestRejectedError, TransientError
from service.domain.file_chunk import FileChunk
from service.domain.messages import Message
from service.domain.port_types import SendResult
from service.leasing.leased_executions import LeasedExecutions
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock
from service.publishing.sender import CONCURRENT_BATCHES, Sender
from tests.domain.examples import an_execution
from tests.fakes.stores import MemoryExecutionStore

SEND = "sqs.SendMessageBatch"


@dataclass
class FlakyQueue:
    """A queue that fails, rejects or raises for the ids given."""

    failed: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    raised: dict[str, Exception] = field(default_factory=dict)
    batches: list[list[str]] = field(default_factory=list)
    batch_size: int = 10
    concurrent: int = 0
    most_concurrent: int = 0

    async def send(self, messages):
        ids = [message.id for message in messages]
        self.batches.append(ids)
        self.concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self.concurrent)
        await asyncio.sleep(0)
        self.concurrent -= 1
        for id_ in self.raised.keys() & set(ids):
            raise self.raised[id_]
        failed, rejected = self.failed & set(ids), self.rejected & set(ids)
        return SendResult(frozenset(ids) - failed - rejected, frozenset(failed), dict.fromkeys(rejected, "too large"))


def a_chunk(count):
    paths = [f"{n:04}" for n in range(count)]
    pending = {path: Message(f"id-{path}", "{}", "task-1", "exec-1", f"id-{path}") for path in paths}
    return FileChunk(paths, pending=pending)


class AdjustableClock:
    now_s = 0.0


@pytest.fixture
def clock():
    return AdjustableClock()


@pytest.fixture
async def leased(clock):
    store, execution = MemoryExecutionStore(), an_execution()
    await store.register(execution)
    leases = OwnedLeases(store, owner="me", lease_s=30.0, clock_s=lambda: clock.now_s, observe=lambda _: None)
    await leases.acquire(await store.read(execution.id))
    handles = LeasedExecutions(store, leases, Clock(lambda: clock.now_s, lambda: 0), lambda _: None)
    return await handles.load(execution.id)


async def test_messages_are_sent_in_full_batches(leased):
    queue, chunk = FlakyQueue(), a_chunk(25)
    await Sender(queue).send(leased, chunk)
    assert [len(batch) for batch in queue.batches] == [10, 10, 5]
    assert chunk.acknowledged_prefix() == chunk.paths


async def test_chunk_without_pending_messages_makes_no_call(leased):
    queue = FlakyQueue()
    await Sender(queue).send(leased, a_chunk(0))
    assert queue.batches == []


async def test_batches_are_as_large_as_the_queue_allows(leased):
    queue = FlakyQueue(batch_size=4)
    await Sender(queue).send(leased, a_chunk(10))
    assert [len(batch) for batch in queue.batches] == [4, 4, 2]


async def test_some_batches_are_sent_at_once(leased):
    queue = FlakyQueue()
    await Sender(queue).send(leased, a_chunk(1000))
    assert queue.most_concurrent == CONCURRENT_BATCHES


async def test_only_messages_that_the_queue_did_not_accept_are_sent_again(leased):
    queue, chunk = FlakyQueue(failed={"id-0003", "id-0012"}), a_chunk(25)
    with pytest.raises(TransientError):
        await Sender(queue).send(leased, chunk)
    assert list(chunk.pending) == ["0003", "0012"]
    queue.failed.clear()
    queue.batches.clear()
    await Sender(queue).send(leased, chunk)
    assert queue.batches == [["id-0003", "id-0012"]]


@pytest.mark.parametrize(
    "error", [TransientError(SEND, "reset"), AccessDeniedError(SEND, "no"), NotFoundError(SEND, "no queue")]
)
async def test_failed_batch_does_not_stop_the_others(leased, error):
    queue, chunk = FlakyQueue(raised={"id-0005": error}), a_chunk(25)
    with pytest.raises(type(error)) as raised:
        await Sender(queue).send(leased, chunk)
    assert raised.value is error
    assert list(chunk.pending) == [f"{n:04}" for n in range(10)]


async def test_rejected_message_is_raised_before_any_other_error(leased):
    queue = FlakyQueue(rejected={"id-0015"}, raised={"id-0005": TransientError(SEND, "reset")})
    chunk = a_chunk(25)
    with pytest.raises(RequestRejectedError, match="too large"):
        await Sender(queue).send(leased, chunk)
    assert list(chunk.pending) == [*(f"{n:04}" for n in range(10)), "0015"]


async def test_nothing_is_sent_without_a_safe_lease(leased, clock):
    clock.now_s = 22.5
    queue, chunk = FlakyQueue(), a_chunk(5)
    with pytest.raises(ConflictError):
        await Sender(queue).send(leased, chunk)
    assert (queue.batches, len(chunk.pending)) == ([], 5)


async def test_lease_that_is_lost_between_batches_stops_the_rest(leased, clock):
    class SlowQueue(FlakyQueue):
        async def send(self, messages):
            clock.now_s = 22.5
            return await super().send(messages)

    queue, chunk = SlowQueue(), a_chunk(1000)
    with pytest.raises(ConflictError):
        await Sender(queue).send(leased, chunk)
    assert len(queue.batches) == 1
    assert chunk.acknowledged_prefix() == [f"{n:04}" for n in range(10)]
