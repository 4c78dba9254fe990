"""ports.OutcomeLog."""

import pytest

from service.adapters.aws.outcomes import DynamoOutcomeLog
from service.adapters.memory.table import MemoryOutcomeLog
from service.domain.execution import Outcome
from service.domain.records import Outcomes
from tests.contracts.examples import NEVER_S, an_execution


@pytest.fixture(params=["memory", "aws"])
def log(request):
    return MemoryOutcomeLog() if request.param == "memory" else DynamoOutcomeLog(request.getfixturevalue("rows"))


@pytest.fixture
def execution():
    return an_execution().name.execution_id


PLAIN = Outcomes("m", Outcome.PUBLISHED, {})
MIXED = Outcomes("z\U0001f600", Outcome.PUBLISHED, {Outcome.MISSING: ["n", "o\n"], Outcome.UNCHANGED: ["é"]})


async def test_stretches_come_back_as_they_were_in_order(log, execution):
    for outcomes in (MIXED, PLAIN):
        await log.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await log.read(execution, start="", limit=9) == [PLAIN, MIXED]
    assert await log.read(execution, start="", limit=1) == [PLAIN]


async def test_reading_begins_with_the_stretch_that_holds_the_path(log, execution):
    for outcomes in (PLAIN, MIXED):
        await log.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await log.read(execution, start="m", limit=9) == [PLAIN, MIXED]
    assert await log.read(execution, start="ma", limit=9) == [MIXED]
    assert await log.read(execution, start="z\U0001f601", limit=9) == []


async def test_a_stretch_that_ends_at_the_same_path_is_replaced(log, execution):
    again = Outcomes("m", Outcome.UNCHANGED, {Outcome.SUPERSEDED: ["a"]})
    for outcomes in (PLAIN, again):
        await log.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await log.read(execution, start="", limit=9) == [again]


async def test_a_stretch_may_name_five_hundred_long_paths(log, execution):
    paths = [f"{number:04d}-" + "directory-with-a-long-name/" * 37 for number in range(500)]
    outcomes = Outcomes("z", Outcome.PUBLISHED, {Outcome.UNCHANGED: paths})
    await log.write(execution, outcomes, expires_at_s=NEVER_S)
    assert await log.read(execution, start="", limit=1) == [outcomes]


async def test_executions_do_not_see_each_others_outcomes(log, execution):
    await log.write(execution, PLAIN, expires_at_s=NEVER_S)
    assert await log.read(an_execution().name.execution_id, start="", limit=9) == []
