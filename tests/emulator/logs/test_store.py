"""What faults do to log lines on their way in."""

import pytest

from emulator.errors import ApiError
from emulator.faults import Faults
from emulator.logs.publishing import batches
from emulator.logs.reading import Wanted, page
from emulator.logs.store import LogStore
from emulator.logs.writing import check_batch

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000


class World:
    """A store at a time that the test sets."""

    def __init__(self, *faults):
        self.now_ms = NOW
        self.faults = Faults()
        for fault in faults:
            self.faults.add(fault)
        self.store = LogStore(self.faults, lambda: self.now_ms)

    async def put(self, *messages):
        await self.store.open("g", "s", make_group=True)
        await self.store.put("g", "s", [(NOW, message) for message in messages])

    def read(self):
        found = page(self.store.stream("g", "s"), Wanted(from_head=True), self.now_ms)
        return [event.message for event in found.events]


async def test_lines_stand_in_the_order_in_which_they_came():
    world = World()
    await world.put("a", "b", "a")
    assert world.read() == ["a", "b", "a"]


async def test_late_lines_come_later_and_last():
    world = World({"kind": "late_lines", "seconds": 5, "share": 0.5})
    await world.put(*"abcdefgh")
    early = world.read()
    world.now_ms += 5000

    assert 0 < len(early) < 8
    assert world.read()[: len(early)] == early
    assert sorted(world.read()) == list("abcdefgh")


async def test_holes_are_filled_in_their_places():
    world = World({"kind": "holes", "seconds": 5, "share": 0.5})
    await world.put(*"abcdefgh")
    early = world.read()
    world.now_ms += 5000

    assert 0 < len(early) < 8
    assert world.read() == list("abcdefgh")


async def test_duplicates_losses_and_disorder_are_possible():
    duplicated, lost, disordered = (
        World({"kind": kind}) for kind in ("duplicate_lines", "lost_lines", "reorder_lines")
    )
    for world in (duplicated, lost, disordered):
        await world.put(*"abcdefgh")

    assert duplicated.read() == [each for letter in "abcdefgh" for each in letter * 2]
    assert lost.read() == []
    assert disordered.read() != list("abcdefgh")
    assert sorted(disordered.read()) == list("abcdefgh")


async def test_a_fault_concerns_its_streams_only():
    world = World({"kind": "lost_lines", "target": "task-*"})
    await world.put("a")
    assert world.read() == ["a"]


async def test_a_group_that_is_not_made_refuses():
    with pytest.raises(ApiError) as refused:
        await World().store.open("g", "s", make_group=False)
    assert refused.value.code == "ResourceNotFoundException"


def test_events_that_are_too_old_or_too_new_are_left_out_and_told():
    old, good, new = NOW - 15 * 24 * HOUR_MS, NOW, NOW + 3 * HOUR_MS
    assert check_batch([(old, "a")], NOW) == ([], {"tooOldLogEventEndIndex": 1})
    assert check_batch([(good, "b"), (new, "c")], NOW) == ([(good, "b")], {"tooNewLogEventStartIndex": 1})


@pytest.mark.parametrize(
    "events",
    [[(2, "a"), (1, "b")], [(0, "a"), (25 * HOUR_MS, "b")], [(0, "x" * 1_048_576)]],
    ids=["order", "span", "size"],
)
def test_a_batch_that_aws_does_not_take_is_refused(events):
    with pytest.raises(ApiError) as refused:
        check_batch(events, NOW)
    assert refused.value.code == "InvalidParameterException"


@pytest.mark.parametrize("events", [[(0, "x" * 300_000)] * 7, [(0, "é")] * 25_000, []])
def test_batches_are_such_that_aws_takes_them(events):
    done = batches(events)

    assert [event for batch in done for event in batch] == events
    for batch in done:
        assert len(batch) <= 10_000
        assert sum(len(message.encode()) + 26 for _, message in batch) <= 1_048_576
