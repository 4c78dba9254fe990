"""ports.Queue, and the readiness of a queue."""

import json

import pytest
import pytest_asyncio

from service.adapters.aws.setup import create_queue
from service.adapters.aws.sqs import SqsQueue
from service.adapters.memory.world import MemoryQueue
from service.domain.errors import Absent
from service.domain.messages import Message


def a_message(number, body="{}", resend=""):
    identity = f"{number:064x}"
    return Message(identity, body, "task-1", f"exec-{number}", identity + resend)


class MemoryEnd:
    def __init__(self):
        self.queue = MemoryQueue()

    async def received(self):
        return sorted((m.body, m.id, m.task_id, m.execution_id) for m in self.queue.messages)


class SqsEnd:
    """A queue of moto's, and its consumer."""

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


async def test_what_is_said_to_be_sent_arrives(end):
    messages = [a_message(number, f"body {number}") for number in range(end.queue.batch_size)]
    delivery = await end.queue.send(messages)
    assert delivery.sent == {message.id for message in messages}
    assert (delivery.failed, delivery.rejected) == (frozenset(), {})
    assert await end.received() == sorted((m.body, m.id, m.task_id, m.execution_id) for m in messages)


async def test_bodies_arrive_as_they_were_sent(end):
    bodies = ["\U0001f600 é", json.dumps({"a": "\x00\ufffe\n"}), " ", "<&>", "a\nb\tc", "+%20"]
    await end.queue.send([a_message(number, body) for number, body in enumerate(bodies)])
    assert [body for body, *_ in await end.received()] == sorted(bodies)


async def test_sending_nothing_is_fine(end):
    delivery = await end.queue.send([])
    assert (delivery.sent, delivery.failed, delivery.rejected) == (frozenset(), frozenset(), {})


@pytest_asyncio.fixture(loop_scope="session")
async def fifo(aws, unique):
    end = SqsEnd(aws.sqs, f"{unique}.fifo")
    await end.open()
    return end


async def test_a_fifo_queue_groups_by_task_and_takes_a_repetition_once(fifo):
    await fifo.queue.send([a_message(1)])
    assert (await fifo.queue.send([a_message(1)])).sent == {a_message(1).id}
    (message,) = await fifo.messages()
    assert message["Attributes"]["MessageGroupId"] == "task-1"
    assert message["Attributes"]["MessageDeduplicationId"] == a_message(1).id


async def test_a_fifo_queue_takes_a_wanted_repetition(fifo):
    await fifo.queue.send([a_message(1)])
    await fifo.queue.send([a_message(1, resend="-1")])
    assert len(await fifo.messages()) == 2


async def test_a_queue_that_is_not_there_is_absent(aws, unique):
    url = f"https://sqs.eu-central-1.amazonaws.com/123456789012/{unique}"
    queue = SqsQueue(aws.sqs, url)
    with pytest.raises(Absent, match=f"there is no queue {url}.*TRIGGER_QUEUE_URL"):
        await queue.check()
    with pytest.raises(Absent, match=unique):
        await queue.send([a_message(1)])


async def test_a_checked_queue_rejects_what_is_larger_than_it_takes(aws, unique):
    url = (await aws.sqs.create_queue(QueueName=unique, Attributes={"MaximumMessageSize": "2048"}))["QueueUrl"]
    queue = SqsQueue(aws.sqs, url)
    assert "2048 bytes" in await queue.check()
    attributes = len("idtask_idexecution_idStringStringString") + len("task-1") + len("exec-1") + 64
    fits, larger = a_message(1, "é" * ((2048 - attributes) // 2)), a_message(2, "x" * (2049 - attributes))
    delivery = await queue.send([fits, larger])
    assert delivery.sent == {fits.id}
    assert list(delivery.rejected) == [larger.id]
    assert "2049 bytes" in delivery.rejected[larger.id]
