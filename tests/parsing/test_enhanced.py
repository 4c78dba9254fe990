import json

import pytest

from service.domain.facts import Fact, FactKind, Known, Unknown
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
        ("TRANSFER", fact(FactKind.TRANSFERRED), Known.TRANSFER_FAILED),
        ("DELETE", fact(FactKind.DELETED), Known.ERROR),
        ("SKIP", Known.SKIPPED, Known.SKIPPED),
        ("LIST", Unknown.ACTION, Unknown.ACTION),
    ],
)
def test_an_action_with_and_without_an_error(action, done, failed):
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
def test_any_sign_of_an_error_fails_the_file(members, detail):
    assert read(record(**members)) == fact(FactKind.FAILED, detail=detail)


@pytest.mark.parametrize("nothing", [None, "", 0, False, [], {}])
def test_an_error_that_says_nothing_is_none(nothing):
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
def test_a_directory_is_known_and_no_fact(action, members):
    assert read(record(action, **members)) is Known.DIRECTORY


def test_a_directory_that_fails_is_no_fact_either():
    failed = record(Destination=side(Type="Directory"), **ERROR)
    assert read(failed) is Known.VERIFICATION_DETAIL
    assert read(failed | {"Action": "TRANSFER"}) is Known.TRANSFER_FAILED


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
def test_the_path_is_the_destinations_or_else_the_sources_without_one_leading_slash(members, path):
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
def test_the_size_is_the_destinations_or_else_the_sources_and_none_where_it_is_no_size(destination, source, size_bytes):
    members = {"Destination": side(ContentSize=destination), "Source": side(ContentSize=source)}
    assert read(record(**members)) == fact(FactKind.VERIFIED, size_bytes=size_bytes)


def test_a_record_may_come_without_any_metadata():
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
def test_a_record_with_something_else_in_place_of_an_object_or_a_text_is_not_guessed_at(members):
    assert read(record(**members)) is Unknown.FORM


@pytest.mark.parametrize("members", [{"Destination": side("/")}, {"Destination": None, "Source": None}])
def test_a_record_without_a_path_is_no_fact(members):
    assert read(record(**members)) is Unknown.PATH


@pytest.mark.parametrize("action", JUNK)
def test_a_record_whose_action_is_not_understood_is_counted_as_that(action):
    assert read(record(action)) is Unknown.ACTION
    assert read({}) is Unknown.ACTION


@pytest.mark.parametrize("message", ["", "{", "[NOTICE] Verified file /a, 3 bytes", "\ufeff{}", "{'Action': 'VERIFY'}"])
def test_what_is_not_json_is_counted_as_that(message):
    assert parse(message, AT_MS) is Unknown.NOT_JSON


@pytest.mark.parametrize("message", ["null", "1", '"text"', "[]", "[{}]"])
def test_json_that_is_no_object_has_not_the_form(message):
    assert parse(message, AT_MS) is Unknown.FORM


@pytest.mark.parametrize("extra", ['"\\ud800"', "1e999", "9" * 400, "9" * 5000])
def test_what_strict_readers_refuse_and_json_allows_is_read(extra):
    assert parse(json.dumps(record(Extra="HERE")).replace('"HERE"', extra), AT_MS) == fact(FactKind.VERIFIED)


@pytest.mark.parametrize("extra", ["[" * 200_000, "[" * 200_000 + "]" * 200_000, '{"a":' * 100_000])
def test_what_no_reader_can_take_is_counted_and_does_no_harm(extra):
    assert parse(f'{{"Action": "VERIFY", "Extra": {extra}}}', AT_MS) is Unknown.NOT_JSON


def test_a_name_that_is_no_unicode_text_arrives_whole():
    assert read(record(Destination=side("d/\ud800a"))) == fact(FactKind.VERIFIED, "d/\ud800a")


def test_a_failures_detail_is_bounded_and_can_be_encoded():
    detail = read(record(ErrorCode="\ud800", ErrorDetail="x" * 100_000)).detail
    assert detail.startswith("\\ud800: xxx")
    assert len(detail.encode()) == 1000
