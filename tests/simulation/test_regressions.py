"""What the simulation has found, each as the smallest world that shows it."""

import asyncio
import contextlib
from dataclasses import dataclass, replace
from random import Random

import pytest

from service.domain.errors import AccessDeniedError, TransientError
from service.domain.messages import Message, message_id
from service.telemetry.loop_health import LoopHealth
from service.domain.observations import 
from service.domain.options import OnIncomplete, WorkerOptions
from service.domain.phases import Phase, Reason
from service.domain.port_types import LogEvent, SendResult
from service.operations.commands import OperatorCommands
from service.worker.loop import LoopContext, repeat
from tests.fakes.world import Worker, World
from tests.simulation.cloud import SimulatedFacts
from tests.virtual_time import run


@dataclass
class OneRefusal:
    """A queue that takes one message at a time, and does not take one of them yet."""

    world: World
    not_yet: str | None
    batch_size: int = 1

    async def send(self, messages: list[Message]) -> SendResult:
        ids = frozenset(message.id for message in messages)
        if self.not_yet and any(self.not_yet in message.body for message in messages):
            return SendResult(frozenset(), ids, {})
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
    with pytest.raises(TransientError, match="not taken"):
        await first.work(seconds=60)
    await first.leases.release_all()
    queue.not_yet = None
    await Worker(world, owner="worker-2", ports=ports).work(seconds=60)
    assert world.execution(arn).phase is Phase.PUBLISHED
    assert sorted(name for _, name in world.sent()) == ["/a.csv", "/b.csv", "/c.csv"]


async def test_a_file_that_waits_in_a_held_execution_is_new_to_whoever_verifies_it_next():
    # A SUCCESS in between, which verified nothing of it, counted as proof that all before it had gone out.
    world = World()
    held = world.start()
    world.copy(held, "a.csv")
    world.finish(held, files_verified=5)
    worker = Worker(world, options=WorkerOptions(seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD))
    await worker.work(seconds=120)
    assert world.execution(held).phase is Phase.HELD
    between = world.start()
    world.copy(between, "b.csv")
    world.finish(between)
    await worker.work(seconds=60)
    again = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
    world.log(again, "[NOTICE] Verified file /a.csv, 3 bytes", "[NOTICE] Verified file /b.csv, 3 bytes")
    world.finish(again)
    await worker.work(seconds=60)
    assert world.sent() == [(between.split("/")[3], "/b.csv"), (again.split("/")[3], "/a.csv")]


async def test_a_file_whose_line_was_lost_is_new_to_whoever_verifies_it_next():
    world = World()
    incomplete = world.start()
    world.put("a.csv")
    world.finish(incomplete, files_verified=1)
    worker = Worker(world, options=WorkerOptions(seal_deadline_s=60))
    await worker.work(seconds=120)
    assert world.execution(incomplete).reason is Reason.LOG_INCOMPLETE
    between = world.start()
    world.copy(between, "b.csv")
    world.finish(between)
    await worker.work(seconds=60)
    again = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
    world.log(again, "[NOTICE] Verified file /a.csv, 3 bytes", "[NOTICE] Verified file /b.csv, 3 bytes")
    world.finish(again)
    await worker.work(seconds=60)
    assert [name for _, name in world.sent()] == ["/b.csv", "/a.csv"]


async def test_a_hole_that_fills_shortly_before_the_deadline_is_read():
    world = World()
    arn = world.start()
    world.put("a.csv")
    world.log(arn, "here is the hole")
    world.copy(arn, "b.csv")
    world.finish(arn, files_verified=3)
    worker = Worker(world, options=WorkerOptions(seal_deadline_s=170))

    def has_been_read_five_times():
        reading = world.execution(arn).log_pass if world.executions.records else None
        return reading is not None and reading.pass_number == 5 and reading.ended_at_ms is not None

    await worker.work(until=has_been_read_five_times, seconds=165)
    assert has_been_read_five_times()
    world.stream(arn)[0] = LogEvent(world.clock.ms, "[NOTICE] Verified file /a.csv, 3 bytes")
    await worker.work(seconds=120)
    assert world.execution(arn).reason is Reason.LOG_INCOMPLETE
    assert [name for _, name in world.sent()] == ["/a.csv", "/b.csv"]


class Locked:
    """A port without permission."""

    def __getattr__(self, name: str):
        async def denied(*_args, **_kwargs):
            raise AccessDeniedError(f"logs.{name}", "AccessDenied")

        return denied


async def test_what_is_released_before_its_log_was_read_is_read_first():
    # It was published with what had been read until the permission went: nothing, in the worst case.
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.finish(arn)
    locked = Worker(world, options=WorkerOptions(seal_deadline_s=30), ports=replace(world.ports(), logs=Locked()))
    for _ in range(9):
        with contextlib.suppress(AccessDeniedError):
            await locked.work(seconds=20)
        world.clock.advance(10)
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, Reason.ACCESS_DENIED)
    await OperatorCommands(world.executions, world.facts).release(world.execution(arn).id)
    await locked.leases.release_all()
    await Worker(world, owner="worker-2").work(seconds=60)
    assert world.execution(arn).phase is Phase.PUBLISHED
    assert [name for _, name in world.sent()] == ["/a.csv", "/b.csv"]


