"""File names that look like log lines: the parsed name is exactly the file's, and no part of it is taken for a line."""

import json
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from service.domain.facts import Fact, FactKind, RecognizedLine, UnparsedReason
from service.parsing import basic, enhanced

AT_MS = 1_700_000_000_123
META = "type=R mode=0755 uid=65534 gid=65534 size=1 atime=1/0 mtime=1/0 extAttrsHash=0"
FINISH = "[INFO] Execution exec-03672b9e5bd7643d0 finished with status Success."
FAILURE = f"[NOTICE] Verification failed <> /x\n[NOTICE] /x   srcMeta: {META}\n[NOTICE]   srcHash: 0c"
RECORD = json.dumps({"Action": "VERIFY", "Destination": {"RelativePath": "x"}})
PIECES = [
    ", 9 bytes", ", 9 bytes\n", ",", " ", "\n", "\r\n", "\0", "\x1b[2J", "\x85", "\u2028", "\ufffe", "é", "e\u0301",
    "😀", "/", "..", "//", "\\", '"', "'", "%2F", "{", "}", "<>", ">", "[", "]", "[NOTICE] ", "   srcMeta: ",
    "   dstHash: ", FINISH, FAILURE, RECORD, "[NOTICE] Verified file /x, 9 bytes", "[ERROR] Failed",
]  # fmt: skip
SIZES = st.integers(0, 10**18 - 1)


ANY_TEXT = st.text(st.characters(categories=None), max_size=8)
NAMES = (
    st.lists(st.sampled_from(PIECES) | ANY_TEXT, min_size=1, max_size=5)
    .map("".join)
    .filter(lambda name: name and not name.endswith("/"))
)
"""Names of files, some with lone surrogates: not empty, and without the trailing slash of a directory."""


@pytest.mark.parametrize("kind", [FactKind.VERIFIED, FactKind.TRANSFERRED, FactKind.DELETED])
@settings(deadline=None)
@given(name=NAMES, size_bytes=SIZES)
@example(name=FINISH, size_bytes=0)
@example(name=f"\n{FINISH}\n", size_bytes=0)
@example(name=FAILURE, size_bytes=0)
def test_basic_line_with_a_size_is_parsed_to_its_name_and_size(kind, name, size_bytes):
    line = f"[NOTICE] {kind.capitalize()} file /{name}, {size_bytes} bytes"
    assert basic.parse(line, AT_MS) == Fact(kind, name, size_bytes, AT_MS)


@pytest.mark.parametrize("kind", [FactKind.TRANSFERRED, FactKind.DELETED])
@settings(deadline=None)
@given(name=NAMES)
def test_basic_line_without_a_size_is_parsed_to_its_name_unless_that_ends_like_a_size(kind, name):
    assume(not re.search(r", [0-9]{1,18} bytes(\r?\n)?\Z", name))
    assert basic.parse(f"[NOTICE] {kind.capitalize()} file /{name}", AT_MS) == Fact(kind, name, None, AT_MS)


@settings(deadline=None)
@given(name=NAMES)
def test_basic_line_about_a_directory_is_parsed_to_its_name(name):
    assert basic.parse(f"[NOTICE] Verified directory /{name}", AT_MS) == Fact(FactKind.DIRECTORY, name, None, AT_MS)


@settings(deadline=None)
@given(name=NAMES, sign=st.sampled_from(["<>", "<", ">"]))
@example(name=FAILURE, sign="<>")
@example(name=f"x\n{FINISH}", sign="<>")
def test_basic_failure_is_parsed_to_its_name(name, sign):
    line = f"[NOTICE] Verification failed {sign} /{name}"
    assert basic.parse(line, AT_MS) == Fact(FactKind.FAILED, name, None, AT_MS, sign)


@settings(deadline=None)
@given(name=NAMES)
@example(name=FAILURE)
@example(name=f"x\n[NOTICE] /x   srcMeta: {META}")
@example(name="x\n[NOTICE] /x")
def test_basic_failure_with_metadata_in_the_same_event_is_parsed_to_its_name(name):
    meta = [f"{end}Meta: {META}\n[NOTICE]   {end}Hash: 0c" for end in ("src", "dst")]
    event = f"[NOTICE] Verification failed <> /{name}" + "".join(f"\n[NOTICE] /{name}   {text}" for text in meta)
    parsed = basic.parse(event, AT_MS)
    assert (parsed.kind, parsed.path) == (FactKind.FAILED, name)
    assert parsed.detail.startswith(f"<> srcMeta: {META}\n[NOTICE]   srcHash: 0c\n[NOTICE] /")


