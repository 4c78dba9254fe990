from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.errors import TransientError
from service.domain.facts import Fact, FactKind
from service.domain.file_decision import FileEvidence, fold_facts
from service.files.fact_merge import MAX_BUFFERED_FACTS, FactMerge
from tests.domain.examples import START_MS, an_execution, rows, verified
from tests.fakes.stores import MemoryFactStore
from tests.virtual_time import run

PAGE = 1000
ORDER_OF_S3 = ["A", "a", "a b", "a.csv", "a/b", "aa", "b", "é", "￿", "\U0001f600"]
"""By UTF-8 bytes: UTF-16 would put the last two the other way round."""


class ShortPages(MemoryFactStore):
    """Facts whose pages are shorter than asked for. It counts the pages."""

    pages = 0
    most = PAGE

    async def read_page(self, execution, kind, shard, *, after, limit):
        self.pages += 1
        return await super().read_page(execution, kind, shard, after=after, limit=min(limit, self.most))


async def whole(merge):
    files = []
    while some := await merge.next_files():
        files += some
    return files


def naive(facts_of, after):
    """Sort all facts at once."""
    by_path = {}
    for source, facts in enumerate(facts_of):
        for fact in facts:
            if fact.kind in FILE_KINDS and fact.path > after:
                by_path.setdefault(fact.path, {}).setdefault(source, {})[fact.kind] = fact
    return [
        (path, [fold_facts(source, facts) for source, facts in sorted(by_path[path].items())])
        for path in sorted(by_path, key=lambda path: path.encode())
    ]


PATHS = st.text(st.sampled_from("ab/é\ue000\uffff\U0001f600"), min_size=1, max_size=4)
FILE_KINDS = set(FactKind) - {FactKind.DIRECTORY}
FACTS = st.lists(st.builds(Fact, st.sampled_from(FactKind), PATHS, st.just(3), st.just(START_MS)), max_size=40)


@given(
    st.lists(st.tuples(FACTS, st.integers(min_value=1, max_value=4), st.booleans()), min_size=1, max_size=3),
    st.integers(min_value=1, max_value=5),
    st.just("") | PATHS,
)
@settings(max_examples=60)
def test_merge_equals_a_sort_of_all_facts_for_any_shards_and_pages(sources, most, after):
    facts = ShortPages()
    facts.most = most
    executions = [
        an_execution(n, shards=shards, reconciled=True if sealed else None)
        for n, (_, shards, sealed) in enumerate(sources)
    ]

    async def main():
        counted = []
        for execution, (some, _, sealed) in zip(executions, sources, strict=True):
            await facts.add(execution, some)
            count = {kind: await facts.count(execution, kind) for kind in FactKind}
            counted.append(replace(execution, fact_counts=count) if sealed else execution)
        return await whole(FactMerge(facts, counted, after=after))

    assert run(main()) == naive([{(f.kind, f.path): f for f in some}.values() for some, *_ in sources], after)


async def stored(facts, execution, paths, kind=FactKind.VERIFIED):
    await facts.add(execution, [verified(path)._replace(kind=kind) for path in paths])


async def test_files_are_returned_in_the_order_of_s3():
    facts, execution = MemoryFactStore(), an_execution(shards=3)
    await stored(facts, execution, reversed(ORDER_OF_S3))
    assert [path for path, _ in await whole(FactMerge(facts, [execution]))] == ORDER_OF_S3


async def test_merge_of_many_pages_is_complete():
    facts, execution = MemoryFactStore(), an_execution(shards=2)
    paths = [f"{n:05}" for n in range(5 * PAGE)]
    await stored(facts, execution, paths)
    assert [path for path, _ in await whole(FactMerge(facts, [execution]))] == paths


async def test_merge_without_facts_has_no_files():
    assert await FactMerge(MemoryFactStore(), [an_execution()]).next_files() == []


async def test_evidence_of_each_execution_is_ordered_oldest_first():
    facts, executions = MemoryFactStore(), [an_execution(1), an_execution(2)]
    await stored(facts, executions[0], ["a"])
    await stored(facts, executions[1], ["a"], FactKind.FAILED)
    assert await whole(FactMerge(facts, executions)) == [
        ("a", [FileEvidence(0, verified("a")), FileEvidence(1, failed=True)])
    ]


async def test_merge_starts_after_the_cursor():
    facts, execution = MemoryFactStore(), an_execution()
    await stored(facts, execution, ["a", "b", "c"])
    assert [path for path, _ in await whole(FactMerge(facts, [execution], after="b"))] == ["c"]


async def test_kind_without_facts_in_a_sealed_execution_is_not_read():
    facts, execution = ShortPages(), an_execution(reconciled=True, fact_counts=rows(1))
    await stored(facts, execution, ["a"])
    assert len(await whole(FactMerge(facts, [execution]))) == 1
    assert facts.pages == 2  # The page, and the empty one that says that it was the last.


async def test_counts_of_an_unsealed_execution_are_not_relied_on():
    facts, execution = MemoryFactStore(), an_execution(reconciled=None, fact_counts=rows(1))
    await stored(facts, execution, ["a"])
    await stored(facts, execution, ["a"], FactKind.FAILED)
    assert await whole(FactMerge(facts, [execution])) == [("a", [FileEvidence(0, verified("a"), failed=True)])]


@pytest.mark.parametrize("pages", [1, 4])
async def test_merge_buffers_at_most_a_page_per_shard(pages):
    facts, execution = MemoryFactStore(), an_execution(shards=2, reconciled=True, fact_counts=rows(1))
    await stored(facts, execution, [f"{n:05}" for n in range(pages * PAGE)])
    merge = FactMerge(facts, [execution])
    while await merge.next_files():
        assert sum(len(reader.buffer) for reader in merge._readers) <= 2 * PAGE


async def test_failed_read_is_an_error_and_not_an_end():
    class Broken(MemoryFactStore):
        async def read_page(self, *_args, **_kwargs):
            raise TransientError("dynamodb.Query", "away")

    with pytest.raises(TransientError):
        await FactMerge(Broken(), [an_execution()]).next_files()


async def test_buffer_does_not_grow_with_the_number_of_shards():
    asked = []

    class Asked(MemoryFactStore):
        async def read_page(self, execution, kind, shard, *, after, limit):
            asked.append(limit)
            return await super().read_page(execution, kind, shard, after=after, limit=limit)

    for shards in (1, 16, 64):
        asked.clear()
        await FactMerge(Asked(), [an_execution(shards=shards)]).next_files()
        assert sum(asked) <= MAX_BUFFERED_FACTS + len(asked)
