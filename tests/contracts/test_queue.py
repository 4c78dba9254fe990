"""ports.Queue, and the readiness of a queue."""

import json

import pytest
import pytest_asyncio

from service.adapters.aws.setup import create_queue
from service.adapters.aws.sqs import SqsQueue
from service.domain.errors import NotFoundError
from service.domain.messages import Message
from tests.fakes.services import MemoryQueue


def a_message(number, body="{}", replay=""):
    identity = f"{number:064x}"
    return Message(identity, body, "task-1", f"exec-{number}", identity + replay)


class MemoryEnd:
    def __init__(self):
        self.queue = MemoryQueue()

    async def received(self):
        return sorted((m.body, m.id, m.task_id, m.execution_id) for m in self.queue.messages)


class SqsEnd:
    """A queue of moto, and its consumer."""

    def __init__(self, client, name):
        self._client, self._name = client, name

    async def open(self):
        self.url = await create_queue(self._client, self._name)
        self.queue = SqsQueue(self._client, self.url)

    async def messages(self):
        found = []
        while True:
            answer = await self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            if not (some := answer.get("Messages", [])):
                return found
            found += some
            for message in some:
                await self._client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    async def received(self):
        return sorted(
            (m["Body"], *(m["MessageAttributes"][name]["StringValue"] for name in ("id", "task_id", "execution_id")))
            for m in await self.messages()
        )


@pytest_asyncio.fixture(params=["memory", "aws", "aws fifo"], loop_scope="session")
async def end(request, aws, unique):
    if request.param == "memory":
        return MemoryEnd()
    end = SqsEnd(aws.sqs, f"{unique}{'.fifo' if 'fifo' in request.param else ''}")
    await end.open()
    return end


async def test_messages_reported_as_sent_arrive(end):
    messages = [a_message(number, f"body {number}") for number in range(end.queue.batch_size)]
    result = await end.queue.send(messages)
    assert result.sent == {message.id for message in messages}
    assert (result.failed, result.rejected) == (frozenset(), {})
    assert await end.received() == sorted((m.body, m.id, m.task_id, m.execution_id) for m in messages)


async def test_bodies_arrive_unchanged(end):
    bodies = ["\U0001f600 é", json.dumps({"a": "\x00\ufffe\n"}), " ", "<&>", "a\nb\tc", "+%20"]
    await end.queue.send([a_message(number, body) for number, body in enumerate(bodies)])
    assert [body for body, *_ in await end.received()] == sorted(bodies)


async def test_sending_no_messages_is_allowed(end):
    result = await end.queue.send([])
    assert (result.sent, result.failed, result.rejected) == (frozenset(), frozenset(), {})


@pytest_asyncio.fixture(loop_scope="session")
async def fifo(aws, unique):
    end = SqsEnd(aws.sqs, f"{unique}.fifo")
    await end.open()
    return end


async def test_fifo_queue_groups_by_task_and_deduplicates(fifo):
    await fifo.queue.send([a_message(1)])
    assert (await fifo.queue.send([a_message(1)])).sent == {a_message(1).id}
    (message,) = await fifo.messages()
    assert message["Attributes"]["MessageGroupId"] == "task-1"
    assert message["Attributes"]["MessageDeduplicationId"] == a_message(1).id


async def test_fifo_queue_accepts_a_replayed_message(fifo):
    await fifo.queue.send([a_message(1)])
    await fifo.queue.send([a_message(1, replay="-1")])
    assert len(await fifo.messages()) == 2


async def test_missing_queue_is_not_found(aws, unique):
    url = f"https://sqs.eu-central-1.amazonaws.com/123456789012/{unique}"
    queue = SqsQueue(aws.sqs, url)
    with pytest.raises(NotFoundError, match=f"there is no queue {url}.*TRIGGER_QUEUE_URL"):
        await queue.check()
    with pytest.raises(NotFoundError, match=unique):
        await queue.send([a_message(1)])


async def test_checked_queue_rejects_a_message_above_its_size_limit(aws, unique):
    url = (await aws.sqs.create_queue(QueueName=unique, Attributes={"MaximumMessageSize": "2048"}))["QueueUrl"]
    queue = SqsQueue(aws.sqs, url)
    assert "2048 bytes" in await queue.check()
    attributes = len("idtask_idexecution_idStringStringString") + len("task-1") + len("exec-1") + 64
    fits, larger = a_message(1, "é" * ((2048 - attributes) // 2)), a_message(2, "x" * (2049 - attributes))
    result = await queue.send([fits, larger])
    assert result.sent == {fits.id}
    assert list(result.rejected) == [larger.id]
    assert "2049 bytes" in result.rejected[larger.id]
