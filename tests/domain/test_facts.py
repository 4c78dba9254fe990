from hashlib import sha256

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.domain.facts import Fact, FactKind, fingerprint, is_datasync_metadata, with_storable_path

AT_MS = 1_700_000_000_123
VERIFIED = Fact(FactKind.VERIFIED, "d/a", 3, AT_MS)
FACTS = st.builds(
    Fact,
    st.sampled_from(FactKind),
    st.text(st.characters(categories=None), min_size=1),
    st.none() | st.integers(0, 10**18),
    st.integers(0, 2**42),
    st.none() | st.text(),
)


@settings(deadline=None)
@given(facts=st.lists(FACTS), data=st.data())
def test_sum_of_fingerprints_does_not_depend_on_the_order_of_lines(facts, data):
    shuffled = data.draw(st.permutations(facts))
    assert sum(map(fingerprint, shuffled)) == sum(map(fingerprint, facts))
    assert all(0 <= fingerprint(fact) < 2**64 for fact in facts)


@settings(deadline=None)
@given(one=FACTS, other=FACTS)
def test_fingerprints_are_equal_if_kind_size_and_path_are_equal(one, other):
    assert (fingerprint(one) == fingerprint(other)) == (one[:3] == other[:3])


@pytest.mark.parametrize(
    "other",
    [
        VERIFIED._replace(kind=FactKind.TRANSFERRED),
        VERIFIED._replace(path="d/b"),
        VERIFIED._replace(size_bytes=4),
        VERIFIED._replace(size_bytes=None),
        VERIFIED._replace(size_bytes=0),
    ],
)
def test_kind_path_and_size_each_change_the_fingerprint(other):
    assert fingerprint(other) != fingerprint(VERIFIED)


def test_time_and_detail_do_not_change_the_fingerprint():
    assert fingerprint(VERIFIED._replace(at_ms=0, detail="another detail")) == fingerprint(VERIFIED)


def test_fingerprint_is_the_same_in_every_process_and_version():
    assert fingerprint(VERIFIED) == 3002668272244860492


@pytest.mark.parametrize("path", ["a", "a" * 1024, "é" * 512, "😀" * 256, "a\0\n, 9 bytes", "\ufffe"])
def test_path_that_can_be_a_key_is_stored_unchanged(path):
    fact = VERIFIED._replace(path=path)
    assert with_storable_path(fact) is fact


@pytest.mark.parametrize("path", ["a" * 1025, "é" * 512 + "a", "😀" * 257, "\ud800", "d/\udcff.csv", "\ud83d\ude00"])
def test_path_that_cannot_be_a_key_becomes_a_failure_under_its_hash(path):
    stored = with_storable_path(VERIFIED._replace(path=path))
    digest = sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    assert stored[:4] == (FactKind.FAILED, f"//sha256/{digest}", None, AT_MS)
    assert stored.detail.startswith("the name cannot be an S3 key: ")
    assert len(stored.detail.encode()) < 3000


@settings(deadline=None)
@given(fact=FACTS)
def test_stored_path_can_be_a_key_and_does_not_change_again(fact):
    stored = with_storable_path(fact)
    assert len(stored.path.encode()) <= 1024
    assert with_storable_path(stored) is stored


@settings(deadline=None)
@given(legal=st.text(min_size=1, max_size=200), start=st.text(st.characters(categories=None)))
def test_hashed_path_is_never_the_path_of_a_file(legal, start):
    assume("//" not in legal)
    hashed = with_storable_path(VERIFIED._replace(path=start + "x" * 1025)).path
    assert "//" in hashed
    assert hashed != with_storable_path(VERIFIED._replace(path=legal)).path


@pytest.mark.parametrize("path", [".aws-datasync", ".aws-datasync/", ".aws-datasync/a", ".aws-datasync/d/a"])
def test_datasync_metadata_is_recognized(path):
    assert is_datasync_metadata(path)


@pytest.mark.parametrize(
    "path", ["", "a", "d/.aws-datasync", "d/.aws-datasync/a", ".aws-datasync-a", ".aws-datasync.csv"]
)
def test_path_similar_to_datasync_metadata_is_not_metadata(path):
    assert not is_datasync_metadata(path)
