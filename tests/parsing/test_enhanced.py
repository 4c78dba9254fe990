import json

import pytest

from service.domain.facts import Fact, FactKind, RecognizedLine, UnparsedReason
from service.parsing.enhanced import parse

AT_MS = 1_700_000_000_123
ERROR = {"ErrorCode": "MetadataDiffers", "ErrorDetail": "Verification failed due to a difference in metadata"}
JUNK = [None, True, False, 0, -1, 1.5, "", "text", [], [1], {}, {"a": 1}]


def side(path="d/a", **metadata):
    return {"LocationId": "loc-0a", "RelativePath": path, "Metadata": {"Type": "Object", "ContentSize": 3} | metadata}


def record(action="VERIFY", **members):
    return {"Action": action, "Source": side(), "Destination": side(), **members}


def read(value):
    return parse(json.dumps(value), AT_MS)


def fact(kind, path="d/a", size_bytes=3, detail=None):
    return Fact(kind, path, size_bytes, AT_MS, detail)


@pytest.mark.parametrize(
    ("action", "done", "failed"),
    [
        ("VERIFY", fact(FactKind.VERIFIED), fact(FactKind.FAILED, detail=": ".join(ERROR.values()))),
        ("TRANSFER", fact(FactKind.TRANSFERRED), RecognizedLine.TRANSFER_FAILED),
        ("DELETE", fact(FactKind.DELETED), RecognizedLine.ERROR),
        ("SKIP", RecognizedLine.SKIPPED, RecognizedLine.SKIPPED),
        ("LIST", UnparsedReason.UNKNOWN_ACTION, UnparsedReason.UNKNOWN_ACTION),
    ],
)
def test_action_means_one_thing_with_an_error_and_another_without(action, done, failed):
    assert read(record(action)) == done
    assert read(record(action, **ERROR)) == failed


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"ErrorCode": "A"}, "A"),
        ({"ErrorDetail": "B"}, "B"),
        ({"ErrorCode": "A", "ErrorDetail": None}, "A"),
        ({"ErrorCode": 7}, ""),
        ({"ErrorCode": {"a": [1]}, "ErrorDetail": "B"}, "B"),
    ],
)
def test_any_error_code_or_detail_fails_the_file(members, detail):
    assert read(record(**members)) == fact(FactKind.FAILED, detail=detail)


@pytest.mark.parametrize("nothing", [None, "", 0, False, [], {}])
def test_empty_error_is_not_an_error(nothing):
    assert read(record(ErrorCode=nothing, ErrorDetail=nothing)) == fact(FactKind.VERIFIED)


@pytest.mark.parametrize("action", ["VERIFY", "TRANSFER", "DELETE"])
@pytest.mark.parametrize(
    "members",
    [
        {"Destination": side(Type="Directory")},
        {"Destination": side(Type="folder")},
        {"Source": side(Type="FOLDER")},
        {"Destination": side("d/a/")},
        {"Destination": side("/", Type="Directory")},
        {"Destination": side("", Type="Directory"), "Source": None},
    ],
)
def test_directory_is_recognized_and_states_no_fact(action, members):
    assert read(record(action, **members)) is RecognizedLine.DIRECTORY


def test_failed_directory_is_recognized_and_states_no_fact():
    failed = record(Destination=side(Type="Directory"), **ERROR)
    assert read(failed) is RecognizedLine.VERIFICATION_DETAIL
    assert read(failed | {"Action": "TRANSFER"}) is RecognizedLine.TRANSFER_FAILED


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"Destination": side("b")}, "b"),
        ({"Destination": side("/b")}, "b"),
        ({"Destination": side("//b")}, "/b"),
        ({"Destination": side("")}, "d/a"),
        ({"Destination": side(None)}, "d/a"),
        ({"Destination": None}, "d/a"),
        ({"Destination": {}}, "d/a"),
        ({"Source": None}, "d/a"),
    ],
)
def test_path_is_that_of_the_destination_or_else_of_the_source_without_one_leading_slash(members, path):
    assert read(record(**members)) == fact(FactKind.VERIFIED, path)


