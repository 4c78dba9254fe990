"""ports.OutcomeStore."""

import pytest

from service.adapters.aws.outcomes import DynamoOutcomeStore
from service.domain.execution import Outcome
from service.domain.port_types import OutcomeRange
from tests.contracts.examples import NEVER_S, an_execution
from tests.fakes.stores import MemoryOutcomeStore


@pytest.fixture(params=["memory", "aws"])
def outcome_store(request):
    return MemoryOutcomeStore() if request.param == "memory" else DynamoOutcomeStore(request.getfixturevalue("table"))


@pytest.fixture
def execution():
    return an_execution().id


PLAIN = OutcomeRange("m", Outcome.PUBLISHED, {})
MIXED = OutcomeRange("z\U0001f600", Outcome.PUBLISHED, {Outcome.MISSING: ["n", "o\n"], Outcome.UNCHANGED: ["é"]})


async def test_ranges_are_read_in_order_as_stored(outcome_store, execution):
    for outcomes in (MIXED, PLAIN):
        await outcome_store.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await outcome_store.read(execution, start="", limit=9) == [PLAIN, MIXED]
    assert await outcome_store.read(execution, start="", limit=1) == [PLAIN]


async def test_reading_starts_with_the_range_that_holds_the_path(outcome_store, execution):
    for outcomes in (PLAIN, MIXED):
        await outcome_store.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await outcome_store.read(execution, start="m", limit=9) == [PLAIN, MIXED]
    assert await outcome_store.read(execution, start="ma", limit=9) == [MIXED]
    assert await outcome_store.read(execution, start="z\U0001f601", limit=9) == []


async def test_range_that_ends_at_the_same_path_is_replaced(outcome_store, execution):
    again = OutcomeRange("m", Outcome.UNCHANGED, {Outcome.SUPERSEDED: ["a"]})
    for outcomes in (PLAIN, again):
        await outcome_store.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await outcome_store.read(execution, start="", limit=9) == [again]


async def test_range_may_have_500_long_exceptions(outcome_store, execution):
    paths = [f"{number:04d}-" + "directory-with-a-long-name/" * 37 for number in range(500)]
    outcomes = OutcomeRange("z", Outcome.PUBLISHED, {Outcome.UNCHANGED: paths})
    await outcome_store.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await outcome_store.read(execution, start="", limit=1) == [outcomes]


async def test_outcomes_of_executions_are_separate(outcome_store, execution):
    await outcome_store.write(execution, PLAIN, expires_at_s=NEVER_S)
    assert await outcome_store.read(an_execution().id, start="", limit=9) == []
