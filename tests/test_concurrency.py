import asyncio

import pytest

from service.concurrency import cancel_all, for_each, run_all
from service.domain.errors import TransientError


async def test_results_are_in_the_order_of_the_calls():
    async def call(number):
        for _ in range(3 - number):
            await asyncio.sleep(0)
        return number

    assert await run_all(call(number) for number in range(3)) == [0, 1, 2]


async def test_first_failure_is_raised_unwrapped_after_all_calls_have_ended():
    ended = []

    async def call(number):
        for _ in range(number):
            await asyncio.sleep(0)
        ended.append(number)
        if number < 2:
            raise TransientError("call", str(number))

    with pytest.raises(TransientError, match="0"):
        await run_all(call(number) for number in range(4))
    assert ended == [0, 1, 2, 3]


async def test_error_that_is_returned_is_not_raised():
    async def call():
        return TransientError("call", "returned")

    assert [type(result) for result in await run_all([call()])] == [TransientError]


async def test_no_calls_return_no_results():
    assert await run_all([]) == []


async def test_cancelled_run_leaves_no_call_running():
    started, cancelled = asyncio.Event(), []

    async def call():
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    task = asyncio.create_task(run_all([call(), call()]))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [True, True]


# for_each


class Counter:
    """Counts the calls that run at once. `fails` are the items whose call raises."""

    def __init__(self, fails=()):
        self.fails = fails
        self.done = []
        self.running = self.most_running = 0

    async def do(self, item):
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0)
            if item in self.fails:
                raise TransientError("call", str(item))
            await asyncio.sleep(0)
            self.done.append(item)
        finally:
            self.running -= 1


@pytest.mark.parametrize(("items", "most_running"), [(0, 0), (1, 1), (3, 3), (10, 3)])
async def test_each_item_is_processed_once_by_a_bounded_number_of_calls(items, most_running):
    counter = Counter()
    await for_each(range(items), counter.do, at_once=3)
    assert sorted(counter.done) == list(range(items))
    assert counter.most_running == most_running


async def test_first_failure_of_for_each_is_raised_unwrapped_and_cancels_the_other_calls():
    counter = Counter(fails=(1,))
    with pytest.raises(TransientError, match="1"):
        await for_each(range(10), counter.do, at_once=3)
    assert (max(counter.done), counter.running) == (0, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_failure_of_for_each_keeps_its_cause():
    cause = ConnectionResetError()

    async def do(_):
        raise TransientError("call", "failed") from cause

    with pytest.raises(TransientError) as raised:
        await for_each([1], do, at_once=1)
    assert raised.value.__cause__ is cause


# cancel_all


async def test_cancelled_tasks_have_ended_when_cancel_all_returns():
    cleaned_up = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.append(True)

    async def fail():
        raise TransientError("call", "failed")

    tasks = [asyncio.create_task(call()) for call in (work, work, fail)]
    await asyncio.sleep(0)
    await cancel_all(tasks)
    assert all(task.done() for task in tasks)
    assert cleaned_up == [True, True]


async def test_cancel_all_of_no_tasks_returns():
    await cancel_all([])
