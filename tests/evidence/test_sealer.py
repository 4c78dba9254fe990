"""From DataSync's end to the decision about the log, with a worker that ticks by hand."""

import pytest

from service.domain.errors import NotFoundError
from service.domain.observations import LogRead, UnknownStatusSeen
from service.domain.options import CompletenessCheck, OnError, OnIncomplete
from service.domain.phases import Phase, Reason
from service.domain.port_types import LogEvent
from tests.evidence.test_log_reader import FlakyLogs
from tests.fakes.stores import MemoryFactStore
from tests.fakes.world import GROUP, Worker, World

INACTIVE = (Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED)


def a_world():
    return World(logs=FlakyLogs({GROUP: {}}, page_size=100))


async def run(world, arn, *, seconds=2000.0, **options):
    """Let a worker work until the execution is not active any more; return it and the time that took."""
    worker = Worker(world, **options)
    begun_s = world.clock.now_s()

    def closed():
        return bool(world.executions.records) and world.execution(arn).phase in INACTIVE

    await worker.work(until=closed, seconds=seconds)
    return world.execution(arn), world.clock.now_s() - begun_s


async def test_complete_log_is_published_after_it_was_quiet():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    execution, took_s = await run(world, arn)
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.PUBLISHED, None, True)
    assert 10 <= took_s <= 20


async def test_nothing_is_sent_while_the_log_grows():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.finish(arn, files_verified=9)
    worker = Worker(world)
    for n in range(7):
        await worker.work(seconds=9)
        assert world.sent() == []
        world.copy(arn, f"late-{n}.csv")
    await worker.work(seconds=60)
    assert len(world.sent()) == 9
    assert world.execution(arn).reconciled is True


async def test_late_lines_are_waited_for_until_the_log_is_complete():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    worker = Worker(world)
    await worker.work(seconds=300)
    assert world.sent() == []
    world.copy(arn, "b.csv")
    execution, _ = await run(world, arn)
    assert world.names() == ["/a.csv", "/b.csv"]
    assert (execution.reason, execution.reconciled) == (None, True)


async def test_gap_that_is_filled_half_an_hour_later_is_read():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv", "c.csv")
    world.finish(arn)
    world.logs.hidden = {1}
    worker = Worker(world, seal_deadline_s=3600)
    await worker.work(seconds=1800)
    assert world.sent() == []
    world.logs.hidden = set()
    await worker.work(seconds=120)
    assert world.names() == ["/a.csv", "/b.csv", "/c.csv"]
    assert world.execution(arn).reconciled is True


async def test_long_log_is_read_to_its_end_before_it_is_sealed():
    world = a_world()
    world.logs.page_size = 1
    arn = world.start()
    worker = Worker(world)
    await worker.round()
    world.copy(arn, *(f"{n:03}" for n in range(70)))
    world.finish(arn, files_verified=30)  # So many are read before the end: the rest must not be left out.
    await worker.work(seconds=60)
    assert len(world.sent()) == 70


async def test_repeated_lines_are_one_file():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.copy(arn, "a.csv", "b.csv")
    world.finish(arn)
    execution, _ = await run(world, arn)
    assert world.names() == ["/a.csv", "/b.csv"]
    assert (execution.phase, execution.reconciled, execution.log_pass.number) == (Phase.PUBLISHED, True, 2)


async def test_repeated_lines_do_not_replace_missing_ones():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    execution, took_s = await run(world, arn)
    assert execution.reconciled is False
    assert took_s >= 900


async def test_two_streams_are_one_log():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.put("b.csv")
    stream = next(iter(world.logs.groups[GROUP]))
    world.logs.groups[GROUP][f"{stream}-2"] = [LogEvent(world.clock.ms, "[NOTICE] Verified file /b.csv, 3 bytes")]
    world.finish(arn, files_verified=2)
    await run(world, arn)
    assert world.names() == ["/a.csv", "/b.csv"]


async def test_basic_mode_may_count_directories_or_not():
    for counter in (3, 2):
        world = a_world()
        arn = world.start()
        world.log(arn, "[NOTICE] Verified directory /")
        world.copy(arn, "a.csv", "b.csv")
        world.finish(arn, files_verified=counter)
        execution, took_s = await run(world, arn)
        assert (execution.reconciled, took_s < 30) == (True, True)
        assert world.names() == ["/a.csv", "/b.csv"]


