"""The listing reader against the SDK's own parser: the same answer to every body."""

from urllib.parse import quote_plus
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.adapters.aws import s3_listing
from tests.adapters.aws.pairs import a_pair

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHARACTERS = st.characters(codec="utf-8")
KEYS = st.text(CHARACTERS, min_size=1) | st.sampled_from(
    ["a+b", "a b", "100%", "%2B", "line\nbreak\r", "\x00\x01", "\uffff"]
)
XML_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"))
TIMES = st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z")
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def an_element(name, content):
    return f"<{name}>{content}</{name}>"


def elements(values):
    """Text elements for a mapping's items; None is an element that is not there."""
    return [an_element(name, escape(text)) for name, text in values.items() if text is not None]


def optional(strategy):
    return st.none() | strategy


@st.composite
def objects(draw):
    """One Contents element: what every listing has, and now and then what only some have."""
    values = {
        "Key": draw(KEYS.map(quote_plus) | XML_TEXTS),
        "LastModified": draw(TIMES),
        "ETag": draw(st.just('"d41d8cd98f00b204e9800998ecf8427e-3"') | XML_TEXTS),
        "ChecksumAlgorithm": draw(optional(st.sampled_from(["CRC32", "CRC64NVME", ""]))),
        "ChecksumType": draw(optional(st.sampled_from(["FULL_OBJECT", "COMPOSITE"]))),
        "Size": draw(st.integers(0, 2**63).map(str)),
        "StorageClass": draw(optional(st.sampled_from(["STANDARD", "DEEP_ARCHIVE"]))),
    }
    unusual = [
        "<Owner><DisplayName>o</DisplayName><ID>0</ID></Owner>",
        "<RestoreStatus><RestoreExpiryDate>2026-01-02T03:04:05.000Z</RestoreExpiryDate></RestoreStatus>",
        "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>",
        "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm>",
        "<New>thing</New>",
        "<Size> 7 </Size>",
        "<Size>seven</Size>",
        "<Size/>",
        "<Size>1_000</Size>",
        "<ETag/>",
        "<StorageClass>a<b>c</b>d</StorageClass>",
        "<Key><!-- a comment -->k<!-- another -->ey</Key>",
        "<LastModified>Fri, 02 Jan 2026 03:04:05 GMT</LastModified>",
        "<LastModified>2026-01-02T03:04:05+01:00</LastModified>",
        "<LastModified>never, Z</LastModified>",
        "<Key>an extra key</Key>",
        '<x:Key xmlns:x="urn:other">other</x:Key>',
    ]
    parts = elements(values) + draw(st.lists(st.sampled_from(unusual), max_size=1) | st.just([]))
    return an_element("Contents", "".join(draw(st.permutations(parts))))


@st.composite
def listings(draw):
    """A whole answer to ListObjectsV2."""
    values = {
        "Name": draw(optional(st.just("bucket") | XML_TEXTS)),
        "Prefix": draw(optional(KEYS.map(quote_plus) | st.just(""))),
        "StartAfter": draw(optional(KEYS.map(quote_plus))),
        "KeyCount": draw(optional(st.integers(0, 1000).map(str) | st.just("many"))),
        "MaxKeys": draw(optional(st.just("1000"))),
        "EncodingType": draw(st.sampled_from(["url", None, "none", ""])),
        "IsTruncated": draw(st.sampled_from(["true", "false", None, "True", ""])),
        "NextContinuationToken": draw(optional(st.text("abc+/=", min_size=1))),
        "Delimiter": draw(optional(st.just("%2F"))),
    }
    unusual = [
        "<CommonPrefixes><Prefix>dir%2F</Prefix></CommonPrefixes>",
        "<CommonPrefixes><Prefix>a%2F</Prefix></CommonPrefixes><CommonPrefixes><Prefix>b%2F</Prefix></CommonPrefixes>",
        "<IsTruncated>true</IsTruncated>",
        "<Contents/>",
        "<Versions/>",
        "loose text",
    ]
    parts = elements(values) + draw(st.lists(objects(), max_size=4))
    parts += draw(st.lists(st.sampled_from(unusual), max_size=1) | st.just([]))
    root = draw(st.sampled_from(["ListBucketResult"] * 8 + ["ListVersionsResult", "Error"]))
    namespace = draw(st.sampled_from([f' xmlns="{NAMESPACE}"'] * 8 + ["", ' xmlns="urn:other"']))
    head = draw(
        st.sampled_from(['<?xml version="1.0" encoding="UTF-8"?>\n', "", '<?xml version="1.0" encoding="latin-1"?>'])
    )
    return f"{head}<{root}{namespace}>{''.join(draw(st.permutations(parts)))}</{root}>".encode()


