"""The cached signer against the SDK's own: the same headers in the same order for any request."""

import hmac
import io
import itertools
from datetime import UTC, datetime, timedelta

import botocore
import pytest
from aiobotocore.credentials import AioRefreshableCredentials
from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.adapters.aws import signing
from service.adapters.aws.signing import CachedKeySigner, signing_key
from tests.adapters.aws.pairs import a_pair

URL = "https://sqs.eu-central-1.amazonaws.com/"
HEADERS = [
    ("X-Amz-Target", "AmazonSQS.SendMessageBatch"),
    ("Content-Type", "application/x-amz-json-1.0"),
    ("x-amzn-query-mode", "true"),
    ("User-Agent", "datasync-trigger/0.1.0 botocore/1.40.61"),
]
A_BATCH = {"QueueUrl": f"{URL}1/q", "Entries": [{"Id": "0", "MessageBody": "b"}]}
CREDENTIALS = ReadOnlyCredentials("AKID", "secret", "token", None)

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)
USUAL_NAMES = st.sampled_from([name for name, _ in HEADERS]).flatmap(
    lambda name: st.sampled_from([name, name.lower(), name.upper()])
)
UNUSUAL_NAMES = st.sampled_from(
    [
        "Authorization",
        "Content-Length",
        "Date",
        "Expect",
        "Host",
        "Transfer-Encoding",
        "X-Amz-Content-SHA256",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "X-Amzn-Trace-Id",
        "amz-sdk-request",
    ]
)
VALUES = st.text(st.characters(codec="latin-1")) | st.sampled_from(["  two  blanks ", "", "\ud800", "a\tb", "é"])
URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["https", "http", "HTTPS"]),
    st.sampled_from(["sqs.eu-central-1.amazonaws.com", "127.0.0.1", "LocalHost", "[::1]", "user:pass@host", "h_h"]),
    st.sampled_from(["", ":", ":443", ":80", ":4566", ":0"]),
    st.sampled_from(["/", "/", "", "//", "/a/../b", "/a b/ü", "/%20", "/."]),
    st.sampled_from(["", "", "?", "?b=2&a=1&a=0", "?a", "?a=%2F+é", "#f"]),
)
BODIES = st.one_of(
    st.binary(),
    st.binary().map(io.BytesIO),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
    st.none(),
)
PARAMETERS = st.just({}) | st.dictionaries(TEXTS, TEXTS | st.integers(), max_size=2)
CONTEXTS = st.sampled_from(
    [
        {},
        {},
        {"payload_signing_enabled": False},
        {"payload_signing_enabled": True},
        {"checksum": {"request_algorithm": {"in": "trailer", "algorithm": "crc32", "name": "x-amz-checksum-crc32"}}},
        {"checksum": {"request_algorithm": {"in": "header", "algorithm": "crc32", "name": "x-amz-checksum-crc32"}}},
    ]
)
ANY_CREDENTIALS = st.builds(ReadOnlyCredentials, TEXTS, TEXTS, st.none() | TEXTS, st.none())


def signed_by(signer, credentials, request):
    """Sign a request that is made of the arguments; what is raised is an outcome too."""
    method, url, headers, body, parameters, context = request
    made = AWSRequest(method=method, url=url, data=body, params=dict(parameters))
    for name, value in headers:
        made.headers[name] = value
    made.context = dict(context)
    try:
        signer(credentials, "sqs", "eu-central-1").add_auth(made)
    except (AttributeError, TypeError, UnicodeError, ValueError) as error:
        return type(error)
    return list(made.headers.raw_items()), made.context


def signed_by_both(credentials, *request):
    """Sign with both, in one second."""
    while True:
        began = datetime.now(UTC).replace(microsecond=0)
        signed = [signed_by(signer, credentials, request) for signer in (SigV4Auth, CachedKeySigner)]
        if began == datetime.now(UTC).replace(microsecond=0):
            return signed


@settings(deadline=None)
@given(
    credentials=ANY_CREDENTIALS,
    method=st.sampled_from(["POST", "POST", "GET", "HEAD", "PUT", "post"]),
    url=URLS,
    headers=st.lists(st.tuples(USUAL_NAMES | USUAL_NAMES | UNUSUAL_NAMES | TEXTS, VALUES), max_size=6),
    body=BODIES,
    parameters=PARAMETERS,
    context=CONTEXTS,
)
def test_any_request_is_signed_as_the_sdk_signs_it(credentials, method, url, headers, body, parameters, context):
    theirs, ours = signed_by_both(credentials, method, url, headers, body, parameters, context)
    assert ours == theirs


