"""ports.WakeUps."""

import asyncio

import pytest
import pytest_asyncio

from service.adapters.aws.sqs import SqsWakeUps
from service.domain.errors import NotFoundError
from tests.fakes.services import MemoryWakeUps


class MemoryEnd:
    def __init__(self):
        self.wake_ups = MemoryWakeUps()

    async def send(self, *bodies):
        self.wake_ups.came.set()

    async def left(self):
        return int(self.wake_ups.came.is_set())


class SqsEnd:
    """A queue of moto's, and its sender."""

    def __init__(self, client, url):
        self._client, self._url = client, url
        self.wake_ups = SqsWakeUps(client, url)

    async def send(self, *bodies):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        await self._client.send_message_batch(QueueUrl=self._url, Entries=entries)

    async def left(self):
        """Return the number of messages, received ones that are not deleted included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


@pytest_asyncio.fixture(params=["memory", "aws"], loop_scope="session")
async def end(request, aws, unique):
    if request.param == "memory":
        return MemoryEnd()
    return SqsEnd(aws.sqs, (await aws.sqs.create_queue(QueueName=unique))["QueueUrl"])


async def test_wake_up_is_reported_once(end):
    await end.send("{}")
    assert await end.wake_ups.wait()
    assert await end.left() == 0


async def test_several_wake_ups_are_reported_together(end):
    await end.send(*(str(number) for number in range(10)))
    assert await end.wake_ups.wait()
    assert await end.left() == 0


async def test_arriving_wake_up_ends_the_wait(end):
    waiting = asyncio.create_task(end.wake_ups.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    await end.send("{}")
    assert await asyncio.wait_for(waiting, 10)


async def test_body_of_a_wake_up_does_not_matter(end):
    await end.send("no JSON", '{"detail": {"State": "SUCCESS"}}', "<\U0001f600>", "x" * 100_000)
    assert await end.wake_ups.wait()


async def test_missing_queue_is_not_found(aws, unique):
    url = f"https://sqs.eu-central-1.amazonaws.com/123456789012/{unique}"
    with pytest.raises(NotFoundError, match=f"the wake queue {url} does not exist"):
        await SqsWakeUps(aws.sqs, url).wait()