async def test_execution_without_files_is_published_without_a_message():
    world = a_world()
    arn = world.start()
    world.end(arn, files_verified=0)
    execution, _ = await run(world, arn)
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.PUBLISHED, None, True)
    assert world.sent() == []


# Counters that DataSync does not give, or corrects.


async def test_finish_line_and_two_equal_passes_replace_a_missing_counter():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=None)
    execution, took_s = await run(world, arn)
    assert (execution.reconciled, execution.log_pass.number) == (True, 2)
    assert took_s < 60


async def test_finish_line_counts_wherever_it_is():
    world = a_world()
    arn = world.start()
    world.log(arn, "[INFO] Execution exec-1 finished with status Success.")
    world.copy(arn, "a.csv")
    world.end(arn, files_verified=None)
    execution, took_s = await run(world, arn)
    assert (execution.reconciled, took_s < 60) == (True, True)


async def test_missing_finish_line_is_waited_for_without_a_counter():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.end(arn, files_verified=None)
    execution, took_s = await run(world, arn)
    assert (execution.reconciled, execution.reason) == (False, Reason.LOG_INCOMPLETE)
    assert took_s >= 900


async def test_two_different_passes_do_not_replace_a_missing_counter():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.finish(arn, files_verified=None)
    world.logs.hidden = {0}
    worker = Worker(world)
    await worker.work(until=lambda: bool(world.executions.records) and world.execution(arn).log_pass.number == 2)
    world.logs.hidden = set()
    execution, _ = await run(world, arn)
    assert world.names() == ["/a.csv", "/b.csv"]
    assert execution.log_pass.number >= 3


async def test_corrected_counter_is_used():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=5)
    worker = Worker(world)
    await worker.work(seconds=300)
    assert world.sent() == []
    world.end(arn, files_verified=1)
    await worker.work(seconds=60)
    assert (world.names(), world.execution(arn).reconciled) == (["/a.csv"], True)


async def test_reconcile_log_publishes_against_the_counters():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=5)
    execution, took_s = await run(world, arn, reconcile=CompletenessCheck.LOG)
    assert (world.names(), execution.reconciled) == (["/a.csv"], True)
    assert took_s < 60


# The deadline.


async def test_incomplete_log_is_published_at_the_deadline_with_a_reason():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    execution, took_s = await run(world, arn)
    assert (execution.phase, execution.reason, execution.reconciled) == (
        Phase.PUBLISHED,
        Reason.LOG_INCOMPLETE,
        False,
    )
    assert world.names() == ["/a.csv"]
    assert 900 <= took_s <= 960


async def test_incomplete_log_is_held_when_configured():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    execution, _ = await run(world, arn, on_incomplete=OnIncomplete.HOLD)
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.HELD, Reason.LOG_INCOMPLETE, False)
    assert world.sent() == []


async def test_restart_does_not_extend_the_deadline():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    first = Worker(world)
    await first.work(seconds=600)
    await first.leases.release_all()
    execution, took_s = await run(world, arn, owner="worker-2")
    assert execution.phase is Phase.PUBLISHED
    assert took_s <= 360


async def test_pauses_between_passes_grow():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    execution, _ = await run(world, arn)
    assert 10 <= execution.log_pass.number <= 20


# What makes evidence impossible is held as soon as the execution is over, and not before.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"log_level": "BASIC"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"log_level": "OFF"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"verify_mode": "NONE"}, Reason.VERIFY_MODE_NONE),
    ],
)
async def test_unverifiable_execution_is_held_when_it_has_ended(changes, reason):
    world = a_world()
    arn = world.start(**changes)
    worker = Worker(world)
    await worker.work(seconds=60)
    assert world.execution(arn).phase is Phase.FOLLOWING
    world.end(arn)
    await worker.work(seconds=30)
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, reason)
    assert not [observation for observation in worker.observations if isinstance(observation, LogRead)]


async def test_execution_of_a_task_without_a_log_group_is_held():
    world = a_world()
    task = next(iter(world.datasync.described_tasks.values()))
    world.datasync.described_tasks[task.arn] = type(task)(task.arn, task.location, None)
    arn = world.start()
    world.end(arn)
    execution, _ = await run(world, arn)
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.NO_LOG_GROUP)


@pytest.mark.parametrize("on_incomplete", OnIncomplete)
async def test_success_without_a_log_stream_is_held_at_the_deadline(on_incomplete):
    world = a_world()
    arn = world.start()
    world.end(arn, files_verified=3)
    execution, took_s = await run(world, arn, on_incomplete=on_incomplete)
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.NO_LOG_STREAM)
    assert took_s >= 900