@settings(deadline=None)
@given(
    credentials=ANY_CREDENTIALS,
    host=st.sampled_from(["https://sqs.eu-central-1.amazonaws.com", "http://127.0.0.1:4566", "https://Host:443"]),
    headers=st.lists(st.tuples(USUAL_NAMES, VALUES), max_size=4, unique_by=lambda header: header[0].lower()),
    body=st.binary(),
)
@example(credentials=CREDENTIALS, host=URL.removesuffix("/"), headers=HEADERS, body=b"{}")
@example(credentials=CREDENTIALS._replace(token=None), host=URL.removesuffix("/"), headers=HEADERS, body=b"{}")
def test_usual_requests_are_signed_as_the_sdk_signs_them(credentials, host, headers, body):
    theirs, ours = signed_by_both(credentials, "POST", f"{host}/", headers, body, {}, {})
    assert ours == theirs


USUAL = {"method": "POST", "url": URL, "headers": HEADERS, "body": b"{}", "parameters": {}, "context": {}}
ONE_UNUSUAL = st.one_of(
    st.fixed_dictionaries({"method": st.sampled_from(["GET", "HEAD", "PUT", "post"])}),
    st.fixed_dictionaries({"url": URLS}),
    st.fixed_dictionaries({"headers": st.tuples(UNUSUAL_NAMES | TEXTS, VALUES).map(lambda one: [*HEADERS, one])}),
    st.fixed_dictionaries({"headers": st.tuples(USUAL_NAMES, VALUES).map(lambda one: [*HEADERS, one])}),
    st.fixed_dictionaries({"body": BODIES}),
    st.fixed_dictionaries({"parameters": PARAMETERS}),
    st.fixed_dictionaries({"context": CONTEXTS}),
)


@settings(deadline=None, max_examples=300)
@given(credentials=ANY_CREDENTIALS, unusual=ONE_UNUSUAL)
@example(credentials=CREDENTIALS, unusual={"method": "GET"})
@example(credentials=CREDENTIALS, unusual={"url": "http://[::1]:4566/"})
@example(credentials=CREDENTIALS, unusual={"url": "http://localhost:443/"})
@example(credentials=CREDENTIALS, unusual={"url": f"{URL}path"})
@example(credentials=CREDENTIALS, unusual={"url": f"{URL}?b=2&a=1"})
@example(credentials=CREDENTIALS, unusual={"headers": [*HEADERS, ("content-type", "another")]})
@example(credentials=CREDENTIALS, unusual={"headers": [*HEADERS, ("Date", "now")]})
@example(credentials=CREDENTIALS, unusual={"parameters": {"a": "b"}})
@example(credentials=CREDENTIALS, unusual={"context": {"payload_signing_enabled": False}})
@example(credentials=CREDENTIALS, unusual={"context": {"checksum": {"request_algorithm": {"in": "trailer"}}}})
def test_one_unusual_thing_is_signed_as_the_sdk_signs_it(credentials, unusual):
    theirs, ours = signed_by_both(credentials, *(USUAL | unusual).values())
    assert ours == theirs


@given(
    secret=TEXTS,
    day=st.dates().map(lambda day: day.strftime("%Y%m%d")),
    region=TEXTS,
    service=TEXTS,
    others=st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), max_size=3),
)
def test_a_key_is_the_one_of_its_secret_day_region_and_service(secret, day, region, service, others):
    for key in [(secret, day, region, service), *others, (secret, day, region, service)]:
        request = AWSRequest()
        request.context = {"timestamp": f"{key[1]}T030405Z"}
        theirs = SigV4Auth(ReadOnlyCredentials("AKID", key[0], None, None), key[3], key[2])
        # The SDK takes the day from the first eight characters of the time.
        ours = signing_key(key[0], request.context["timestamp"][:8], key[2], key[3])
        assert hmac.new(ours, b"text", "sha256").hexdigest() == theirs.signature("text", request)


def test_a_key_is_derived_once_a_day():
    signing_key.cache_clear()
    for body in (b"1", b"2", b"3"):
        signed_by(CachedKeySigner, CREDENTIALS, ("POST", URL, HEADERS, body, {}, {}))
    assert signing_key.cache_info().misses <= 2  # Midnight may pass.
    assert signing_key.cache_info().hits >= 1


