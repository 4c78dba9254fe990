"""ports.Facts."""

import asyncio

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.adapters.aws.facts import DynamoFacts
from service.adapters.memory.table import MemoryFacts
from service.domain.facts import Fact, FactKind, shard
from tests.contracts.examples import START_MS, an_execution

PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@pytest.fixture(params=["memory", "aws"])
def facts(request):
    return MemoryFacts() if request.param == "memory" else DynamoFacts(request.getfixturevalue("rows"))


def verified(path, at_ms=START_MS, size_bytes=9):
    return Fact(FactKind.VERIFIED, path, size_bytes, at_ms)


async def all_of(facts, execution, kind, limit=1000):
    found = []
    for number in range(execution.shards):
        after = ""
        while page := await facts.page(execution, kind, number, after=after, limit=limit):
            assert len(page) <= limit
            found += page
            after = page[-1].path
    return found


async def test_facts_come_back_as_they_were(facts):
    execution = an_execution()
    stored = [
        Fact(FactKind.TRANSFERRED, "a", 0, START_MS),
        Fact(FactKind.VERIFIED, "a", 1 << 50, START_MS + 1),
        Fact(FactKind.FAILED, "b c  d", None, START_MS, "why  it failed: - 7 \n "),
        Fact(FactKind.FAILED, "e", 7, START_MS, ""),
        Fact(FactKind.DELETED, "f", None, START_MS),
        Fact(FactKind.DIRECTORY, "g", None, START_MS),
    ]
    await facts.add(execution, stored)
    found = [fact for kind in FactKind for fact in await all_of(facts, execution, kind)]
    assert found == stored


@given(st.lists(PATHS, max_size=60))
@example(["\U0001f600", "\uffff", "\ue000", "\ufffe", "z"])
@example(["a\x00b", "a\nb", "a, 9 bytes", " ", "  ", "//x", "%2F", "+", '"', "\\", "\x7f", "é", "e\u0301"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_paths_come_back_in_the_order_of_their_utf8_bytes(facts, paths):
    execution = an_execution()
    await facts.add(execution, [verified(path) for path in paths])
    found = [fact.path for fact in await all_of(facts, execution, FactKind.VERIFIED, limit=7)]
    assert found == sorted(set(paths), key=str.encode)


async def test_a_path_may_be_as_long_as_a_key_of_s3(facts):
    execution = an_execution()
    path = "é" * 512
    await facts.add(execution, [verified(path)])
    assert [fact.path for fact in await all_of(facts, execution, FactKind.VERIFIED)] == [path]


async def test_what_is_added_twice_is_there_once(facts):
    execution = an_execution()
    await facts.add(execution, [verified("a"), verified("b"), verified("a")])
    await facts.add(execution, [verified("b"), verified("c")])
    assert await facts.count(execution, FactKind.VERIFIED) == 3
    assert [fact.path for fact in await all_of(facts, execution, FactKind.VERIFIED)] == ["a", "b", "c"]


async def test_more_facts_than_fit_one_request_are_all_stored_and_counted_over_all_shards(facts):
    execution = an_execution(shards=3)
    paths = [f"dir/{number:04d}" for number in range(333)]
    await facts.add(execution, [verified(path) for path in paths])
    assert await facts.count(execution, FactKind.VERIFIED) == 333
    assert await facts.count(execution, FactKind.TRANSFERRED) == 0
    for number in range(3):
        page = await facts.page(execution, FactKind.VERIFIED, number, after="", limit=1000)
        assert [fact.path for fact in page] == [path for path in paths if shard(path, 3) == number]


async def test_a_page_begins_after_the_path_named_whether_that_is_stored_or_not(facts):
    execution = an_execution()
    await facts.add(execution, [verified(path) for path in ("a", "c", "e")])
    after_stored = await facts.page(execution, FactKind.VERIFIED, 0, after="a", limit=1)
    after_other = await facts.page(execution, FactKind.VERIFIED, 0, after="d", limit=9)
    assert [fact.path for fact in after_stored] == ["c"]
    assert [fact.path for fact in after_other] == ["e"]
    assert await facts.page(execution, FactKind.VERIFIED, 0, after="e", limit=9) == []


async def test_executions_do_not_see_each_others_facts(facts):
    mine, other = an_execution(), an_execution()
    await facts.add(mine, [verified("a")])
    assert await facts.count(other, FactKind.VERIFIED) == 0


async def test_adding_nothing_is_fine(facts):
    await facts.add(an_execution(), [])


async def test_calls_may_overlap(facts):
    execution = an_execution(shards=2)
    await asyncio.gather(*(facts.add(execution, [verified(f"{n}/{m}") for m in range(40)]) for n in range(5)))
    assert await facts.count(execution, FactKind.VERIFIED) == 200
