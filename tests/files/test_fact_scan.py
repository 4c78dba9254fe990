"""Scans of stored facts: the same as a set of facts that only grows, whatever is stored twice, late or in parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.fact_runs import pack
from service.domain.facts import Fact, FactKind
from service.files import fact_scan
from service.files.fact_count import count_facts
from service.files.fact_scan import FactScan
from tests.domain.examples import START_MS, an_execution, verified
from tests.fakes.stores import MemoryFactStore
from tests.virtual_time import run

PATHS = st.text(st.sampled_from("\0\x01 ab/~é\ud7ff\ue000\uffff\U0001f600"), min_size=1, max_size=4)
FACTS = st.builds(Fact, st.sampled_from(FactKind), PATHS, st.just(3), st.just(START_MS), st.none())
PAGES = st.lists(st.lists(FACTS, max_size=40), max_size=6)


async def scanned(scan):
    paths = []
    while some := await scan.next_paths():
        paths += some
    return paths


async def stored(pages, page_size, rewrites):
    """Store pages of a log as a worker may: pages again with other boundaries, and some of their facts only."""
    store, execution = MemoryFactStore(page_size=page_size), an_execution()
    for page in pages:
        await store.add(execution, page)
    everything = [fact for page in pages for fact in page]
    for start, end in rewrites:
        await store.add(execution, everything[min(start, end) : max(start, end)])
    return store, execution


REWRITES = st.lists(st.tuples(st.integers(0, 240), st.integers(0, 240)), max_size=4)


@given(pages=PAGES, page_size=st.integers(1, 5), rewrites=REWRITES, after=st.just("") | PATHS)
@settings(max_examples=200)
def test_scan_returns_every_path_once_in_order_with_every_kind(pages, page_size, rewrites, after):
    async def main():
        store, execution = await stored(pages, page_size, rewrites)
        return await scanned(FactScan(store, execution, after=after))

    model = {}
    for page in pages:
        for fact in page:
            if fact.path > after:
                model.setdefault(fact.path, {})[fact.kind] = fact
    assert run(main()) == [(path, model[path]) for path in sorted(model, key=str.encode)]


@given(pages=PAGES, page_size=st.integers(1, 5), buffered=st.integers(2, 20), after=st.just("") | PATHS)
@settings(max_examples=200)
def test_scan_with_a_small_buffer_returns_the_same(pages, page_size, buffered, after):
    async def main():
        store, execution = await stored(pages, page_size, [])
        whole = await scanned(FactScan(store, execution, after=after))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fact_scan, "MAX_BUFFERED_FACTS", buffered)
            return whole, await scanned(FactScan(store, execution, after=after))

    whole, bounded = run(main())
    assert bounded == whole


@given(pages=PAGES, late=PAGES, page_size=st.integers(1, 5), after=PATHS)
@settings(max_examples=200)
def test_scan_from_a_seek_point_returns_the_same_as_one_from_the_head(pages, late, page_size, after):
    async def main():
        store, execution = await stored(pages, page_size, [])
        await count_facts(store, execution)
        for page in late:
            await store.add(execution, page)
        from_seek_point = await scanned(FactScan(store, execution, after=after))
        store.seek_points.clear()
        return from_seek_point, await scanned(FactScan(store, execution, after=after))

    from_seek_point, from_head = run(main())
    late_paths = {fact.path for page in late for fact in page}
    assert [p for p in from_head if p[0] not in late_paths] == [p for p in from_seek_point if p[0] not in late_paths]


@given(pages=PAGES, torn=st.randoms(use_true_random=False), page_size=st.integers(1, 5))
@settings(max_examples=200)
def test_addition_that_was_stored_in_part_and_repeated_by_two_writers_loses_nothing(pages, torn, page_size):
    async def main():
        store, execution = MemoryFactStore(page_size=page_size), an_execution()
        for page in pages:
            # One worker stores some runs and dies. Another one reads less of the log at a time, and its answer is lost.
            runs = list(pack(page))
            some = torn.sample(runs, torn.randrange(len(runs) + 1))
            store.runs.setdefault(execution.id, {}).update((run.key, run) for run in some)
            half = torn.randrange(len(page) + 1)
            for part in (page[:half], page[half:], page[:half]):
                await store.add(execution, part)
        return await scanned(FactScan(store, execution)), await count_facts(store, execution)

    expected = {(fact.path, fact.kind) for page in pages for fact in page}
    paths, counts = run(main())
    assert [(path, kind) for path, kinds in paths for kind in sorted(kinds)] == sorted(expected)
    assert sum(counts.values()) == len(expected)


@given(pages=PAGES, page_size=st.integers(1, 5), step=st.integers(1, 4), after=PATHS)
@settings(max_examples=200)
def test_every_seek_point_is_before_all_later_paths(pages, page_size, step, after):
    async def main():
        store, execution = await stored(pages, page_size, [])
        await count_facts(store, execution)
        found = []
        for point in (await store.read_seek_points(execution))[::step]:
            rest = [run for run in store.runs[execution.id].values() if run.key <= point.key]
            found.append((point.path, max((run.last_path for run in rest), default="")))
        return found

    assert all(last_path <= path for path, last_path in run(main()))


@pytest.mark.parametrize("size_bytes", range(20))
async def test_newest_fact_counts_wherever_its_run_sorts(size_bytes):
    store, execution = MemoryFactStore(), an_execution()
    newest = verified("a", size_bytes, START_MS + 5)
    await store.add(execution, [newest])
    await store.add(execution, [verified("a", 99, START_MS)])
    assert await scanned(FactScan(store, execution)) == [("a", {FactKind.VERIFIED: newest})]


async def test_scan_in_the_middle_reads_few_pages():
    class CountingStore(MemoryFactStore):
        pages = 0

        async def read_page(self, execution, *, after_key):
            self.pages += 1
            return await super().read_page(execution, after_key=after_key)

    store, execution = CountingStore(), an_execution()
    numbers = [n * 7919 % 50_000 for n in range(50_000)]
    for start in range(0, 50_000, 5000):
        await store.add(execution, [verified(f"{n:06}") for n in numbers[start : start + 5000]])
    await count_facts(store, execution)
    store.pages = 0
    scan = FactScan(store, execution, after="040000")
    assert (await scan.next_paths())[0][0] == "040001"
    assert store.pages <= 6


async def test_facts_are_counted_once_however_often_they_are_stored():
    store, execution = MemoryFactStore(), an_execution()
    facts = [verified(f"{n}") for n in range(100)]
    await store.add(execution, facts)
    await store.add(execution, facts[10:])
    await store.add(execution, [*facts[:3], verified("1")._replace(kind=FactKind.FAILED)])
    assert await count_facts(store, execution) == dict.fromkeys(FactKind, 0) | {
        FactKind.VERIFIED: 100,
        FactKind.FAILED: 1,
    }
