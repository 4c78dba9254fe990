"""Reading of stored outcomes in path order."""

import pytest

from service.domain.execution import Outcome
from service.domain.port_types import OutcomeRange
from service.files.outcome_reader import OutcomeReader
from tests.fakes.stores import MemoryOutcomeStore

PAGE = 100
PUBLISHED, MISSING = Outcome.PUBLISHED, Outcome.MISSING


async def a_reader(*ranges):
    store = MemoryOutcomeStore()
    for outcomes in ranges:
        await store.write("exec-1", outcomes, expires_at_s=0)
    return OutcomeReader(store, "exec-1")


async def test_execution_without_stored_ranges_has_no_outcome():
    assert await (await a_reader()).outcome_of("a") is None


async def test_file_has_the_default_of_its_range_or_its_exception():
    reader = await a_reader(
        OutcomeRange("c", PUBLISHED, {MISSING: ["b"]}), OutcomeRange("f", MISSING, {PUBLISHED: ["e"]})
    )
    assert [await reader.outcome_of(path) for path in "abcdef"] == [
        PUBLISHED,
        MISSING,
        PUBLISHED,
        MISSING,
        PUBLISHED,
        MISSING,
    ]


async def test_file_after_the_last_range_has_no_outcome():
    reader = await a_reader(OutcomeRange("c", PUBLISHED, {}))
    assert [await reader.outcome_of(path) for path in "cde"] == [PUBLISHED, None, None]


@pytest.mark.parametrize("step", [1, PAGE + 3])
async def test_reader_continues_with_the_next_ranges(step):
    ranges = [OutcomeRange(f"{n:04}", PUBLISHED if n % 2 else MISSING, {}) for n in range(3 * PAGE)]
    reader = await a_reader(*ranges)
    assert [await reader.outcome_of(s.last_path) for s in ranges[::step]] == [s.default for s in ranges[::step]]
