"""Runs of facts: whatever is packed is unpacked, under keys that sort like the first paths."""

import json
from hashlib import blake2b
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.domain.fact_runs import MAX_BYTES, MAX_FACTS, MIN_FACTS, MIN_RUNS, lower_bound, pack, unpack
from service.domain.facts import MAX_PATH_BYTES, Fact, FactKind, with_storable_path
from service.parsing.failure_detail import MAX_CHARACTERS, failure_detail
from tests.domain.examples import START_MS, verified

MAX_ITEM_BYTES = 400 * 1024
"""DynamoDB's limit of an item."""

ENCODABLE = st.characters(exclude_categories=["Cs"])
AWKWARD = st.sampled_from(
    ["\0", "\0\0", "\x01", "a", "ab", "/", "\n", '"', "\\", "é", "\uffff", "\ue000", "\U0001f600"]
)
PATHS = (
    st.text(ENCODABLE, min_size=1, max_size=30)
    | st.lists(AWKWARD, min_size=1, max_size=4).map("".join)
    # Up to 1,024 bytes, of which all may be NUL: six bytes each in JSON.
    | st.tuples(AWKWARD, st.integers(1, MAX_PATH_BYTES)).map(lambda drawn: drawn[0] * drawn[1])
).map(lambda path: path.encode()[:MAX_PATH_BYTES].decode(errors="ignore"))
DETAILS = (
    st.none() | st.text(ENCODABLE, max_size=20) | st.tuples(AWKWARD, st.integers(1, 5000)).map(lambda d: d[0] * d[1])
)
FACTS = st.builds(
    Fact,
    st.sampled_from(FactKind),
    PATHS.filter(bool),
    st.none() | st.integers(0, 1 << 62),
    st.integers(0, 1 << 52),
    DETAILS,
)
LISTS = st.lists(FACTS, max_size=60) | st.lists(FACTS, max_size=3).map(
    lambda few: [fact._replace(path=f"{fact.path[:50]}{n}") for fact in few for n in range(150)]
)


@given(LISTS)
@settings(deadline=None)
@example([Fact(FactKind.FAILED, "\0" * MAX_PATH_BYTES, None, START_MS, "\0" * MAX_CHARACTERS)] * 3)
def test_every_fact_is_in_exactly_one_run_as_it_was(facts):
    runs = list(pack(facts))
    unpacked = [fact for run in runs for fact in unpack(run.key, run.text)]
    newest = {(fact.path, fact.kind): fact for fact in facts}
    assert {(fact.path, fact.kind): fact for fact in unpacked} == newest
    assert len(unpacked) == len(newest)
    assert [fact.path for fact in unpacked] == sorted((fact.path for fact in newest.values()), key=str.encode)


@given(LISTS)
@settings(deadline=None)
def test_run_fits_into_an_item(facts):
    for run in pack(facts):
        held = unpack(run.key, run.text)
        assert len(held) == 1 or len(run.text.encode()) <= MAX_BYTES
        assert 1 <= len(held) <= MAX_FACTS
        assert len(run.key.encode()) <= MAX_PATH_BYTES
        assert run.last_path == held[-1].path


@given(LISTS, LISTS)
@settings(deadline=None)
def test_keys_sort_like_the_lower_bounds_of_the_first_paths(facts, others):
    runs = sorted([*pack(facts), *pack(others)], key=lambda run: run.key.encode())
    assert runs == sorted(runs, key=lambda run: run.key)
    firsts = [unpack(run.key, run.text)[0].path for run in runs]
    bounds = [lower_bound(run.key) for run in runs]
    assert all(first.startswith(bound) for first, bound in zip(firsts, bounds, strict=True))
    assert all(one <= other for one, other in pairwise(bounds))
    # What a scan relies on: no later run holds a path below the bound of an earlier key.
    assert all(bound <= later for number, bound in enumerate(bounds) for later in firsts[number:])


@given(LISTS)
@settings(deadline=None)
def test_same_facts_make_the_same_runs(facts):
    assert list(pack(facts)) == list(pack(list(facts)))
    assert len({run.key for run in pack(facts)}) == len(list(pack(facts)))


def test_page_is_cut_into_many_runs_but_not_into_ones_that_save_nothing():
    sizes = {
        number: [len(unpack(run.key, run.text)) for run in pack([verified(f"{n:06}") for n in range(number)])]
        for number in (MIN_FACTS, MIN_FACTS + 1, 50 * MIN_RUNS, 20 * MAX_FACTS)
    }
    assert sizes == {
        MIN_FACTS: [MIN_FACTS],
        MIN_FACTS + 1: [MIN_FACTS, 1],
        50 * MIN_RUNS: [50] * MIN_RUNS,
        20 * MAX_FACTS: [MAX_FACTS] * 20,
    }


@pytest.mark.parametrize("character", ["\0", "\x1f", "€", "\U0001f600", "\ud800"])
def test_fact_with_the_longest_path_and_detail_is_far_below_the_limit_of_an_item(character):
    detail = failure_detail(": ", character * 500_000, character * 500_000)
    path = (character * MAX_PATH_BYTES).encode(errors="replace")[:MAX_PATH_BYTES].decode(errors="ignore")
    (run,) = pack([Fact(FactKind.FAILED, path, None, START_MS, detail)])
    assert len(detail) == MAX_CHARACTERS
    assert len(run.text.encode()) + len(run.key.encode()) + len(run.last_path.encode()) < MAX_ITEM_BYTES // 20


@pytest.mark.parametrize("path", ["\ud800", "d/\udcff.csv", "a" * 5000])
def test_name_that_cannot_be_a_key_is_packed_as_a_failure(path):
    (run,) = pack([with_storable_path(verified(path))])
    (fact,) = unpack(run.key, run.text)
    assert fact.kind is FactKind.FAILED


@given(facts=st.lists(FACTS, min_size=1, max_size=5), data=st.data())
@settings(deadline=None)
def test_changed_text_is_not_read(facts, data):
    run = next(pack(facts))
    position = data.draw(st.integers(0, len(run.text)))
    end = data.draw(st.integers(position, len(run.text)))
    changed = run.text[:position] + data.draw(st.text(ENCODABLE, max_size=3)) + run.text[end:]
    if changed != run.text:
        with pytest.raises(ValueError, match="key"):
            unpack(run.key, changed)


@pytest.mark.parametrize(
    "rows",
    [[["a", 3, "renamed", START_MS]], [["a", 3]], [7], 7, {"a": 3}],
    ids=["kind", "short", "number", "no_list", "object"],
)
def test_text_of_a_later_version_is_not_read(rows):
    text = json.dumps(rows)
    with pytest.raises(ValueError, match=r"FactKind|run of facts|unpack"):
        unpack(f"a\0{blake2b(text.encode(), digest_size=8).hexdigest()}", text)
