"""ports.FactStore."""

import asyncio
import json
import random
from dataclasses import replace
from operator import attrgetter

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.adapters.aws.facts import DynamoFactStore
from service.domain.errors import RequestRejectedError
from service.domain.facts import Fact, FactKind
from service.domain.port_types import SeekPoint
from service.files.fact_count import count_facts
from service.files.fact_scan import FactScan
from tests.contracts.examples import START_MS, an_execution
from tests.fakes.stores import MemoryFactStore

PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@pytest.fixture(params=["memory", "aws"])
def facts(request):
    return MemoryFactStore() if request.param == "memory" else DynamoFactStore(request.getfixturevalue("table"))


def verified(path, at_ms=START_MS, size_bytes=9):
    return Fact(FactKind.VERIFIED, path, size_bytes, at_ms)


async def all_of(facts, execution):
    scan, found = FactScan(facts, execution), []
    while paths := await scan.next_paths():
        found += [fact for _, kinds in paths for fact in kinds.values()]
    return found


async def test_facts_are_read_as_stored(facts):
    execution = an_execution()
    stored = [
        Fact(FactKind.TRANSFERRED, "a", 0, START_MS),
        Fact(FactKind.VERIFIED, "a", 1 << 50, START_MS + 1),
        Fact(FactKind.FAILED, "b c  d", None, START_MS, "why  it failed: - 7 \n \0 \uffff"),
        Fact(FactKind.FAILED, "e", 7, START_MS, ""),
        Fact(FactKind.DELETED, "f", None, START_MS),
        Fact(FactKind.DIRECTORY, "g", None, START_MS),
    ]
    await facts.add(execution, stored)
    assert sorted(await all_of(facts, execution), key=attrgetter("path", "at_ms")) == stored