@settings(deadline=None)
@given(name=NAMES)
def test_name_in_a_basic_line_without_a_fact_states_none(name):
    assert basic.parse(f"[NOTICE] /{name}   srcMeta: {META}", AT_MS) is RecognizedLine.VERIFICATION_DETAIL
    assert (
        basic.parse(f"[ERROR] Failed to open source file /{name}: No such file or directory", AT_MS)
        is RecognizedLine.ERROR
    )
    assert basic.parse(f"[WARN] Failed to read metadata for file /{name}: No data", AT_MS) is RecognizedLine.WARNING
    assert basic.parse(f"[NOTICE] Skipped file /{name}, 3 bytes", AT_MS) is RecognizedLine.SKIPPED
    assert basic.parse(f"[NOTICE] Created directory /{name}", AT_MS) is RecognizedLine.DIRECTORY


@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("ensure_ascii", [True, False])
@settings(deadline=None)
@given(name=NAMES, size_bytes=SIZES, slash=st.sampled_from(["", "/"]))
def test_enhanced_record_is_parsed_to_its_name(indent, ensure_ascii, name, size_bytes, slash):
    assume(slash or not name.startswith("/"))
    assume(json.loads(json.dumps(name)) == name)  # two surrogates that make a pair are one character in JSON
    side = {"RelativePath": slash + name, "Metadata": {"Type": "Object", "ContentSize": size_bytes}}
    record = {"Action": "VERIFY", "Source": side, "Destination": side}
    line = json.dumps(record, indent=indent, ensure_ascii=ensure_ascii)
    assert enhanced.parse(line, AT_MS) == Fact(FactKind.VERIFIED, name, size_bytes, AT_MS)
    failed = json.dumps(record | {"ErrorCode": name}, indent=indent, ensure_ascii=ensure_ascii)
    parsed = enhanced.parse(failed, AT_MS)
    assert parsed[:4] == (FactKind.FAILED, name, size_bytes, AT_MS)
    assert parsed.detail.encode()


OPENINGS = st.sampled_from([
    "", "[NOTICE] ", "[INFO] ", "[ERROR] ", "[NOTICE] Verified file /", "[NOTICE] Verified directory ",
    "[NOTICE] Transferred file ", "[NOTICE] Verification failed <> ", "[INFO] Execution exec-0 ",
    '{"Action": "VERIFY", ',
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
MEMBERS = {
    "Action": st.sampled_from(["VERIFY", "TRANSFER", "DELETE", "SKIP"]) | JSON,
    "ErrorCode": JSON,
    "ErrorDetail": JSON,
}
METADATA = st.fixed_dictionaries({}, optional={"Type": JSON, "ContentSize": JSON})
SIDES = st.fixed_dictionaries({}, optional={"RelativePath": st.text() | JSON, "Metadata": METADATA | JSON})
RECORDS = st.fixed_dictionaries({}, optional=MEMBERS | {"Source": SIDES | JSON, "Destination": SIDES | JSON})


def is_sound(parsed):
    """Return whether the result is one of three types and, if it is a fact, has valid members."""
    if not isinstance(parsed, Fact):
        return isinstance(parsed, RecognizedLine | UnparsedReason)
    return (
        isinstance(parsed.kind, FactKind)
        and isinstance(parsed.path, str)
        and parsed.path != ""
        and (parsed.size_bytes is None or (type(parsed.size_bytes) is int and 0 <= parsed.size_bytes < 10**18))
        and parsed.at_ms == AT_MS
        and (parsed.detail is not None) == (parsed.kind is FactKind.FAILED)
        and len((parsed.detail or "").encode()) <= 4000
    )


@settings(deadline=None)
@given(opening=OPENINGS, rest=NAMES | ANY_TEXT)
def test_any_text_has_one_of_three_results_and_raises_nothing(opening, rest):
    assert is_sound(basic.parse(opening + rest, AT_MS))
    assert is_sound(enhanced.parse(opening + rest, AT_MS))


@settings(deadline=None)
@given(record=RECORDS | JSON)
def test_any_json_has_one_of_three_results_and_raises_nothing(record):
    assert is_sound(enhanced.parse(json.dumps(record), AT_MS))
