"""When the bell rings, on virtual time."""

import asyncio
from itertools import pairwise
from random import Random

import pytest

from service.adapters.memory.world import MemoryWakeUps
from service.domain.errors import Transient
from service.domain.reports import Health
from service.worker.loop import Bell, Surroundings, repeat
from service.worker.wake import REST_S, Waker
from tests.virtual_time import run


class Away(MemoryWakeUps):
    """Does not answer for a hundred seconds."""

    async def wait(self):
        if asyncio.get_running_loop().time() < 100.0:
            raise Transient("sqs.ReceiveMessage", "slow")
        return await super().wait()


def rings_s(wake_ups, *came_s, until_s=60.0):
    """When the bell rings if wake-ups come at these times."""
    heard_s = []

    async def listen(bell):
        loop = asyncio.get_running_loop()
        while True:
            await bell.next_ring().wait()
            heard_s.append(loop.time())

    async def main():
        loop, bell = asyncio.get_running_loop(), Bell()
        around = Surroundings(asyncio.Event(), lambda _: None, Health(), Random(7))
        for at_s in came_s:
            loop.call_later(at_s, wake_ups.came.set)
        loop.call_later(until_s, around.stop.set)
        listening = asyncio.create_task(listen(bell))
        await repeat("wake", Waker(wake_ups, bell).tick, around)
        listening.cancel()

    run(main())
    return heard_s


def test_without_a_wake_up_nothing_rings():
    assert rings_s(MemoryWakeUps()) == []


@pytest.mark.parametrize("came_s", [0.0, 5.0, 19.9, 20.5, 30.0])
def test_a_wake_up_rings_at_once_and_once_more_after_a_rest_whenever_it_comes(came_s):
    first_s, second_s = rings_s(MemoryWakeUps(), came_s)
    assert came_s <= first_s <= came_s + REST_S
    assert second_s == pytest.approx(first_s + REST_S)


def test_ten_wake_ups_within_a_second_make_a_few_looks_the_last_of_which_is_behind_them_all():
    heard_s = rings_s(MemoryWakeUps(), *(5.0 + tenth / 10 for tenth in range(10)))
    assert heard_s[0] == pytest.approx(5.0)
    assert len(heard_s) == 4
    assert heard_s[-1] > 6.0


def test_however_many_come_it_rests_between_two_rings():
    heard_s = rings_s(MemoryWakeUps(), *(tenth / 10 for tenth in range(590)))
    assert min(after - before for before, after in pairwise(heard_s)) == pytest.approx(REST_S)
    assert len(heard_s) > 20


def test_what_came_while_the_queue_did_not_answer_rings_once_it_does():
    heard_s = rings_s(Away(), 3.0, until_s=200.0)
    assert len(heard_s) == 2
    assert 100.0 <= heard_s[0] <= 160.0
