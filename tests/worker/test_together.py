import asyncio

import pytest

from service.domain.errors import Transient
from service.worker.together import together


async def test_results_come_in_the_order_of_the_calls():
    async def call(number):
        for _ in range(3 - number):
            await asyncio.sleep(0)
        return number

    assert await together(call(number) for number in range(3)) == [0, 1, 2]


async def test_a_failure_is_raised_as_it_is_and_only_when_all_have_ended():
    ended = []

    async def call(number):
        for _ in range(number):
            await asyncio.sleep(0)
        ended.append(number)
        if number < 2:
            raise Transient("call", str(number))

    with pytest.raises(Transient, match="0"):
        await together(call(number) for number in range(4))
    assert ended == [0, 1, 2, 3]


async def test_a_failure_that_is_a_result_is_not_raised():
    async def call():
        return Transient("call", "told")

    assert [type(result) for result in await together([call()])] == [Transient]


async def test_no_calls_have_no_results():
    assert await together([]) == []


async def test_who_is_cancelled_leaves_nothing_running():
    begun, cancelled = asyncio.Event(), []

    async def call():
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    task = asyncio.create_task(together([call(), call()]))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [True, True]