@pytest.mark.parametrize(
    ("destination", "source", "size_bytes"),
    [
        (5, 3, 5),
        (0, 3, 0),
        (None, 3, 3),
        (None, None, None),
        (10**18 - 1, 3, 10**18 - 1),
        (10**18, 3, None),
        (10**400, 3, None),
        (-1, 3, None),
        (3.0, 3, None),
        (True, 3, None),
        ("5", 3, None),
        ([5], 3, None),
    ],
)
def test_size_is_that_of_the_destination_or_else_of_the_source_and_none_if_invalid(destination, source, size_bytes):
    members = {"Destination": side(ContentSize=destination), "Source": side(ContentSize=source)}
    assert read(record(**members)) == fact(FactKind.VERIFIED, size_bytes=size_bytes)


def test_record_without_metadata_is_parsed():
    bare = {"RelativePath": "d/a"}
    assert read(record(Destination=bare, Source=bare)) == fact(FactKind.VERIFIED, size_bytes=None)


@pytest.mark.parametrize(
    "members",
    [
        {"Source": [side()]},
        {"Destination": "d/a"},
        {"Destination": 1},
        {"Destination": side(5)},
        {"Destination": side(["d/a"])},
        {"Destination": side(Type=5)},
        {"Destination": {"RelativePath": "d/a", "Metadata": [1]}},
    ],
)
def test_record_with_a_member_of_another_type_is_unparsed(members):
    assert read(record(**members)) is UnparsedReason.UNKNOWN_FORMAT


@pytest.mark.parametrize("members", [{"Destination": side("/")}, {"Destination": None, "Source": None}])
def test_record_without_a_path_is_unparsed(members):
    assert read(record(**members)) is UnparsedReason.NO_PATH


@pytest.mark.parametrize("action", JUNK)
def test_record_with_an_unknown_action_is_unparsed(action):
    assert read(record(action)) is UnparsedReason.UNKNOWN_ACTION
    assert read({}) is UnparsedReason.UNKNOWN_ACTION


@pytest.mark.parametrize("message", ["", "{", "[NOTICE] Verified file /a, 3 bytes", "\ufeff{}", "{'Action': 'VERIFY'}"])
def test_text_that_is_not_json_is_unparsed(message):
    assert parse(message, AT_MS) is UnparsedReason.NOT_JSON


@pytest.mark.parametrize("message", ["null", "1", '"text"', "[]", "[{}]"])
def test_json_that_is_not_an_object_is_unparsed(message):
    assert parse(message, AT_MS) is UnparsedReason.UNKNOWN_FORMAT


@pytest.mark.parametrize("extra", ['"\\ud800"', "1e999", "9" * 400, "9" * 5000])
def test_values_that_strict_decoders_reject_and_json_allows_are_parsed(extra):
    assert parse(json.dumps(record(Extra="HERE")).replace('"HERE"', extra), AT_MS) == fact(FactKind.VERIFIED)


@pytest.mark.parametrize("extra", ["[" * 200_000, "[" * 200_000 + "]" * 200_000, '{"a":' * 100_000])
def test_nesting_that_no_decoder_supports_is_unparsed(extra):
    assert parse(f'{{"Action": "VERIFY", "Extra": {extra}}}', AT_MS) is UnparsedReason.NOT_JSON


def test_name_that_is_not_valid_unicode_is_preserved():
    assert read(record(Destination=side("d/\ud800a"))) == fact(FactKind.VERIFIED, "d/\ud800a")


def test_detail_of_a_failure_is_bounded_and_can_be_encoded():
    detail = read(record(ErrorCode="\ud800", ErrorDetail="x" * 100_000)).detail
    assert detail.startswith("\\ud800: xxx")
    assert len(detail.encode()) == 1000
