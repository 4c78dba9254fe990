"""ports.FactStore."""

import asyncio

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.adapters.aws.facts import DynamoFactStore
from service.domain.facts import Fact, FactKind, shard
from tests.contracts.examples import START_MS, an_execution
from tests.fakes.stores import MemoryFactStore

PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@pytest.fixture(params=["memory", "aws"])
def facts(request):
    return MemoryFactStore() if request.param == "memory" else DynamoFactStore(request.getfixturevalue("table"))


def verified(path, at_ms=START_MS, size_bytes=9):
    return Fact(FactKind.VERIFIED, path, size_bytes, at_ms)


async def all_of(facts, execution, kind, limit=1000):
    found = []
    for number in range(execution.shards):
        after = ""
        while page := await facts.read_page(execution, kind, number, after=after, limit=limit):
            assert len(page) <= limit
            found += page
            after = page[-1].path
    return found


async def test_facts_are_read_as_stored(facts):
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
async def test_paths_are_read_in_the_order_of_their_utf8_bytes(facts, paths):
    execution = an_execution()
    await facts.add(execution, [verified(path) for path in paths])
    found = [fact.path for fact in await all_of(facts, execution, FactKind.VERIFIED, limit=7)]
    assert found == sorted(set(paths), key=str.encode)


async def test_path_may_be_as_long_as_an_s3_key(facts):
    execution = an_execution()
    path = "é" * 512
    await facts.add(execution, [verified(path)])
    assert [fact.path for fact in await all_of(facts, execution, FactKind.VERIFIED)] == [path]


async def test_fact_added_twice_is_stored_once(facts):
    execution = an_execution()
    await facts.add(execution, [verified("a"), verified("b"), verified("a")])
    await facts.add(execution, [verified("b"), verified("c")])
    assert await facts.count(execution, FactKind.VERIFIED) == 3
    assert [fact.path for fact in await all_of(facts, execution, FactKind.VERIFIED)] == ["a", "b", "c"]


async def test_facts_of_several_requests_and_shards_are_stored_and_counted(facts):
    execution = an_execution(shards=3)
    paths = [f"dir/{number:04d}" for number in range(333)]
    await facts.add(execution, [verified(path) for path in paths])
    assert await facts.count(execution, FactKind.VERIFIED) == 333
    assert await facts.count(execution, FactKind.TRANSFERRED) == 0
    for number in range(3):
        page = await facts.read_page(execution, FactKind.VERIFIED, number, after="", limit=1000)
        assert [fact.path for fact in page] == [path for path in paths if shard(path, 3) == number]


async def test_page_starts_after_a_path_that_need_not_be_stored(facts):
    execution = an_execution()
    await facts.add(execution, [verified(path) for path in ("a", "c", "e")])
    after_stored = await facts.read_page(execution, FactKind.VERIFIED, 0, after="a", limit=1)
    after_other = await facts.read_page(execution, FactKind.VERIFIED, 0, after="d", limit=9)
    assert [fact.path for fact in after_stored] == ["c"]
    assert [fact.path for fact in after_other] == ["e"]
    assert await facts.read_page(execution, FactKind.VERIFIED, 0, after="e", limit=9) == []


async def test_facts_of_executions_are_separate(facts):
    mine, other = an_execution(), an_execution()
    await facts.add(mine, [verified("a")])
    assert await facts.count(other, FactKind.VERIFIED) == 0


async def test_adding_no_facts_is_allowed(facts):
    await facts.add(an_execution(), [])


async def test_calls_may_overlap(facts):
    execution = an_execution(shards=2)
    await asyncio.gather(*(facts.add(execution, [verified(f"{n}/{m}") for m in range(40)]) for n in range(5)))
    assert await facts.count(execution, FactKind.VERIFIED) == 200
