"""From DataSync's end to the ruling on its log, with a worker that ticks by hand: contract 6.2."""

import pytest

from service.adapters.memory.table import MemoryFacts
from service.domain.errors import Denied
from service.domain.facts import FactKind
from service.domain.phases import Phase, Reason
from service.domain.records import LogEvent
from service.domain.reports import Looked, UnknownStatus
from service.domain.sealing import OnError, OnIncomplete, Policy, Reconcile
from tests.worker.test_reader import FickleLogs
from tests.worker.world import GROUP, Worker, World

POLICY = Policy(settle_s=10, deadline_s=900)
SEALED = (Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED)


def a_world():
    return World(logs=FickleLogs({GROUP: {}}, page_size=100))


async def run(world, arn, *, policy=POLICY, seconds=2000.0, **options):
    """Let a worker do its work until the execution is closed; returns it and how long that took."""
    worker = Worker(world, policy=policy, **options)
    begun_s = world.clock.now_s()

    def closed():
        return bool(world.executions.records) and world.execution(arn).phase in SEALED

    await worker.work(until=closed, seconds=seconds)
    return world.execution(arn), world.clock.now_s() - begun_s


async def test_a_log_that_is_complete_is_published_once_it_has_been_quiet_and_not_before():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    execution, took_s = await run(world, arn)
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.PUBLISHED, None, True)
    assert 10 <= took_s <= 20


async def test_nothing_is_sent_while_lines_still_come():
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


async def test_late_lines_are_waited_for_until_the_log_adds_up():
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


async def test_a_hole_that_fills_half_an_hour_later_in_the_middle_of_the_log_is_seen():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv", "c.csv")
    world.finish(arn)
    world.logs.hidden = {1}
    policy = Policy(deadline_s=3600)
    worker = Worker(world, policy=policy)
    await worker.work(seconds=1800)
    assert world.sent() == []
    world.logs.hidden = set()
    await worker.work(seconds=120)
    assert world.names() == ["/a.csv", "/b.csv", "/c.csv"]
    assert world.execution(arn).reconciled is True


async def test_a_long_log_is_read_to_its_end_before_it_is_ruled_on():
    world = a_world()
    world.logs.page_size = 1
    arn = world.start()
    worker = Worker(world)
    await worker.round()
    world.copy(arn, *(f"{n:03}" for n in range(70)))
    world.finish(arn, files_verified=30)  # So many are read before the end: the rest must not be left out.
    await worker.work(seconds=60)
    assert len(world.sent()) == 70


async def test_lines_that_come_twice_are_one_file():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.copy(arn, "a.csv", "b.csv")
    world.finish(arn)
    execution, _ = await run(world, arn)
    assert world.names() == ["/a.csv", "/b.csv"]
    assert (execution.phase, execution.reconciled, execution.reading.pass_number) == (Phase.PUBLISHED, True, 2)


async def test_duplicates_do_not_stand_for_missing_lines():
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


async def test_an_execution_that_transferred_nothing_is_published_without_a_message():
    world = a_world()
    arn = world.start()
    world.end(arn, files_verified=0)
    execution, _ = await run(world, arn)
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.PUBLISHED, None, True)
    assert world.sent() == []


# Counters that DataSync does not give, or corrects.


async def test_without_a_counter_the_finish_line_and_two_equal_passes_are_enough():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=None)
    execution, took_s = await run(world, arn)
    assert (execution.reconciled, execution.reading.pass_number) == (True, 2)
    assert took_s < 60


async def test_a_finish_line_that_is_not_last_is_one():
    world = a_world()
    arn = world.start()
    world.log(arn, "[INFO] Execution exec-1 finished with status Success.")
    world.copy(arn, "a.csv")
    world.end(arn, files_verified=None)
    execution, took_s = await run(world, arn)
    assert (execution.reconciled, took_s < 60) == (True, True)


async def test_without_a_counter_a_missing_finish_line_is_waited_for():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.end(arn, files_verified=None)
    execution, took_s = await run(world, arn)
    assert (execution.reconciled, execution.reason) == (False, Reason.LOG_INCOMPLETE)
    assert took_s >= 900


async def test_without_a_counter_two_passes_that_differ_are_not_enough():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.finish(arn, files_verified=None)
    world.logs.hidden = {0}
    worker = Worker(world)
    await worker.work(until=lambda: bool(world.executions.records) and world.execution(arn).reading.pass_number == 2)
    world.logs.hidden = set()
    execution, _ = await run(world, arn)
    assert world.names() == ["/a.csv", "/b.csv"]
    assert execution.reading.pass_number >= 3


async def test_counters_that_disagree_and_are_corrected_are_read_again():
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
    execution, took_s = await run(world, arn, policy=Policy(reconcile=Reconcile.LOG))
    assert (world.names(), execution.reconciled) == (["/a.csv"], True)
    assert took_s < 60


# The deadline.


async def test_at_the_deadline_what_is_validated_is_published_and_flagged():
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


async def test_or_it_is_held():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    execution, _ = await run(world, arn, policy=Policy(on_incomplete=OnIncomplete.HOLD))
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.HELD, Reason.LOG_INCOMPLETE, False)
    assert world.sent() == []


async def test_a_restart_does_not_begin_the_deadline_anew():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    first = Worker(world)
    await first.work(seconds=600)
    await first.keeper.release_all()
    execution, took_s = await run(world, arn, owner="worker-2")
    assert execution.phase is Phase.PUBLISHED
    assert took_s <= 360