async def test_error_without_a_log_stream_is_carried():
    world = a_world()
    arn = world.start()
    world.end(arn, "ERROR", files_verified=3)
    execution, _ = await run(world, arn)
    assert (execution.phase, execution.reason) == (Phase.CARRIED, Reason.EXECUTION_ERROR)


async def test_execution_that_datasync_does_not_know_is_asked_for_before_it_is_held():
    world = a_world()
    arn = world.start()
    worker = Worker(world)
    await worker.round()
    del world.datasync.described[arn]
    await worker.work(until=lambda: world.execution(arn).phase is Phase.HELD, seconds=600, retrying=(NotFoundError,))
    execution = world.execution(arn)
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.EXECUTION_NOT_FOUND)
    assert world.clock.ms - execution.blocked_since_ms >= 300_000


async def test_ended_execution_that_datasync_forgets_is_published():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    worker = Worker(world)
    await worker.work(until=lambda: bool(world.executions.records) and world.execution(arn).files_verified is not None)
    del world.datasync.described[arn]
    execution, _ = await run(world, arn)
    assert (execution.phase, world.names()) == (Phase.PUBLISHED, ["/a.csv"])


async def test_unknown_status_is_reported_once_and_is_not_terminal():
    world = a_world()
    arn = world.start()
    worker = Worker(world)
    await worker.round()
    world.end(arn, "FINALISING")
    await worker.work(seconds=120)
    seen = [observation for observation in worker.observations if isinstance(observation, UnknownStatusSeen)]
    assert [observation.status for observation in seen] == ["FINALISING"]
    assert (world.execution(arn).phase, world.sent()) == (Phase.FOLLOWING, [])


# ERROR.


@pytest.mark.parametrize(
    ("on_error", "phase", "sent"),
    [
        (OnError.CARRY, Phase.CARRIED, []),
        (OnError.PUBLISH, Phase.PUBLISHED, ["/good.csv"]),
        (OnError.DROP, Phase.DISCARDED, []),
    ],
)
async def test_on_error_decides_about_the_verified_files_of_a_failed_execution(on_error, phase, sent):
    world = a_world()
    arn = world.start()
    world.copy(arn, "good.csv", "bad.csv")
    world.log(arn, "[NOTICE] Verification failed <> /bad.csv")
    world.finish(arn, "ERROR", files_verified=2)
    execution, _ = await run(world, arn, on_error=on_error)
    assert (execution.phase, execution.reason) == (phase, Reason.VERIFICATION_FAILED)
    assert world.names() == sent
    assert execution.file_counts()["failed"] == 1


# The executions of a task, in the order in which they started.


async def test_later_execution_waits_for_an_older_unsealed_one():
    world = a_world()
    first, second = world.start(), world.start()
    world.copy(first, "a.csv")
    world.copy(second, "b.csv")
    world.finish(second)
    worker = Worker(world)
    await worker.work(seconds=300)
    assert (world.execution(second).phase, world.sent()) == (Phase.SEALING, [])
    world.finish(first)
    await worker.work(seconds=60)
    assert world.names() == ["/a.csv", "/b.csv"]


async def test_held_execution_does_not_block_later_ones():
    world = a_world()
    first, second = world.start(verify_mode="NONE"), world.start()
    world.end(first)
    world.copy(second, "b.csv")
    world.finish(second)
    await run(world, second)
    assert world.execution(first).phase is Phase.HELD
    assert world.names() == ["/b.csv"]


class CountingFactStore(MemoryFactStore):
    """Facts whose counts are counted."""

    counts = 0

    async def write_seek_points(self, execution, seek_points):
        self.counts += 1
        await super().write_seek_points(execution, seek_points)


async def test_facts_are_counted_again_only_after_new_lines():
    world = World(facts=CountingFactStore())
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=9)
    worker = Worker(world, settle_s=10, seal_deadline_s=10_000)
    await worker.work(seconds=600)
    assert world.facts.counts == world.execution(arn).log_pass.number


async def test_facts_are_not_counted_while_an_older_execution_is_active():
    world = World(facts=CountingFactStore())
    older = world.start()
    world.clock.advance(1)
    younger = world.start()
    world.copy(younger, "a.csv")
    world.finish(younger)
    worker = Worker(world)
    await worker.work(seconds=300)
    assert (world.facts.counts, world.sent()) == (0, [])
    world.finish(older)
    await worker.work(seconds=120)
    assert len(world.sent()) == 1
