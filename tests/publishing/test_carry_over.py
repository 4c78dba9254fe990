"""Files across executions: the newest execution with evidence about a file decides.

Each scenario runs with both verify modes, unless it is about one of them.
"""

import pytest

from service.domain.options import OnError, OnIncomplete
from service.domain.phases import Phase, Reason
from service.operations.commands import OperatorCommands
from tests.fakes.world import BUCKET, PREFIX, Worker, World

ONLY, PIT = "ONLY_FILES_TRANSFERRED", "POINT_IN_TIME_CONSISTENT"
MODES = pytest.mark.parametrize("mode", [ONLY, PIT])


class History:
    """A task's executions, one after the other, as DataSync would run them over a folder that changes."""

    def __init__(self, mode=ONLY, **options):
        self.mode = mode
        self.world = World()
        self.worker = Worker(self.world, **options)
        self.there = {}
        self.names = {}

    def start(self, name, **changes):
        self.names[name] = self.world.start(**{"verify_mode": self.mode} | changes)
        self.world.clock.advance(2)

    def transfer(self, name, *paths, logged=False, verify=True):
        arn = self.names[name]
        for path in paths:
            self.there[path] = self.world.put(path)
            if logged:
                self.world.log(arn, f"[NOTICE] Transferred file /{path}, 3 bytes")
            if verify:
                self.verify(name, path)

    def verify(self, name, *paths):
        self.world.log(self.names[name], *(f"[NOTICE] Verified file /{path}, 3 bytes" for path in paths))

    def fail(self, name, *paths):
        self.world.log(self.names[name], *(f"[NOTICE] Verification failed <> /{path}" for path in paths))

    def delete(self, name, *paths):
        for path in paths:
            self.there.pop(path)
            del self.world.objects.buckets[BUCKET][PREFIX + path]
            self.world.log(self.names[name], f"[NOTICE] Deleted file /{path}")

    def verify_all_else(self, name, *others):
        """What POINT_IN_TIME_CONSISTENT does at its end."""
        if self.mode == PIT:
            self.verify(name, *(path for path in self.there if path not in others))

    async def end(self, name, status="SUCCESS", seconds=60, **changes):
        self.world.clock.advance(2)
        self.world.finish(self.names[name], status, **changes)
        await self.work(seconds)

    async def work(self, seconds=60):
        await self.worker.work(seconds=seconds)

    async def success(self, name, *paths):
        self.start(name)
        self.transfer(name, *paths)
        self.verify_all_else(name, *paths)
        await self.end(name)

    async def error(self, name, *paths, bad=()):
        self.start(name)
        self.transfer(name, *paths)
        self.verify_all_else(name, *paths, *bad)
        self.fail(name, *bad)
        await self.end(name, "ERROR")

    def sent(self):
        by_id = {arn.split("/")[3]: name for name, arn in self.names.items()}
        return [f"{by_id[execution_id]}{path}" for execution_id, path in self.world.sent()]

    def __getitem__(self, name):
        return self.world.execution(self.names[name])

    def knows(self, name):
        return self.names[name].split("/")[3] in self.world.executions.records

    def phases(self):
        return {name: self[name].phase.value for name in self.names}


@MODES
async def test_good_files_of_a_failed_execution_are_published_with_the_next_success(mode):
    h = History(mode)
    await h.error("one", "good", bad=["bad"])
    assert (h.sent(), h["one"].phase, h["one"].reason) == ([], Phase.CARRIED, Reason.VERIFICATION_FAILED)
    await h.success("two", "bad")
    expected = ["two/bad", "one/good"] if mode == ONLY else ["two/bad", "two/good"]
    assert h.sent() == expected
    assert (h["one"].phase, h["one"].reason) == (Phase.PUBLISHED, Reason.CARRIED)


@MODES
async def test_several_failed_executions_are_published_together(mode):
    h = History(mode)
    await h.error("one", "a")
    await h.error("two", "b")
    await h.error("three", "c")
    assert h.sent() == []
    await h.success("four", "d")
    assert [path.split("/")[1] for path in h.sent()] == ["a", "b", "c", "d"]
    assert set(h.phases().values()) == {"PUBLISHED"}


@MODES
async def test_file_of_several_failed_executions_is_published_once_under_the_newest(mode):
    h = History(mode)
    for name in ("one", "two", "three"):
        await h.error(name, "a")
    await h.success("four")
    assert h.sent() == (["three/a"] if mode == ONLY else ["four/a"])
    assert h["one"].file_counts()["superseded"] == 1


