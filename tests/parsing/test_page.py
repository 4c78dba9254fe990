"""The result of parsing one page of a log."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.facts import Fact, FactKind, UnparsedReason
from service.domain.log_pass import LineCounts
from service.domain.names import TaskMode
from service.domain.port_types import LogEvent
from service.parsing import MAX_SAMPLES, ParsedPage, parse_page

AT_MS = 1_700_000_000_123
VERIFIED = "[NOTICE] Verified file /a, 3 bytes"
FINISHED = "[INFO] Execution exec-0a finished with status Success."
LINES = [
    VERIFIED,
    "[NOTICE] Verified file /b, 3 bytes",
    "[NOTICE] Transferred file /a, 3 bytes",
    "[NOTICE] Verification failed <> /c",
    "[NOTICE] Verified directory /d/",
    "[WARN] something",
    "[NOTICE] something",
    FINISHED,
    "",
]
PAGES = st.lists(st.sampled_from(LINES) | st.text(max_size=10), max_size=15)


def page_of(*messages, mode=TaskMode.BASIC):
    return parse_page(mode, [LogEvent(AT_MS + n, message) for n, message in enumerate(messages)])


def test_page_without_events_is_empty():
    assert page_of() == ParsedPage([], LineCounts(), {}, [])


def test_facts_are_in_the_order_of_their_lines_with_the_times_of_their_events():
    assert page_of("[WARN] something", "[NOTICE] Verified file /b, 4 bytes", VERIFIED).facts == [
        Fact(FactKind.VERIFIED, "b", 4, AT_MS + 1),
        Fact(FactKind.VERIFIED, "a", 3, AT_MS + 2),
    ]


def test_counts_include_every_line_and_facts_by_kind():
    counts = page_of(*LINES, VERIFIED).counts
    assert (counts.lines, counts.saw_finish_line) == (10, True)
    assert counts.lines_by_kind == {
        FactKind.VERIFIED: 3,  # one line came twice
        FactKind.TRANSFERRED: 1,
        FactKind.FAILED: 1,
        FactKind.DIRECTORY: 1,
    }


@pytest.mark.parametrize(
    ("lines", "expected"),
    [([FINISHED, VERIFIED], True), ([VERIFIED, FINISHED], True), ([VERIFIED, f"{FINISHED} x"], False), ([], False)],
)
def test_finish_line_is_seen_at_any_position(lines, expected):
    assert page_of(*lines).counts.saw_finish_line is expected


def test_lines_are_parsed_by_the_task_mode():
    record = json.dumps({"Action": "VERIFY", "Destination": {"RelativePath": "a", "Metadata": {"ContentSize": 3}}})
    enhanced = page_of(record, VERIFIED, mode=TaskMode.ENHANCED)
    basic = page_of(record, VERIFIED, mode=TaskMode.BASIC)
    assert (enhanced.facts, enhanced.unparsed) == (
        [Fact(FactKind.VERIFIED, "a", 3, AT_MS)],
        {UnparsedReason.NOT_JSON: 1},
    )
    assert (basic.facts, basic.unparsed) == (
        [Fact(FactKind.VERIFIED, "a", 3, AT_MS + 1)],
        {UnparsedReason.UNKNOWN_FORMAT: 1},
    )


# Lines that cannot be parsed.


def test_unparsed_lines_are_counted_by_reason_and_recognized_lines_are_not():
    page = page_of("?", "[INFO] x", "?", "[NOTICE] Verified file /, 3 bytes", "[WARN] x", VERIFIED)
    assert page.unparsed == {
        UnparsedReason.UNKNOWN_FORMAT: 2,
        UnparsedReason.LEVEL_INFO: 1,
        UnparsedReason.NO_PATH: 1,
    }


def test_samples_are_the_first_unparsed_lines_with_their_reasons():
    assert page_of("1", VERIFIED, "[INFO] 2", "3", "4", "5").samples == [
        (UnparsedReason.UNKNOWN_FORMAT, "1"),
        (UnparsedReason.LEVEL_INFO, "[INFO] 2"),
        (UnparsedReason.UNKNOWN_FORMAT, "3"),
    ]


def test_number_and_length_of_samples_are_limited():
    page = page_of(*["x" * 100_000] * 100)
    assert page.unparsed == {UnparsedReason.UNKNOWN_FORMAT: 100}
    assert page.samples == [(UnparsedReason.UNKNOWN_FORMAT, "x" * 200)] * MAX_SAMPLES


# The fingerprint.


@settings(deadline=None)
@given(PAGES, st.randoms(use_true_random=False))
def test_counts_depend_neither_on_the_order_of_lines_nor_on_their_distribution_over_pages(lines, random):
    shuffled = list(lines)
    random.shuffle(shuffled)
    cut = random.randint(0, len(lines))
    pages = page_of(*shuffled[:cut]).counts.plus(page_of(*shuffled[cut:]).counts)
    assert pages == page_of(*lines).counts


@settings(deadline=None)
@given(PAGES, st.sampled_from(LINES[:5]))
def test_another_fact_changes_the_fingerprint(lines, line):
    assert page_of(*lines, line).counts.fingerprint != page_of(*lines).counts.fingerprint


def test_lines_without_a_fact_do_not_change_the_fingerprint():
    assert page_of(*LINES[5:]).counts.fingerprint == 0


def test_fingerprint_of_many_lines_stays_within_64_bits():
    fingerprint = page_of(*[VERIFIED] * 1000).counts.fingerprint
    assert fingerprint == page_of(VERIFIED).counts.fingerprint * 1000 % (1 << 64)


# Paths that cannot be keys.


@pytest.mark.parametrize("path", ["d/\ud800.csv", "a" * 1025, "é" * 512 + "a"])
def test_path_that_cannot_be_a_key_becomes_and_counts_as_a_failure(path):
    page = page_of(f"[NOTICE] Verified file /{path}, 3 bytes")
    digest = sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    (fact,) = page.facts
    assert fact[:4] == (FactKind.FAILED, f"//sha256/{digest}", None, AT_MS)
    assert page.counts.lines_by_kind == {FactKind.FAILED: 1}


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(categories=None), min_size=1).filter(lambda path: not path.endswith("/")), max_size=5
    )
)
def test_every_path_of_a_page_can_be_encoded(paths):
    page = page_of(*(f"[NOTICE] Verified file //{path}, 3 bytes" for path in paths))
    assert [len(fact.path.encode()) <= 1024 for fact in page.facts] == [True] * len(paths)
