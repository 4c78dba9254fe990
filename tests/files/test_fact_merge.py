import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.errors import TransientError
from service.domain.facts import Fact, FactKind
from service.domain.file_decision import FileEvidence, fold_facts
from service.files.fact_merge import FactMerge
from tests.domain.examples import START_MS, an_execution, verified
from tests.fakes.stores import MemoryFactStore
from tests.virtual_time import run

PAGE = 1000
ORDER_OF_S3 = ["A", "a", "a b", "a.csv", "a/b", "aa", "b", "é", "￿", "\U0001f600"]
"""By UTF-8 bytes: UTF-16 would put the last two the other way round."""


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
FACTS = st.lists(
    st.builds(Fact, st.sampled_from(FactKind), PATHS, st.just(3), st.just(START_MS), st.none()), max_size=40
)


@given(
    st.lists(FACTS, min_size=1, max_size=3),
    st.integers(min_value=1, max_value=5),
    st.just("") | PATHS,
)
@settings(max_examples=60)
def test_merge_equals_a_sort_of_all_facts_for_any_pages(facts_of, page_size, after):
    store = MemoryFactStore(page_size=page_size)
    executions = [an_execution(n) for n in range(len(facts_of))]

    async def main():
        for execution, facts in zip(executions, facts_of, strict=True):
            for start in range(0, len(facts), 3):
                await store.add(execution, facts[start : start + 3])
        return await whole(FactMerge(store, executions, after=after))

    merged = [(path, list(evidence)) for path, evidence in run(main())]
    assert merged == naive([{(f.kind, f.path): f for f in facts}.values() for facts in facts_of], after)


async def stored(facts, execution, paths, kind=FactKind.VERIFIED):
    await facts.add(execution, [verified(path)._replace(kind=kind) for path in paths])


async def test_files_are_returned_in_the_order_of_s3():
    facts, execution = MemoryFactStore(), an_execution()
    await stored(facts, execution, reversed(ORDER_OF_S3))
    assert [path for path, _ in await whole(FactMerge(facts, [execution]))] == ORDER_OF_S3


async def test_merge_of_many_pages_is_complete():
    facts, execution = MemoryFactStore(), an_execution()
    paths = [f"{n:05}" for n in range(5 * PAGE)]
    await stored(facts, execution, paths)
    assert [path for path, _ in await whole(FactMerge(facts, [execution]))] == paths


async def test_merge_without_facts_has_no_files():
    assert await FactMerge(MemoryFactStore(), [an_execution()]).next_files() == []


async def test_evidence_of_each_execution_is_ordered_oldest_first():
    facts, executions = MemoryFactStore(), [an_execution(1), an_execution(2)]
    await stored(facts, executions[0], ["a"])
    await stored(facts, executions[1], ["a"], FactKind.FAILED)
    failed = verified("a")._replace(kind=FactKind.FAILED)
    assert await whole(FactMerge(facts, executions)) == [
        ("a", [FileEvidence(0, verified("a")), FileEvidence(1, failed=failed)])
    ]


async def test_merge_starts_after_the_cursor():
    facts, execution = MemoryFactStore(), an_execution()
    await stored(facts, execution, ["a", "b", "c"])
    assert [path for path, _ in await whole(FactMerge(facts, [execution], after="b"))] == ["c"]


async def test_failed_read_is_an_error_and_not_an_end():
    class Broken(MemoryFactStore):
        async def read_page(self, *_args, **_kwargs):
            raise TransientError("dynamodb.Query", "away")

    with pytest.raises(TransientError):
        await FactMerge(Broken(), [an_execution()]).next_files()


async def test_directories_are_no_files():
    facts, execution = MemoryFactStore(), an_execution()
    await stored(facts, execution, ["dir", "dir/a"], FactKind.DIRECTORY)
    await stored(facts, execution, ["dir/a"])
    assert await whole(FactMerge(facts, [execution])) == [("dir/a", (FileEvidence(0, verified("dir/a")),))]
