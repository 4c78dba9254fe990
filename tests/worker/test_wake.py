"""The times at which loops are woken, in virtual time."""

import asyncio
from itertools import pairwise
from random import Random

import pytest

from service.domain.errors import TransientError
from service.telemetry.loop_health import LoopHealth
from service.worker.loop import LoopContext, WakeSignal, run_loop
from service.worker.wake import MIN_INTERVAL_S, Waker
from tests.fakes.services import MemoryWakeUps
from tests.virtual_time import run


class UnreachableWakeUps(MemoryWakeUps):
    """Wake-ups from a queue that does not answer for a hundred seconds."""

    async def wait(self):
        if asyncio.get_running_loop().time() < 100.0:
            raise TransientError("sqs.ReceiveMessage", "slow")
        return await super().wait()


def signals_s(wake_ups, *arrivals_s, until_s=60.0):
    """Return the times of the signals if wake-ups arrive at these times."""
    signalled_s = []

    async def listen(wake_signal):
        loop = asyncio.get_running_loop()
        while True:
            await wake_signal.next().wait()
            signalled_s.append(loop.time())

    async def main():
        loop, wake_signal = asyncio.get_running_loop(), WakeSignal()
        context = LoopContext(asyncio.Event(), lambda _: None, LoopHealth(), Random(7))
        for arrival_s in arrivals_s:
            loop.call_later(arrival_s, wake_ups.came.set)
        loop.call_later(until_s, context.stop.set)
        listening = asyncio.create_task(listen(wake_signal))
        await run_loop("wake", Waker(wake_ups, wake_signal).tick, context)
        listening.cancel()

    run(main())
    return signalled_s


def test_no_signal_is_given_without_a_wake_up():
    assert signals_s(MemoryWakeUps()) == []


@pytest.mark.parametrize("arrival_s", [0.0, 5.0, 19.9, 20.5, 30.0])
def test_wake_up_signals_at_once_and_again_after_a_pause_whenever_it_arrives(arrival_s):
    first_s, second_s = signals_s(MemoryWakeUps(), arrival_s)
    assert arrival_s <= first_s <= arrival_s + MIN_INTERVAL_S
    assert second_s == pytest.approx(first_s + MIN_INTERVAL_S)


def test_ten_wake_ups_within_a_second_make_four_signals_the_last_of_which_follows_all_of_them():
    signalled_s = signals_s(MemoryWakeUps(), *(5.0 + tenth / 10 for tenth in range(10)))
    assert signalled_s[0] == pytest.approx(5.0)
    assert len(signalled_s) == 4
    assert signalled_s[-1] > 6.0


def test_two_signals_have_a_pause_between_them_however_many_wake_ups_arrive():
    signalled_s = signals_s(MemoryWakeUps(), *(tenth / 10 for tenth in range(590)))
    assert min(after - before for before, after in pairwise(signalled_s)) == pytest.approx(MIN_INTERVAL_S)
    assert len(signalled_s) > 20


def test_wake_up_that_arrived_while_the_queue_did_not_answer_signals_once_it_answers():
    signalled_s = signals_s(UnreachableWakeUps(), 3.0, until_s=200.0)
    assert len(signalled_s) == 2
    assert 100.0 <= signalled_s[0] <= 160.0