@given(st.lists(PATHS, max_size=60))
@example(["\U0001f600", "\uffff", "\ue000", "\ufffe", "z"])
@example(["a\x00b", "a\x00", "a", "\x00", "a\nb", "a, 9 bytes", " ", "  ", "//x", "%2F", "+", '"', "\\", "\x7f", "é"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_paths_are_read_in_the_order_of_their_utf8_bytes(facts, paths):
    execution = an_execution()
    for start in range(0, len(paths), 7):
        await facts.add(execution, [verified(path) for path in paths[start : start + 7]])
    assert [fact.path for fact in await all_of(facts, execution)] == sorted(set(paths), key=str.encode)


@pytest.mark.parametrize("path", ["é" * 512, "a" * 1024, "\0" * 1024, "a" * 999 + "\U0001f600" * 6])
async def test_path_may_be_as_long_as_an_s3_key(facts, path):
    execution = an_execution()
    await facts.add(execution, [verified(path)])
    assert [fact.path for fact in await all_of(facts, execution)] == [path]


async def test_fact_added_again_is_counted_once(facts):
    execution = an_execution()
    await facts.add(execution, [verified("a"), verified("b")])
    await facts.add(execution, [verified("b"), verified("c")])
    await facts.add(execution, [verified("b"), verified("b")])
    assert (await count_facts(facts, execution))[FactKind.VERIFIED] == 3


async def test_newest_of_two_facts_of_one_kind_is_read(facts):
    execution = an_execution()
    await facts.add(execution, [verified("a", START_MS + 5, 7)])
    await facts.add(execution, [verified("a", START_MS, 3)])
    assert await all_of(facts, execution) == [verified("a", START_MS + 5, 7)]


async def test_facts_of_several_requests_are_stored_and_counted(facts):
    execution = an_execution()
    paths = [f"{number:05}" for number in range(5000)]
    random.Random(1).shuffle(paths)
    await facts.add(execution, [verified(path) for path in paths])
    assert (await count_facts(facts, execution))[FactKind.VERIFIED] == 5000
    assert [fact.path for fact in await all_of(facts, execution)] == sorted(paths)


async def test_large_details_are_stored_whole(facts):
    execution = an_execution()
    failed = [Fact(FactKind.FAILED, f"{n:03}", None, START_MS, f"{n}" + "\u20ac\n" * 400) for n in range(200)]
    await facts.add(execution, failed)
    assert await all_of(facts, execution) == failed


async def test_pages_cover_all_runs_and_the_last_has_no_next_key(facts):
    execution = an_execution()
    assert (await facts.read_page(execution, after_key="")).runs == []
    for number in range(30):
        await facts.add(execution, [verified(f"{number:02}")])
    runs, after_key = [], ""
    while after_key is not None:
        page = await facts.read_page(execution, after_key=after_key)
        runs += page.runs
        after_key = page.next_key
    assert [run.facts[0].path for run in runs] == [f"{number:02}" for number in range(30)]
    assert [run.key for run in runs] == sorted(run.key for run in runs)
    middle = await facts.read_page(execution, after_key=runs[9].key)
    assert middle.runs[0] == runs[10]


async def test_facts_of_another_execution_are_not_read(facts):
    await facts.add(an_execution(), [verified("a")])
    assert await all_of(facts, an_execution()) == []


async def test_concurrent_writers_lose_nothing(facts):
    execution = an_execution()
    paths = [f"{number:03}" for number in range(200)]
    await asyncio.gather(
        *(facts.add(execution, [verified(path) for path in paths[start : start + 60]]) for start in range(0, 200, 20))
    )
    assert (await count_facts(facts, execution))[FactKind.VERIFIED] == 200


async def test_seek_points_are_read_as_written(facts):
    execution = an_execution()
    assert list(await facts.read_seek_points(execution)) == []
    points = [SeekPoint("a\n\0", "a\0deadbeef"), SeekPoint("é\U0001f600", "é\0cafe")]
    await facts.write_seek_points(execution, points)
    assert list(await facts.read_seek_points(execution)) == points


async def test_extension_covers_all_runs_and_changes_no_fact(facts):
    execution = an_execution()
    stored = [verified(f"{number:04}") for number in range(300)]
    await facts.add(execution, stored)
    after_key = ""
    while after_key is not None:
        after_key = await facts.extend_expiry(execution, after_key=after_key)
    assert await all_of(facts, execution) == stored


# DynamoDB only.


@pytest_asyncio.fixture(loop_scope="session")
async def stored_item(table):
    """The one stored item of an execution's facts, and a function that changes it."""
    store, execution = DynamoFactStore(table), an_execution()
    await store.add(execution, [verified("dir/a.csv", size_bytes=20)])
    query = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": f"{execution.id}#facts"}},
    }
    (item,) = await table.items(query)

    async def change(**attributes):
        await table.put({name: value for name, value in (item | attributes).items() if value is not None})

    return store, execution, item, change


async def test_item_is_readable_in_the_console(stored_item):
    _, execution, item, _ = stored_item
    assert json.loads(item["facts"]["S"]) == [["dir/a.csv", 20, "verified", START_MS]]
    assert item["last_path"] == {"S": "dir/a.csv"}
    assert item["expires_at"] == {"N": str(execution.expires_at_s)}


@pytest.mark.parametrize(
    "change",
    [
        {"format": {"N": "2"}},
        {"format": None},
        {"facts": {"S": "nonsense"}},
        {"facts": {"S": f'[["dir/a.csv",21,"verified",{START_MS}]]'}},
        {"facts": {"S": "[]"}},
        {"facts": {"N": "1"}},
        {"facts": None},
    ],
)
async def test_item_that_cannot_be_read_is_named_and_left_alone(stored_item, change):
    store, execution, _, change_item = stored_item
    await change_item(**change)
    with pytest.raises(RequestRejectedError, match=f"the item {execution.id}#facts 'dir/a.csv"):
        await count_facts(store, execution)
    await store.add(execution, [verified("dir/b.csv")])
    with pytest.raises(RequestRejectedError):
        await all_of(store, execution)


async def test_extension_writes_the_new_expiry(stored_item, table):
    store, execution, item, _ = stored_item
    later = replace(execution, expires_at_s=execution.expires_at_s + 100)
    assert await store.extend_expiry(later, after_key="") is None
    assert (await table.get({"pk": item["pk"], "sk": item["sk"]}, "expires_at")) == {
        "expires_at": {"N": str(later.expires_at_s)}
    }
