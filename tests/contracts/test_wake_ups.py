"""ports.WakeUps."""

import asyncio

import pytest
import pytest_asyncio

from service.adapters.aws.sqs import SqsWakeUps
from service.adapters.memory.world import MemoryWakeUps
from service.domain.errors import Absent


class MemoryEnd:
    def __init__(self):
        self.wake_ups = MemoryWakeUps()

    async def come(self, *bodies):
        self.wake_ups.came.set()

    async def left(self):
        return int(self.wake_ups.came.is_set())


class SqsEnd:
    """A queue of moto's, and whoever sends to it."""

    def __init__(self, client, url):
        self._client, self._url = client, url
        self.wake_ups = SqsWakeUps(client, url)

    async def come(self, *bodies):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        await self._client.send_message_batch(QueueUrl=self._url, Entries=entries)

    async def left(self):
        """How many messages there are, those included that were received and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


@pytest_asyncio.fixture(params=["memory", "aws"], loop_scope="session")
async def end(request, aws, unique):
    if request.param == "memory":
        return MemoryEnd()
    return SqsEnd(aws.sqs, (await aws.sqs.create_queue(QueueName=unique))["QueueUrl"])


async def test_a_wake_up_that_has_come_is_told_once(end):
    await end.come("{}")
    assert await end.wake_ups.wait()
    assert await end.left() == 0


async def test_several_that_have_come_are_one(end):
    await end.come(*(str(number) for number in range(10)))
    assert await end.wake_ups.wait()
    assert await end.left() == 0


async def test_one_that_comes_while_it_is_waited_for_ends_the_wait(end):
    waiting = asyncio.create_task(end.wake_ups.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    await end.come("{}")
    assert await asyncio.wait_for(waiting, 10)


async def test_what_it_says_is_of_no_interest(end):
    await end.come("no JSON", '{"detail": {"State": "SUCCESS"}}', "<\U0001f600>", "x" * 100_000)
    assert await end.wake_ups.wait()


async def test_a_queue_that_is_not_there_is_absent(aws, unique):
    url = f"https://sqs.eu-central-1.amazonaws.com/123456789012/{unique}"
    with pytest.raises(Absent, match=f"the wake queue {url} does not exist"):
        await SqsWakeUps(aws.sqs, url).wait()
