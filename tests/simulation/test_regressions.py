"""What the simulation has found, each as the smallest world that shows it."""

from dataclasses import dataclass, replace

import pytest

from service.domain.errors import Transient
from service.domain.messages import Message
from service.domain.phases import Phase
from service.domain.records import Delivery
from tests.worker.world import Worker, World


@dataclass
class OneRefusal:
    """A queue that takes one message at a time, and does not take one of them yet."""

    world: World
    not_yet: str | None
    batch_size: int = 1

    async def send(self, messages: list[Message]) -> Delivery:
        ids = frozenset(message.id for message in messages)
        if self.not_yet and any(self.not_yet in message.body for message in messages):
            return Delivery(frozenset(), ids, {})
        return await self.world.queue.send(messages)


async def test_what_was_taken_beside_a_failed_message_is_not_sent_again_by_the_next_worker():
    # A failure that `together` was given as a result was raised like one, and what had been taken was never noted.
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv", "c.csv")
    world.finish(arn)
    queue = OneRefusal(world, "/b.csv")
    ports = replace(world.ports(), queue=queue)
    first = Worker(world, owner="worker-1", ports=ports)
    with pytest.raises(Transient, match="not taken"):
        await first.work(seconds=60)
    await first.keeper.release_all()
    queue.not_yet = None
    await Worker(world, owner="worker-2", ports=ports).work(seconds=60)
    assert world.execution(arn).phase is Phase.PUBLISHED
    assert sorted(name for _, name in world.sent()) == ["/a.csv", "/b.csv", "/c.csv"]