@MODES
async def test_carried_file_that_is_transferred_again_is_published_under_the_later_execution(mode):
    h = History(mode)
    await h.error("one", "a")
    await h.success("two", "a")
    assert h.sent() == ["two/a"]


@MODES
async def test_carried_file_that_fails_later_is_not_published(mode):
    h = History(mode)
    await h.error("one", "a")
    await h.error("two", bad=["a"])
    h.start("three")
    h.transfer("three", "b")
    await h.end("three")
    assert h.sent() == ["three/b"]
    await h.success("four", "a")
    assert h.sent() == ["three/b", "four/a"]


@MODES
async def test_carried_file_that_is_deleted_later_is_not_published(mode):
    h = History(mode)
    await h.error("one", "a", "b")
    h.start("two")
    h.delete("two", "a")
    h.verify_all_else("two")
    await h.end("two")
    assert h.sent() == (["one/b"] if mode == ONLY else ["two/b"])


async def test_carried_file_that_is_transferred_later_without_verification_is_not_published():
    h = History()
    await h.error("one", "a", "b")
    h.start("two")
    h.transfer("two", "a", logged=True, verify=False)
    await h.end("two", "ERROR")
    await h.success("three")
    assert h.sent() == ["one/b"]


@MODES
async def test_file_that_was_verified_and_failed_in_one_execution_counts_as_failed(mode):
    h = History(mode)
    h.start("one")
    h.transfer("one", "a", "b")
    h.fail("one", "a")
    await h.end("one", files_verified=2)
    assert h.sent() == ["one/b"]


@MODES
async def test_carried_file_is_published_once(mode):
    h = History(mode)
    await h.error("one", "a")
    await h.success("two", "b")
    await h.success("three", "c")
    assert sorted(path.split("/")[1] for path in h.sent()) == ["a", "b", "c"]


async def test_expired_carried_execution_blocks_no_other():
    h = History()
    await h.error("one", "a")
    del h.world.executions.records[h["one"].id]
    await h.success("two", "b")
    assert h.sent() == ["two/b"]


@pytest.mark.parametrize("phase", [Phase.CARRIED, Phase.HELD])
async def test_plan_is_made_again_when_a_member_has_expired(phase):
    on_incomplete = OnIncomplete.HOLD if phase is Phase.HELD else OnIncomplete.PUBLISH
    h = History(seal_deadline_s=60, on_incomplete=on_incomplete)
    h.start("one")
    h.transfer("one", "a")
    await h.end("one", "ERROR", files_verified=9, seconds=150)
    assert h["one"].phase is phase
    h.start("two")
    h.transfer("two", "b")
    h.world.finish(h.names["two"])
    await h.worker.work(until=lambda: h.knows("two") and h["two"].plan is not None)
    del h.world.executions.records[h["one"].id]
    await h.work()
    assert (h.sent(), h["two"].phase) == (["two/b"], Phase.PUBLISHED)


# Files that are only verified again.


async def test_dataset_that_is_verified_in_each_execution_is_sent_once():
    h = History(PIT)
    for number, name in enumerate(["one", "two", "three", "four"]):
        await h.success(name, f"{number}")
    assert h.sent() == ["one/0", "two/1", "three/2", "four/3"]
    assert h["four"].file_counts()["unchanged"] == 3


async def test_file_that_is_written_again_is_sent_again():
    h = History(PIT)
    await h.success("one", "a", "b")
    await h.success("two", "a")
    assert h.sent() == ["one/a", "one/b", "two/a"]


async def test_nothing_is_sent_again_after_an_incomplete_log():
    h = History(PIT, seal_deadline_s=60)
    h.start("one")
    h.transfer("one", "a", "b")
    await h.end("one", files_verified=9, seconds=150)
    assert h["one"].reason is Reason.LOG_INCOMPLETE
    await h.success("two", "c")
    assert h.sent() == ["one/a", "one/b", "two/c"]


async def test_file_whose_line_is_missing_is_sent_with_the_next_success_that_verifies_it():
    h = History(PIT, seal_deadline_s=60)
    h.start("one")
    h.transfer("one", "a", "lost", verify=False)
    h.verify("one", "a")
    await h.end("one", files_verified=2, seconds=150)
    await h.success("two", "c")
    assert h.sent() == ["one/a", "two/c", "two/lost"]