def a_listing(*contents, **values):
    inside = "".join(elements({"EncodingType": "url", "IsTruncated": "false", **values}))
    return f'<ListBucketResult xmlns="{NAMESPACE}">{inside}{"".join(contents)}</ListBucketResult>'.encode()


AN_OBJECT = (
    "<Contents><Key>a+b%0A</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;e&quot;</ETag>"
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>7</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair():
    async with a_pair("s3", s3_listing.register) as opened:
        # What the SDK is left with, seen by the first of its own handlers and so after ours.
        opened.left = []
        opened.seamed.meta.events.register_first(
            "before-parse.s3.*", lambda response_dict, **_: opened.left.append(response_dict["body"])
        )
        yield opened


async def same_answer(pair, body, status=200, **headers):
    """Ask both clients, compare, and return the answer and whether the SDK was left with the body."""
    pair.content, pair.status, pair.headers = body, status, headers
    pair.left.clear()
    theirs, ours = await pair.outcomes("list_objects_v2", Bucket="bucket")
    assert comparable(ours) == comparable(theirs)
    return ours, pair.left == [body]


def comparable(answer):
    """Write XML elements out, which the SDK hands on where an element is repeated that should not be."""
    if isinstance(answer, dict):
        return {name: comparable(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [comparable(value) for value in answer]
    return ET.tostring(answer) if isinstance(answer, ET.Element) else answer


whatever = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@whatever
@given(body=listings())
async def test_any_listing_is_answered_as_the_sdk_answers_it(pair, body):
    await same_answer(pair, body)


@whatever
@given(keys=st.lists(KEYS, max_size=5))
@example(keys=["a+b", "a b", "%", "\x00", "\r\n", "é", "\U0001f600", "\uffff"])
async def test_any_key_comes_as_it_is(pair, keys):
    contents = [AN_OBJECT.replace("a+b%0A", quote_plus(key)) for key in keys]
    answer, left_to_the_sdk = await same_answer(pair, a_listing(*contents))
    assert [item["Key"] for item in answer.get("Contents", [])] == keys
    assert not left_to_the_sdk


@whatever
@given(data=st.data())
async def test_any_broken_listing_is_answered_as_the_sdk_answers_it(pair, data):
    body = data.draw(listings())
    kind = data.draw(st.sampled_from(["cut", "replaced", "inserted"]))
    at = data.draw(st.integers(0, len(body) - 1))
    if kind == "cut":
        body = body[:at]
    else:
        body = body[:at] + data.draw(st.binary(min_size=1, max_size=3)) + body[at + (kind == "replaced") :]
    await same_answer(pair, body)


@whatever
@given(content=st.binary(), status=st.sampled_from([200, 204, 299, 400, 403, 404, 500, 503]))
async def test_any_bytes_of_any_status_are_answered_as_the_sdk_answers_them(pair, content, status):
    await same_answer(pair, content, status)


@pytest.mark.parametrize(
    ("body", "members"),
    [
        (a_listing(), {"EncodingType", "IsTruncated"}),
        (a_listing(AN_OBJECT), {"Contents", "EncodingType", "IsTruncated"}),
        (
            a_listing(AN_OBJECT, AN_OBJECT, KeyCount="2", MaxKeys="2", IsTruncated="true", NextContinuationToken="t"),
            None,
        ),
        (a_listing(AN_OBJECT, Prefix="a%2F", StartAfter="a%2Fb+c", Delimiter="%2F", Name="n"), None),
        (a_listing(AN_OBJECT, EncodingType=None), None),
    ],
)
async def test_usual_listings_are_read_here_and_leave_the_sdk_nothing_to_parse(pair, body, members):
    answer, left_to_the_sdk = await same_answer(pair, body)
    assert pair.left == [b""]
    assert not left_to_the_sdk
    assert members is None or set(answer) == members | {"ResponseMetadata"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html",
        b"<Error><Code>InternalError</Code><Message>because</Message></Error>",
        a_listing("<CommonPrefixes><Prefix>dir%2F</Prefix></CommonPrefixes>"),
        a_listing(AN_OBJECT.replace("</Contents>", "<Owner><ID>0</ID></Owner></Contents>")),
        a_listing(AN_OBJECT.replace("</Contents>", "<New>thing</New></Contents>")),
        a_listing(AN_OBJECT.replace("</Contents>", "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm></Contents>")),
        a_listing(AN_OBJECT.replace(".678Z", "+01:00")),
        a_listing(AN_OBJECT, "<IsTruncated>true</IsTruncated>"),
        a_listing(AN_OBJECT).replace(NAMESPACE.encode(), b"urn:other"),
        a_listing(AN_OBJECT).replace(f' xmlns="{NAMESPACE}"'.encode(), b""),
        a_listing(AN_OBJECT).replace(b"ListBucketResult", b"ListVersionsResult"),
    ],
)
async def test_unusual_answers_are_left_to_the_sdk(pair, body):
    _, left_to_the_sdk = await same_answer(pair, body)
    assert left_to_the_sdk


async def test_an_error_of_status_200_is_still_an_error(pair):
    answer, _ = await same_answer(pair, b"<Error><Code>InternalError</Code><Message>because</Message></Error>")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["Error"]["Code"] == "InternalError"


async def test_what_headers_say_is_in_the_answer(pair):
    headers = {
        "x-amz-request-id": "R",
        "x-amz-id-2": "H",
        "x-amz-request-charged": "requester",
        "content-type": "text/x",
    }
    answer, left_to_the_sdk = await same_answer(pair, a_listing(AN_OBJECT), **headers)
    assert answer["RequestCharged"] == "requester"
    assert answer["ResponseMetadata"]["RequestId"] == "R"
    assert not left_to_the_sdk


async def test_the_first_version_of_listings_is_left_to_the_sdk(pair):
    pair.content, pair.status, pair.headers = a_listing(AN_OBJECT), 200, {}
    pair.left.clear()
    theirs, ours = await pair.outcomes("list_objects", Bucket="bucket")
    assert ours == theirs
    assert pair.left == [pair.content]


async def test_a_listing_is_utf_8_whatever_it_declares(pair):
    declared = b'<?xml version="1.0" encoding="latin-1"?>'
    answer, left_to_the_sdk = await same_answer(pair, declared + a_listing(AN_OBJECT, Name="ü"))
    assert answer["Name"] == "ü"
    assert not left_to_the_sdk


@pytest.mark.parametrize("status", [204, 299, 400, 403, 404, 500, 503])
async def test_a_listing_of_another_status_is_left_to_the_sdk(pair, status):
    _, left_to_the_sdk = await same_answer(pair, a_listing(AN_OBJECT), status)
    assert left_to_the_sdk


async def test_s3_client_of_the_service_uses_this_reader(clients):
    answer, members = {"status_code": 200, "body": a_listing(AN_OBJECT), "headers": {}}, {}
    await clients.s3.meta.events.emit(
        "before-parse.s3.ListObjectsV2",
        operation_model=clients.s3.meta.service_model.operation_model("ListObjectsV2"),
        response_dict=answer,
        customized_response_dict=members,
    )
    assert [item["Key"] for item in members["Contents"]] == ["a+b%0A"]