async def sent_by_both(pair, operation, **parameters):
    """Call with both clients in one second; return the headers that went out, and whether a key of ours was used."""
    while True:
        signing_key.cache_clear()
        theirs, ours = await pair.outcomes(operation, **parameters)
        assert ours == theirs
        headers = [dict(request.headers.items()) for request in pair.sent]
        for sent in headers:
            del sent["amz-sdk-invocation-id"]
        if headers[0].get("X-Amz-Date") == headers[1].get("X-Amz-Date"):
            return *headers, signing_key.cache_info().misses == 1


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "is_ours"),
    [
        ("sqs", "send_message_batch", A_BATCH, True),
        ("sqs", "receive_message", {"QueueUrl": f"{URL}1/q"}, True),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"pk": {"S": "é"}}}, True),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:eu-central-1:123456789012:t", "Message": "m"}, False),
        ("s3", "list_objects_v2", {"Bucket": "bucket", "Prefix": "a b/+é"}, False),
        ("s3", "put_object", {"Bucket": "bucket", "Key": "k", "Body": b"content"}, False),
    ],
)
async def test_what_goes_out_is_signed_as_the_sdk_signs_it(service, operation, parameters, is_ours):
    async with a_pair(service, signing.register) as pair:
        pair.content = b"<Answer/>" if service in {"s3", "sns"} else b"{}"
        theirs, ours, used = await sent_by_both(pair, operation, **parameters)
        assert ours == theirs
        assert "Authorization" in ours
        assert used == is_ours


async def test_sqs_client_of_the_service_uses_this_signer(clients):
    _, chosen = await clients.sqs.meta.events.emit_until_response(
        "choose-signer.sqs.SendMessageBatch", signing_name="sqs", signature_version="v4", context={}
    )
    assert chosen == signing._NAME


async def test_an_unsigned_client_stays_unsigned():
    async with a_pair("sqs", signing.register, signature_version=botocore.UNSIGNED) as pair:
        theirs, ours, used = await sent_by_both(pair, "send_message_batch", **A_BATCH)
        assert ours == theirs
        assert "Authorization" not in ours
        assert not used


async def test_a_presigned_url_is_the_sdks():
    async with a_pair("sqs", signing.register) as pair:
        signing_key.cache_clear()
        urls = [
            await client.generate_presigned_url("receive_message", {"QueueUrl": f"{URL}1/q"})
            for client in (pair.plain, pair.seamed)
        ]
        assert all("X-Amz-Signature" in url for url in urls)
        assert signing_key.cache_info().misses == 0


async def test_renewed_credentials_sign_from_then_on():
    numbers = itertools.count()

    async def renewed():
        number = next(numbers)
        # The first are expired when they come, so that they are renewed at once.
        expires = datetime.now(UTC) + timedelta(hours=1 if number else -1)
        names = {name: f"{name}{number}" for name in ("access_key", "secret_key", "token")}
        return names | {"expiry_time": expires.isoformat()}

    credentials = AioRefreshableCredentials.create_from_metadata(await renewed(), renewed, "test")
    async with a_pair("sqs", signing.register, credentials=credentials) as pair:
        await pair.seamed.send_message_batch(**A_BATCH)
        (sent,) = pair.sent
        assert b"Credential=access_key1/" in sent.headers["Authorization"]
        current = await credentials.get_frozen_credentials()
        assert sent.headers["X-Amz-Security-Token"] == current.token.encode()
        headers = [*HEADERS[:3], ("User-Agent", sent.headers["User-Agent"].decode())]
        request = AWSRequest("POST", sent.url, dict(headers), sent.body)
        request.context = {"timestamp": sent.headers["X-Amz-Date"].decode()}
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        request.headers["X-Amz-Security-Token"] = current.token
        theirs = SigV4Auth(current, "sqs", "eu-central-1")
        expected = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
        assert sent.headers["Authorization"].endswith(f"Signature={expected}".encode())


async def test_the_sdk_looks_signers_up_by_signature_version():
    """It is not documented that it does so in this table; the signer of a name that it does not know is an error."""
    assert AUTH_TYPE_MAPS["v4"] is SigV4Auth
    async with a_pair("sqs", signing.register) as pair:
        signer = await pair.seamed._request_signer.get_auth_instance("sqs", "eu-central-1", signing._NAME)
    assert type(signer) is CachedKeySigner


@pytest.mark.parametrize(
    ("context", "version", "chosen"),
    [
        ({}, "v4", signing._NAME),
        ({"auth_type": "v4"}, "v4", None),
        ({"auth_type": "v4-unsigned-body"}, "v4", None),
        ({"auth_type": "none"}, "v4", None),
        ({"auth_type": "bearer"}, "v4", None),
        ({"unsigned_payload": True}, "v4", None),
        ({}, "v4-query", None),
        ({}, "v4a", None),
        ({}, "s3v4", None),
        ({}, "bearer", None),
        ({}, botocore.UNSIGNED, None),
    ],
)
async def test_what_is_not_plainly_version_4_is_left_to_the_sdk(context, version, chosen):
    assert signing._choose(version, context) == chosen