async def test_files_from_before_a_task_was_first_seen_are_not_new():
    h = History(PIT)
    for path in ("old-1", "old-2"):
        h.there[path] = h.world.put(path)
    h.world.clock.advance(100)
    await h.success("one", "new")
    assert h.sent() == ["one/new"]
    assert h["one"].file_counts()["unchanged"] == 2


async def test_executions_from_before_the_lookback_are_ignored_and_their_files_are_not_new():
    h = History(PIT, lookback_s=3600)
    h.start("one")
    h.transfer("one", "a")
    h.world.finish(h.names["one"])
    h.world.clock.advance(2 * 3600)
    await h.success("two", "b")
    assert h.sent() == ["two/b"]


async def test_execution_within_the_lookback_is_published_once():
    h = History(PIT)
    h.start("one")
    h.transfer("one", "a")
    h.world.finish(h.names["one"])
    h.world.clock.advance(2 * 3600)
    await h.success("two", "b")
    assert h.sent() == ["one/a", "two/b"]


# Two executions that were asked for at the same time: the second one waits in DataSync's queue.


@MODES
async def test_second_of_two_queued_executions_sends_only_its_own_transfers(mode):
    h = History(mode)
    h.start("one")
    h.start("two", status="QUEUED")
    h.world.clock.advance(600)
    h.transfer("one", "a", "b")
    await h.end("one")
    h.world.clock.advance(600)
    h.transfer("two", "b", "c")
    h.verify_all_else("two", "b", "c")
    await h.end("two")
    assert h.sent() == ["one/a", "one/b", "two/b", "two/c"]


@MODES
async def test_carried_files_are_new_to_an_execution_that_was_queued_at_the_time(mode):
    h = History(mode)
    h.start("one")
    h.start("two", status="QUEUED")
    h.world.clock.advance(600)
    h.transfer("one", "a")
    await h.end("one", "ERROR")
    h.world.clock.advance(600)
    h.verify_all_else("two")
    await h.end("two")
    assert [path.split("/")[1] for path in h.sent()] == ["a"]


# Executions that wait for a person.


@MODES
async def test_files_of_a_held_execution_are_published_only_after_its_release(mode):
    h = History(mode, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
    h.start("one")
    h.transfer("one", "a")
    await h.end("one", files_verified=5, seconds=150)
    assert h["one"].phase is Phase.HELD
    h.start("two")
    h.transfer("two", "b")
    await h.end("two")
    assert h.sent() == ["two/b"]
    await OperatorCommands(h.world.executions, h.world.facts).release(h["one"].id)
    await h.work()
    assert h.sent() == ["two/b", "one/a"]


@MODES
async def test_carried_files_that_a_held_execution_verified_again_are_published_after_its_release(mode):
    h = History(mode, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
    await h.error("one", "a")
    h.start("two")
    h.verify("two", "a")
    await h.end("two", files_verified=5, seconds=150)
    h.start("three")
    h.transfer("three", "b")
    await h.end("three")
    assert (h["one"].phase, h["two"].phase) == (Phase.PUBLISHED, Phase.HELD)
    assert h.sent() == ["three/b"]
    await OperatorCommands(h.world.executions, h.world.facts).release(h["two"].id)
    await h.work()
    assert h.sent() == ["three/b", "two/a"]


@MODES
async def test_files_of_a_discarded_execution_are_not_published(mode):
    h = History(mode, on_error=OnError.DROP)
    await h.error("one", "a")
    assert h["one"].phase is Phase.DISCARDED
    h.start("two")
    h.transfer("two", "b")
    await h.end("two")
    assert h.sent() == ["two/b"]


@MODES
async def test_released_execution_does_not_send_a_file_that_a_later_one_has_sent(mode):
    h = History(mode, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
    h.start("one")
    h.transfer("one", "a", "b")
    await h.end("one", files_verified=5, seconds=150)
    await h.success("two", "a")
    await OperatorCommands(h.world.executions, h.world.facts).release(h["one"].id)
    await h.work()
    assert [path for path in h.sent() if path.endswith("/a")] == ["two/a"]
    assert len([path for path in h.sent() if path.endswith("/b")]) == 1


async def test_older_of_two_released_executions_is_published_first():
    h = History(PIT, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
    for name in ("one", "two"):
        h.start(name)
        h.transfer(name, name)
        h.verify_all_else(name, name)
        await h.end(name, files_verified=5, seconds=150)
    for name in ("two", "one"):
        await OperatorCommands(h.world.executions, h.world.facts).release(h[name].id)
    await h.work()
    assert h.sent() == ["one/one", "two/two"]