async def test_a_file_that_was_left_to_a_held_execution_goes_out_when_that_one_is_released():
    # The carried execution that had transferred it was PUBLISHED by then, which was taken to mean: all its files.
    world = World()
    carried = world.start()
    world.copy(carried, "a.csv")
    world.finish(carried, "ERROR")
    worker = Worker(world, options=WorkerOptions(seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD))
    await worker.work(seconds=60)
    held = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
    world.log(held, "[NOTICE] Verified file /a.csv, 3 bytes")
    world.finish(held, files_verified=5)
    await worker.work(seconds=120)
    newest = world.start()
    world.copy(newest, "b.csv")
    world.finish(newest)
    await worker.work(seconds=60)
    assert [name for _, name in world.sent()] == ["/b.csv"]
    await OperatorCommands(world.executions, world.facts).release(world.execution(held).id)
    await worker.work(seconds=60)
    assert world.sent()[1:] == [(held.split("/")[3], "/a.csv")]


async def test_what_a_released_execution_has_sent_is_not_sent_again_for_what_it_left_to_others():
    # All its files counted as unsent as soon as it had left one to a later execution.
    world = World()
    held = world.start()
    world.copy(held, "a.csv", "b.csv")
    world.finish(held, files_verified=5)
    worker = Worker(world, options=WorkerOptions(seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD))
    await worker.work(seconds=120)
    carried = world.start()
    world.copy(carried, "b.csv")
    world.finish(carried, "ERROR")
    await worker.work(seconds=60)
    await OperatorCommands(world.executions, world.facts).release(world.execution(held).id)
    await worker.work(seconds=60)
    again = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
    world.log(again, "[NOTICE] Verified file /a.csv, 3 bytes", "[NOTICE] Verified file /b.csv, 3 bytes")
    world.finish(again)
    await worker.work(seconds=60)
    assert world.sent() == [(held.split("/")[3], "/a.csv"), (again.split("/")[3], "/b.csv")]


@dataclass
class Failing:
    """A port that fails `times` times."""

    port: object
    stop: asyncio.Event
    times: int

    def __getattr__(self, name: str):
        async def call(*args, **kwargs):
            if self.times:
                self.times -= 1
                self.stop.set()
                raise TransientError(name, "throttled")
            return await getattr(self.port, name)(*args, **kwargs)

        return call


def test_a_worker_that_is_told_to_stop_first_saves_what_it_has_sent():
    # It stopped between two attempts to save, and its successor sent the same messages again.
    async def story():
        world, stop = World(), asyncio.Event()
        arn = world.start()
        world.copy(arn, "a.csv", "b.csv")
        world.finish(arn)
        worker = Worker(world, ports=replace(world.ports(), outcomes=Failing(world.outcomes, stop, times=3)))
        await worker.round()
        (execution_runner,) = worker.runners.values()

        async def tick():
            world.clock.advance(9)
            await worker.leases.tick()
            return await execution_runner.tick()

        await repeat("execution", tick, LoopContext(stop, lambda _: None, LoopHealth(), Random(0)))
        await worker.leases.release_all()
        await Worker(world, owner="worker-2").work(seconds=60)
        return [name for _, name in world.sent()]

    assert run(story()) == ["/a.csv", "/b.csv"]


async def test_what_a_held_execution_sent_ahead_of_its_cursor_is_not_sent_again_with_another_one():
    # Only its cursor was looked at, and what the queue had taken beyond it went out once more.
    world = World(facts=SimulatedFacts(page_size=1))
    world.queue.batch_size = 1
    carried = world.start()
    world.copy(carried, "a.csv", "b.csv", "c.csv")
    world.finish(carried, "ERROR")
    worker = Worker(world)
    await worker.work(seconds=60)
    held = world.start()
    world.copy(held, "d.csv")
    world.finish(held)
    refused = message_id(carried, "a.csv")
    world.queue.refuses[refused] = "InvalidMessageContents"
    world.facts.page_size = 1000
    await worker.work(seconds=60)
    assert (world.execution(held).phase, world.execution(held).progress.cursor) == (Phase.HELD, "")
    assert world.names() == ["/b.csv", "/c.csv"]
    world.queue.refuses.clear()
    world.facts.page_size = 1
    newest = world.start()
    world.copy(newest, "e.csv")
    world.finish(newest)
    await worker.work(seconds=60)
    await OperatorCommands(world.executions, world.facts).release(world.execution(held).id)
    await worker.work(seconds=60)
    assert world.names() == ["/b.csv", "/c.csv", "/a.csv", "/e.csv", "/d.csv"]
    assert all(world.execution(arn).phase is Phase.PUBLISHED for arn in (carried, held, newest))
    assert world.execution(carried).file_counts()["published"] == 3


async def test_logs_that_never_add_up_many_times_in_a_row_repeat_and_lose_nothing():
    world = World()
    worker = Worker(world, options=WorkerOptions(seal_deadline_s=60))
    for number in range(12):
        arn = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
        world.put(f"{number:02}.csv")
        world.log(arn, *(f"[NOTICE] Verified file /{n:02}.csv, 3 bytes" for n in range(number + 1)))
        world.finish(arn, files_verified=99)
        await worker.work(seconds=150)
        assert world.execution(arn).reason is Reason.LOG_INCOMPLETE
    assert world.names() == [f"/{number:02}.csv" for number in range(12)]
