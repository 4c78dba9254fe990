from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.memory.table import MemoryFacts
from service.domain.errors import Transient
from service.domain.facts import Fact, FactKind
from service.domain.freshness import Saying, said
from service.worker.walk import BUFFERED, FILE_KINDS, PAGE, Walk
from tests.domain.examples import START_MS, an_execution, rows, verified
from tests.virtual_time import run

ORDER_OF_S3 = ["A", "a", "a b", "a.csv", "a/b", "aa", "b", "é", "￿", "\U0001f600"]
"""By UTF-8 bytes: UTF-16 would put the last two the other way round."""


class ShortPages(MemoryFacts):
    """Facts whose pages are shorter than asked for, as a store's may be; counts them."""

    pages = 0
    most = PAGE

    async def page(self, execution, kind, shard, *, after, limit):
        self.pages += 1
        return await super().page(execution, kind, shard, after=after, limit=min(limit, self.most))


async def whole(walk):
    files = []
    while some := await walk.next():
        files += some
    return files


def naive(facts_of, after):
    """All facts, sorted once."""
    by_path = {}
    for source, facts in enumerate(facts_of):
        for fact in facts:
            if fact.kind in FILE_KINDS and fact.path > after:
                by_path.setdefault(fact.path, {}).setdefault(source, {})[fact.kind] = fact
    return [
        (path, [said(source, facts) for source, facts in sorted(by_path[path].items())])
        for path in sorted(by_path, key=lambda path: path.encode())
    ]


PATHS = st.text(st.sampled_from("ab/é\ue000\uffff\U0001f600"), min_size=1, max_size=4)
FACTS = st.lists(st.builds(Fact, st.sampled_from(FactKind), PATHS, st.just(3), st.just(START_MS)), max_size=40)


@given(
    st.lists(st.tuples(FACTS, st.integers(min_value=1, max_value=4), st.booleans()), min_size=1, max_size=3),
    st.integers(min_value=1, max_value=5),
    st.just("") | PATHS,
)
@settings(max_examples=60)
def test_a_walk_is_a_sort_of_all_facts_whatever_the_shards_and_pages(sources, most, after):
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
            counted.append(replace(execution, rows=count) if sealed else execution)
        return await whole(Walk(facts, counted, after=after))

    assert run(main()) == naive([{(f.kind, f.path): f for f in some}.values() for some, *_ in sources], after)


async def stored(facts, execution, paths, kind=FactKind.VERIFIED):
    await facts.add(execution, [verified(path)._replace(kind=kind) for path in paths])


async def test_files_come_in_the_order_in_which_s3_lists_them():
    facts, execution = MemoryFacts(), an_execution(shards=3)
    await stored(facts, execution, reversed(ORDER_OF_S3))
    assert [path for path, _ in await whole(Walk(facts, [execution]))] == ORDER_OF_S3


async def test_a_walk_of_many_pages_comes_to_its_end():
    facts, execution = MemoryFacts(), an_execution(shards=2)
    paths = [f"{n:05}" for n in range(5 * PAGE)]
    await stored(facts, execution, paths)
    assert [path for path, _ in await whole(Walk(facts, [execution]))] == paths


async def test_a_walk_of_nothing_is_over_at_once():
    assert await Walk(MemoryFacts(), [an_execution()]).next() == []


async def test_what_each_execution_says_about_a_file_comes_together_oldest_first():
    facts, executions = MemoryFacts(), [an_execution(1), an_execution(2)]
    await stored(facts, executions[0], ["a"])
    await stored(facts, executions[1], ["a"], FactKind.FAILED)
    assert await whole(Walk(facts, executions)) == [("a", [Saying(0, verified("a")), Saying(1, failed=True)])]


async def test_a_walk_begins_behind_the_cursor():
    facts, execution = MemoryFacts(), an_execution()
    await stored(facts, execution, ["a", "b", "c"])
    assert [path for path, _ in await whole(Walk(facts, [execution], after="b"))] == ["c"]


async def test_a_kind_of_which_a_sealed_execution_has_no_facts_is_not_read():
    facts, execution = ShortPages(), an_execution(reconciled=True, rows=rows(1))
    await stored(facts, execution, ["a"])
    assert len(await whole(Walk(facts, [execution]))) == 1
    assert facts.pages == 2  # The page, and the empty one that says that it was the last.


async def test_counts_of_an_execution_that_was_never_sealed_are_not_relied_on():
    facts, execution = MemoryFacts(), an_execution(reconciled=None, rows=rows(1))
    await stored(facts, execution, ["a"])
    await stored(facts, execution, ["a"], FactKind.FAILED)
    assert await whole(Walk(facts, [execution])) == [("a", [Saying(0, verified("a"), failed=True)])]


@pytest.mark.parametrize("pages", [1, 4])
async def test_a_walk_keeps_no_more_than_a_page_for_each_shard(pages):
    facts, execution = MemoryFacts(), an_execution(shards=2, reconciled=True, rows=rows(1))
    await stored(facts, execution, [f"{n:05}" for n in range(pages * PAGE)])
    walk = Walk(facts, [execution])
    while await walk.next():
        assert sum(len(run.buffer) for run in walk._runs) <= 2 * PAGE


async def test_a_failed_read_is_not_an_end():
    class Broken(MemoryFacts):
        async def page(self, *_args, **_kwargs):
            raise Transient("dynamodb.Query", "away")

    with pytest.raises(Transient):
        await Walk(Broken(), [an_execution()]).next()


async def test_what_a_walk_holds_does_not_grow_with_the_shards():
    asked = []

    class Asked(MemoryFacts):
        async def page(self, execution, kind, shard, *, after, limit):
            asked.append(limit)
            return await super().page(execution, kind, shard, after=after, limit=limit)

    for shards in (1, 16, 64):
        asked.clear()
        await Walk(Asked(), [an_execution(shards=shards)]).next()
        assert sum(asked) <= BUFFERED + len(asked)
