"""What faults do to log lines on their way in."""

import pytest

from emulator.errors import ApiError
from emulator.faults import Faults
from emulator.logs.get_log_events import ReadRequest, read_page
from emulator.logs.put_log_events import validate_batch
from emulator.logs.store import LogStore
from emulator.logs.stream_writer import batches

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000


class StoreAtSetTime:
    """A store at a time that the test sets."""

    def __init__(self, *faults):
        self.now_ms = NOW
        self.faults = Faults()
        for fault in faults:
            self.faults.add(fault)
        self.store = LogStore(self.faults, lambda: self.now_ms)

    async def put(self, *messages):
        await self.store.open("g", "s", create_group=True)
        await self.store.put("g", "s", [(NOW, message) for message in messages])

    def read(self):
        found = read_page(self.store.stream("g", "s"), ReadRequest(from_head=True), self.now_ms)
        return [event.message for event in found.events]


async def test_lines_stand_in_the_order_in_which_they_came():
    log = StoreAtSetTime()
    await log.put("a", "b", "a")
    assert log.read() == ["a", "b", "a"]


async def test_late_lines_come_later_and_last():
    log = StoreAtSetTime({"kind": "late_lines", "seconds": 5, "share": 0.5})
    await log.put(*"abcdefgh")
    early = log.read()
    log.now_ms += 5000

    assert 0 < len(early) < 8
    assert log.read()[: len(early)] == early
    assert sorted(log.read()) == list("abcdefgh")


async def test_holes_are_filled_in_their_places():
    log = StoreAtSetTime({"kind": "holes", "seconds": 5, "share": 0.5})
    await log.put(*"abcdefgh")
    early = log.read()
    log.now_ms += 5000

    assert 0 < len(early) < 8
    assert log.read() == list("abcdefgh")


async def test_duplicates_losses_and_disorder_are_possible():
    duplicated, lost, disordered = (
        StoreAtSetTime({"kind": kind}) for kind in ("duplicate_lines", "lost_lines", "reorder_lines")
    )
    for log in (duplicated, lost, disordered):
        await log.put(*"abcdefgh")

    assert duplicated.read() == [each for letter in "abcdefgh" for each in letter * 2]
    assert lost.read() == []
    assert disordered.read() != list("abcdefgh")
    assert sorted(disordered.read()) == list("abcdefgh")


async def test_a_fault_concerns_its_streams_only():
    log = StoreAtSetTime({"kind": "lost_lines", "target": "task-*"})
    await log.put("a")
    assert log.read() == ["a"]


async def test_a_group_that_is_not_made_refuses():
    with pytest.raises(ApiError) as refused:
        await StoreAtSetTime().store.open("g", "s", create_group=False)
    assert refused.value.code == "ResourceNotFoundException"


def test_events_that_are_too_old_or_too_new_are_left_out_and_told():
    old, good, new = NOW - 15 * 24 * HOUR_MS, NOW, NOW + 3 * HOUR_MS
    assert validate_batch([(old, "a")], NOW) == ([], {"tooOldLogEventEndIndex": 1})
    assert validate_batch([(good, "b"), (new, "c")], NOW) == ([(good, "b")], {"tooNewLogEventStartIndex": 1})


@pytest.mark.parametrize(
    "events",
    [[(2, "a"), (1, "b")], [(0, "a"), (25 * HOUR_MS, "b")], [(0, "x" * 1_048_576)]],
    ids=["order", "span", "size"],
)
def test_a_batch_that_aws_does_not_take_is_refused(events):
    with pytest.raises(ApiError) as refused:
        validate_batch(events, NOW)
    assert refused.value.code == "InvalidParameterException"


@pytest.mark.parametrize("events", [[(0, "x" * 300_000)] * 7, [(0, "é")] * 25_000, []])
def test_batches_are_such_that_aws_takes_them(events):
    done = batches(events)

    assert [event for batch in done for event in batch] == events
    for batch in done:
        assert len(batch) <= 10_000
        assert sum(len(message.encode()) + 26 for _, message in batch) <= 1_048_576
