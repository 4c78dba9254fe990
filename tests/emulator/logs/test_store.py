"""The log store, and the faults on incoming log lines."""

import pytest

from emulator.errors import ApiError
from emulator.faults import Faults
from emulator.logs.get_log_events import ReadRequest, read_page
from emulator.logs.put_log_events import validate_batch
from emulator.logs.store import LogStore
from emulator.logs.stream_writer import batches

NOW = 1_800_000_000_000
HOUR_MS = 3_600_000


class StoreWithClock:
    """A store whose clock the test sets."""

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


async def test_lines_are_read_in_the_order_of_arrival():
    log = StoreWithClock()
    await log.put("a", "b", "a")
    assert log.read() == ["a", "b", "a"]


async def test_late_lines_are_appended_later():
    log = StoreWithClock({"kind": "late_lines", "seconds": 5, "share": 0.5})
    await log.put(*"abcdefgh")
    early = log.read()
    log.now_ms += 5000

    assert 0 < len(early) < 8
    assert log.read()[: len(early)] == early
    assert sorted(log.read()) == list("abcdefgh")


async def test_hidden_lines_appear_at_their_positions():
    log = StoreWithClock({"kind": "holes", "seconds": 5, "share": 0.5})
    await log.put(*"abcdefgh")
    early = log.read()
    log.now_ms += 5000

    assert 0 < len(early) < 8
    assert log.read() == list("abcdefgh")


async def test_faults_duplicate_lose_and_reorder_lines():
    duplicated, lost, disordered = (
        StoreWithClock({"kind": kind}) for kind in ("duplicate_lines", "lost_lines", "reorder_lines")
    )
    for log in (duplicated, lost, disordered):
        await log.put(*"abcdefgh")

    assert duplicated.read() == [each for letter in "abcdefgh" for each in letter * 2]
    assert lost.read() == []
    assert disordered.read() != list("abcdefgh")
    assert sorted(disordered.read()) == list("abcdefgh")


async def test_fault_applies_only_to_matching_streams():
    log = StoreWithClock({"kind": "lost_lines", "target": "task-*"})
    await log.put("a")
    assert log.read() == ["a"]


async def test_stream_in_a_missing_group_is_rejected():
    with pytest.raises(ApiError) as raised:
        await StoreWithClock().store.open("g", "s", create_group=False)
    assert raised.value.code == "ResourceNotFoundException"


def test_events_that_are_too_old_or_too_new_are_rejected_and_reported():
    old, good, new = NOW - 15 * 24 * HOUR_MS, NOW, NOW + 3 * HOUR_MS
    assert validate_batch([(old, "a")], NOW) == ([], {"tooOldLogEventEndIndex": 1})
    assert validate_batch([(good, "b"), (new, "c")], NOW) == ([(good, "b")], {"tooNewLogEventStartIndex": 1})


@pytest.mark.parametrize(
    "events",
    [[(2, "a"), (1, "b")], [(0, "a"), (25 * HOUR_MS, "b")], [(0, "x" * 1_048_576)]],
    ids=["order", "span", "size"],
)
def test_batch_that_aws_rejects_is_rejected(events):
    with pytest.raises(ApiError) as raised:
        validate_batch(events, NOW)
    assert raised.value.code == "InvalidParameterException"


@pytest.mark.parametrize("events", [[(0, "x" * 300_000)] * 7, [(0, "é")] * 25_000, []])
def test_batches_keep_all_events_within_aws_limits(events):
    done = batches(events)

    assert [event for batch in done for event in batch] == events
    for batch in done:
        assert len(batch) <= 10_000
        assert sum(len(message.encode()) + 26 for _, message in batch) <= 1_048_576
