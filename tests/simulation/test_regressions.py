"""Defects that the simulation has found, each in the smallest world that shows it.

The comment at the beginning of a test describes the defect.
"""

import asyncio
from dataclasses import dataclass, replace
from random import Random

import pytest

from service.domain.errors import AccessDeniedError, TransientError
from service.domain.messages import Message, message_id
from service.domain.options import OnIncomplete
from service.domain.phases import Phase, Reason
from service.domain.port_types import LogEvent, SendResult
from service.operations.commands import OperatorCommands
from service.publishing import session
from service.telemetry.loop_health import LoopHealth
from service.worker.loop import LoopContext, run_loop
from tests.fakes.world import Worker, World
from tests.virtual_time import run


@dataclass
class QueueThatFailsOneFile:
    """A queue with batches of one message. It does not accept messages about `failing_path`."""

    world: World
    failing_path: str | None
    batch_size: int = 1

    async def send(self, messages: list[Message]) -> SendResult:
        ids = frozenset(message.id for message in messages)
        if self.failing_path and any(self.failing_path in message.body for message in messages):
            return SendResult(frozenset(), ids, {})
        return await self.world.queue.send(messages)


async def test_message_that_was_acknowledged_when_another_failed_is_not_sent_again_by_the_next_worker():
    # The error of one batch was raised at once, and the acknowledgements of the others were never stored.
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv", "c.csv")
    world.finish(arn)
    queue = QueueThatFailsOneFile(world, "/b.csv")
    ports = replace(world.ports(), queue=queue)
    first = Worker(world, owner="worker-1", ports=ports)
    with pytest.raises(TransientError, match="not accepted"):
        await first.work(seconds=60)
    await first.leases.release_all()
    queue.failing_path = None
    await Worker(world, owner="worker-2", ports=ports).work(seconds=60)
    assert world.execution(arn).phase is Phase.PUBLISHED
    assert sorted(name for _, name in world.sent()) == ["/a.csv", "/b.csv", "/c.csv"]


async def test_file_of_a_held_execution_is_published_with_the_next_one_that_verifies_it():
    # A SUCCESS in between, which did not verify the file, was taken as proof that all older files were published.
    world = World()
    held = world.start()
    world.copy(held, "a.csv")
    world.finish(held, files_verified=5)
    worker = Worker(world, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
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


async def test_file_whose_line_was_lost_is_published_with_the_next_execution_that_verifies_it():
    world = World()
    incomplete = world.start()
    world.put("a.csv")
    world.finish(incomplete, files_verified=1)
    worker = Worker(world, seal_deadline_s=60)
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


async def test_gap_that_is_filled_shortly_before_the_deadline_is_read():
    world = World()
    arn = world.start()
    world.put("a.csv")
    world.log(arn, "an event that the missing line replaces later")
    world.copy(arn, "b.csv")
    world.finish(arn, files_verified=3)
    worker = Worker(world, seal_deadline_s=170)

    def has_been_read_five_times():
        log_pass = world.execution(arn).log_pass if world.executions.records else None
        return log_pass is not None and log_pass.number == 5 and log_pass.reached_end_at_ms is not None

    await worker.work(until=has_been_read_five_times, seconds=165)
    assert has_been_read_five_times()
    world.stream(arn)[0] = LogEvent(world.clock.ms, "[NOTICE] Verified file /a.csv, 3 bytes")
    await worker.work(seconds=120)
    assert world.execution(arn).reason is Reason.LOG_INCOMPLETE
    assert [name for _, name in world.sent()] == ["/a.csv", "/b.csv"]


def is_held(world: World, arn: str) -> bool:
    return bool(world.executions.records) and world.execution(arn).phase is Phase.HELD


class DeniedLogs:
    """Logs that the worker has no permission to read."""

    def __getattr__(self, name: str):
        async def fail(*_args, **_kwargs):
            raise AccessDeniedError("logs.DescribeLogStreams", "AccessDenied")

        return fail


async def test_log_of_a_released_execution_is_read_first():
    # It was published with the part of its log that had been read before access was denied.
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.finish(arn)
    denied_worker = Worker(world, seal_deadline_s=30, ports=replace(world.ports(), logs=DeniedLogs()))
    await denied_worker.work(until=lambda: is_held(world, arn), seconds=300, retrying=(AccessDeniedError,))
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, Reason.ACCESS_DENIED)
    await OperatorCommands(world.executions, world.facts).release(world.execution(arn).id)
    await denied_worker.leases.release_all()
    await Worker(world, owner="worker-2").work(seconds=60)
    assert world.execution(arn).phase is Phase.PUBLISHED
    assert [name for _, name in world.sent()] == ["/a.csv", "/b.csv"]