async def test_a_log_is_read_again_ever_more_seldom():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    execution, _ = await run(world, arn)
    assert 10 <= execution.reading.pass_number <= 20


# What makes evidence impossible is held as soon as the execution is over, and not before.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"log_level": "BASIC"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"log_level": "OFF"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"verify_mode": "NONE"}, Reason.VERIFY_MODE_NONE),
    ],
)
async def test_an_execution_that_cannot_be_proved_is_held_with_the_reason(changes, reason):
    world = a_world()
    arn = world.start(**changes)
    worker = Worker(world)
    await worker.work(seconds=60)
    assert world.execution(arn).phase is Phase.FOLLOWING
    world.end(arn)
    await worker.work(seconds=30)
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, reason)
    assert not [report for report in worker.reports if isinstance(report, Looked)]


async def test_a_task_without_a_log_group_is_held():
    world = a_world()
    task = next(iter(world.datasync.described_tasks.values()))
    world.datasync.described_tasks[task.arn] = type(task)(task.arn, task.target, None)
    arn = world.start()
    world.end(arn)
    execution, _ = await run(world, arn)
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.NO_LOG_GROUP)


@pytest.mark.parametrize("on_incomplete", OnIncomplete)
async def test_a_success_without_a_log_stream_is_held_at_the_deadline(on_incomplete):
    world = a_world()
    arn = world.start()
    world.end(arn, files_verified=3)
    execution, took_s = await run(world, arn, policy=Policy(on_incomplete=on_incomplete))
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.NO_LOG_STREAM)
    assert took_s >= 900


async def test_an_error_without_a_log_stream_is_carried():
    world = a_world()
    arn = world.start()
    world.end(arn, "ERROR", files_verified=3)
    execution, _ = await run(world, arn)
    assert (execution.phase, execution.reason) == (Phase.CARRIED, Reason.EXECUTION_ERROR)


async def test_a_log_that_may_not_be_read_is_tried_until_the_deadline_and_then_held():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    worker = Worker(world)
    await worker.round()
    world.finish(arn)
    await worker.round()
    assert world.execution(arn).phase is Phase.SEALING
    world.logs.troubles = [Denied("logs.GetLogEvents", "no")] * 2
    with pytest.raises(Denied):
        await worker.work(seconds=30)
    assert world.execution(arn).phase is Phase.SEALING
    world.clock.advance(1000)
    await worker.keeper.release_all()
    execution, _ = await run(world, arn, owner="worker-2")
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.ACCESS_DENIED)


async def test_an_execution_that_datasync_forgets_while_it_runs_is_held():
    world = a_world()
    arn = world.start()
    worker = Worker(world)
    await worker.round()
    del world.datasync.described[arn]
    await worker.round()
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, Reason.EXECUTION_NOT_FOUND)


async def test_an_execution_that_datasync_forgets_once_it_has_ended_goes_its_way():
    world = a_world()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    worker = Worker(world)
    await worker.work(until=lambda: bool(world.executions.records) and world.execution(arn).files_verified is not None)
    del world.datasync.described[arn]
    execution, _ = await run(world, arn)
    assert (execution.phase, world.names()) == (Phase.PUBLISHED, ["/a.csv"])


async def test_a_status_that_is_not_known_is_told_once_and_means_not_yet():
    world = a_world()
    arn = world.start()
    worker = Worker(world)
    await worker.round()
    world.end(arn, "FINALISING")
    await worker.work(seconds=120)
    reports = [report for report in worker.reports if isinstance(report, UnknownStatus)]
    assert [report.status for report in reports] == ["FINALISING"]
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
async def test_on_error_rules_what_becomes_of_the_verified_files_of_a_failed_execution(on_error, phase, sent):
    world = a_world()
    arn = world.start()
    world.copy(arn, "good.csv", "bad.csv")
    world.log(arn, "[NOTICE] Verification failed <> /bad.csv")
    world.finish(arn, "ERROR", files_verified=2)
    execution, _ = await run(world, arn, policy=Policy(on_error=on_error))
    assert (execution.phase, execution.reason) == (phase, Reason.VERIFICATION_FAILED)
    assert world.names() == sent
    assert execution.files()["failed"] == 1


# The executions of a task, in the order in which they started.


async def test_a_later_execution_waits_for_an_older_one_that_is_not_sealed():
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


async def test_a_held_execution_does_not_keep_the_later_ones_waiting():
    world = a_world()
    first, second = world.start(verify_mode="NONE"), world.start()
    world.end(first)
    world.copy(second, "b.csv")
    world.finish(second)
    await run(world, second)
    assert world.execution(first).phase is Phase.HELD
    assert world.names() == ["/b.csv"]


class CountedFacts(MemoryFacts):
    """Facts that count how often they are counted."""

    counts = 0

    async def count(self, execution, kind):
        self.counts += 1
        return await super().count(execution, kind)


async def test_facts_are_counted_again_only_when_lines_were_read_since():
    world = World(facts=CountedFacts())
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=9)
    worker = Worker(world, policy=Policy(settle_s=10, deadline_s=10_000))
    await worker.work(seconds=600)
    assert world.facts.counts == len(FactKind) * world.execution(arn).reading.pass_number


async def test_nothing_is_counted_while_an_older_execution_of_the_task_is_open():
    world = World(facts=CountedFacts())
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
