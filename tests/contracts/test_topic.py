"""ports.Topic. Published notifications are read from a subscribed queue."""

import json

import pytest
import pytest_asyncio

from service.adapters.aws.sns import SnsTopic
from service.domain.errors import NotFoundError
from service.domain.notifications import notification
from service.domain.phases import Phase, Reason
from tests.contracts.examples import a_task_id, an_execution
from tests.fakes.services import MemoryTopic

ARN = "arn:aws:sns:eu-central-1:123456789012"


def a_notification(number, **changes):
    plain = {"phase": Phase.HELD, "reason": Reason.NO_LOG_STREAM}
    execution = an_execution(**{**plain, **changes})
    return notification(f"{number:015d}#{execution.id}#{execution.phase}", execution)


class MemoryEnd:
    def __init__(self):
        self.topic = MemoryTopic()

    async def received(self):
        return [(n.subject, n.body, dict(n.attributes)) for n in self.topic.notifications]


class SnsEnd:
    """A topic of moto, and a subscribed queue."""

    def __init__(self, aws, name):
        self._aws, self._name = aws, name

    async def open(self, **filtering):
        fifo = {"FifoQueue": "true"} if self._name.endswith(".fifo") else {}
        self._url = (await self._aws.sqs.create_queue(QueueName=self._name, Attributes=fifo))["QueueUrl"]
        topic = {"FifoTopic": "true"} if fifo else {}
        arn = (await self._aws.sns.create_topic(Name=self._name, Attributes=topic))["TopicArn"]
        queue = f"arn:aws:sqs:eu-central-1:123456789012:{self._name}"
        await self._aws.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=filtering)
        self.topic = SnsTopic(self._aws.sns, arn)

    async def messages(self):
        found = []
        while some := (
            await self._aws.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, AttributeNames=["All"])
        ).get("Messages"):
            found += some
            for message in some:
                await self._aws.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return found

    async def received(self):
        bodies = [json.loads(message["Body"]) for message in await self.messages()]
        return [
            (body["Subject"], body["Message"], {name: a["Value"] for name, a in body["MessageAttributes"].items()})
            for body in bodies
        ]


@pytest_asyncio.fixture(params=["memory", "aws", "aws fifo"], loop_scope="session")
async def end(request, aws, unique):
    if request.param == "memory":
        return MemoryEnd()
    end = SnsEnd(aws, f"{unique}{'.fifo' if 'fifo' in request.param else ''}")
    await end.open()
    return end


async def test_notifications_arrive_unchanged(end):
    sent = [a_notification(1), a_notification(2, phase=Phase.PUBLISHED, reason=None, status='"\x00\U0001f600\n')]
    for one in sent:
        await end.topic.publish(one)
    expected = [(one.subject, one.body, dict(one.attributes)) for one in sent]
    assert sorted(await end.received(), key=str) == sorted(expected, key=str)


@pytest_asyncio.fixture(loop_scope="session")
async def fifo(aws, unique):
    end = SnsEnd(aws, f"{unique}.fifo")
    await end.open(RawMessageDelivery="true")
    return end


async def test_fifo_topic_groups_by_task_and_deduplicates(fifo):
    task = a_task_id()
    one = a_notification(1, ids=an_execution(task).ids)
    await fifo.topic.publish(one)
    await fifo.topic.publish(one)
    (message,) = await fifo.messages()
    assert message["Attributes"]["MessageGroupId"] == task
    assert message["Attributes"]["MessageDeduplicationId"] == one.id


async def test_subscription_gets_the_notifications_of_its_filter(aws, unique):
    end = SnsEnd(aws, unique)
    await end.open(FilterPolicy=json.dumps({"phase": ["HELD"]}))
    held = a_notification(2)
    for one in [a_notification(1, phase=Phase.PUBLISHED, reason=None), held]:
        await end.topic.publish(one)
    assert [subject for subject, _, _ in await end.received()] == [held.subject]


async def test_missing_topic_is_not_found(aws, unique):
    with pytest.raises(NotFoundError, match=f"the topic {ARN}:{unique} does not exist"):
        await SnsTopic(aws.sns, f"{ARN}:{unique}").publish(a_notification(1))