async def test_file_that_was_left_to_a_held_execution_is_published_after_its_release():
    # All files of the carried execution that had transferred it were taken as published when that one was PUBLISHED.
    world = World()
    carried = world.start()
    world.copy(carried, "a.csv")
    world.finish(carried, "ERROR")
    worker = Worker(world, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
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


async def test_files_of_a_released_execution_are_not_sent_again_when_one_of_them_was_superseded():
    # All its files were taken as not sent because one of them was superseded by a later execution.
    world = World()
    held = world.start()
    world.copy(held, "a.csv", "b.csv")
    world.finish(held, files_verified=5)
    worker = Worker(world, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
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
class PortThatFailsAtFirst:
    """A port whose first `failures` calls fail. Each of them also asks the worker to stop."""

    port: object
    stop: asyncio.Event
    failures: int

    def __getattr__(self, name: str):
        async def call(*args, **kwargs):
            if self.failures:
                self.failures -= 1
                self.stop.set()
                raise TransientError("dynamodb.PutItem", "throttled")
            return await getattr(self.port, name)(*args, **kwargs)

        return call


def test_stopped_worker_saves_its_sends_first():
    # It stopped between two attempts to store the outcomes, and the next worker sent the same messages again.
    async def scenario():
        world, stop = World(), asyncio.Event()
        arn = world.start()
        world.copy(arn, "a.csv", "b.csv")
        world.finish(arn)
        worker = Worker(
            world, ports=replace(world.ports(), outcomes=PortThatFailsAtFirst(world.outcomes, stop, failures=3))
        )
        await worker.round()
        (runner,) = worker.runners.values()

        async def tick():
            world.clock.advance(9)
            await worker.leases.renew_all()
            return await runner.tick()

        context = LoopContext(stop, lambda _: None, LoopHealth(), Random(0))
        await run_loop("execution", tick, context, has_unsaved_work=runner.has_unsaved_sends)
        await worker.leases.release_all()
        await Worker(world, owner="worker-2").work(seconds=60)
        return [name for _, name in world.sent()]

    assert run(scenario()) == ["/a.csv", "/b.csv"]


async def test_messages_that_a_held_execution_sent_ahead_of_its_cursor_are_not_sent_again(monkeypatch):
    # Only its cursor counted, so messages after the cursor that the queue had acknowledged were sent again.
    monkeypatch.setattr(session, "FILES_PER_CHUNK", 3)
    world = World()
    world.queue.batch_size = 1
    carried = world.start()
    world.copy(carried, "a.csv", "b.csv", "c.csv")
    world.finish(carried, "ERROR")
    worker = Worker(world)
    await worker.work(seconds=60)
    held = world.start()
    world.copy(held, "d.csv")
    world.finish(held)
    rejected_id = message_id(carried, "a.csv")
    world.queue.refuses[rejected_id] = "InvalidMessageContents"
    await worker.work(seconds=60)
    assert (world.execution(held).phase, world.execution(held).progress.cursor) == (Phase.HELD, "")
    assert world.names() == ["/b.csv", "/c.csv"]
    world.queue.refuses.clear()
    monkeypatch.setattr(session, "FILES_PER_CHUNK", 1)
    newest = world.start()
    world.copy(newest, "e.csv")
    world.finish(newest)
    await worker.work(seconds=60)
    await OperatorCommands(world.executions, world.facts).release(world.execution(held).id)
    await worker.work(seconds=60)
    assert world.names() == ["/b.csv", "/c.csv", "/a.csv", "/e.csv", "/d.csv"]
    assert all(world.execution(arn).phase is Phase.PUBLISHED for arn in (carried, held, newest))
    assert world.execution(carried).file_counts()["published"] == 3


async def test_many_incomplete_logs_in_a_row_neither_repeat_nor_lose_a_file():
    world = World()
    worker = Worker(world, seal_deadline_s=60)
    for number in range(12):
        arn = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
        world.put(f"{number:02}.csv")
        world.log(arn, *(f"[NOTICE] Verified file /{n:02}.csv, 3 bytes" for n in range(number + 1)))
        world.finish(arn, files_verified=99)
        await worker.work(seconds=150)
        assert world.execution(arn).reason is Reason.LOG_INCOMPLETE
    assert world.names() == [f"/{number:02}.csv" for number in range(12)]
