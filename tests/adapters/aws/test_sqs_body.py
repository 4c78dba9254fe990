"""The bodies of batches against the SDK's own serializer: the same JSON for any request."""

import json

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.adapters.aws import sqs_body
from tests.adapters.aws.pairs import a_pair

pytestmark = pytest.mark.asyncio(loop_scope="session")

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/queue"
# Any text that Python holds: lone surrogates too, which orjson refuses and the SDK escapes.
TEXTS = st.text(st.characters())
UNUSUAL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.uuids(),
    st.lists(TEXTS, max_size=2),
    st.lists(st.binary(), max_size=2),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)
A_MESSAGE = {
    "Id": "0",
    "MessageBody": '{"key": "ü/ß"}',
    "MessageAttributes": {"id": {"DataType": "String", "StringValue": "\U0001f600"}},
}


def attributes(values=TEXTS):
    usual = st.fixed_dictionaries({"DataType": st.just("String"), "StringValue": values})
    binary = st.fixed_dictionaries({"DataType": st.just("Binary"), "BinaryValue": st.binary() | TEXTS})
    listed = st.fixed_dictionaries({"DataType": TEXTS, "StringListValues": st.lists(TEXTS, max_size=2)})
    return st.dictionaries(TEXTS, usual | usual | binary | listed, max_size=3)


def entries(values, message_attributes):
    return st.fixed_dictionaries(
        {"Id": values, "MessageBody": values},
        optional={
            "MessageAttributes": message_attributes,
            "MessageGroupId": values,
            "MessageDeduplicationId": values,
            "DelaySeconds": st.integers(0, 900) | st.floats(),
            "MessageSystemAttributes": attributes(),
        },
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair():
    async with a_pair("sqs", sqs_body.register) as opened:
        yield opened


async def same_body(pair, **parameters):
    """Send with both clients, compare the requests, and return the bodies: the SDK's and the other."""
    theirs, ours = await pair.outcomes("send_message_batch", **parameters)
    assert ours == theirs
    sent = [(request.method, request.url, headers_of(request), loaded(request.body)) for request in pair.sent]
    assert sent[1:] == sent[:1]
    return [request.body for request in pair.sent]


def headers_of(request):
    """The headers but for those that tell one request, or one body, from another."""
    different = {"Authorization", "Content-Length", "X-Amz-Date", "amz-sdk-invocation-id"}
    return {name: value for name, value in request.headers.items() if name not in different}


def loaded(body):
    """Load JSON; what is not a number is a text, so that it is equal to itself."""
    return json.loads(body, parse_constant=str)


whatever = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@whatever
@given(batch=st.lists(entries(TEXTS, attributes()), max_size=10))
@example(batch=[A_MESSAGE])
@example(batch=[A_MESSAGE | {"MessageGroupId": "g", "MessageDeduplicationId": "d"}])
@example(batch=[A_MESSAGE | {"MessageBody": "\ud800"}])
@example(batch=[A_MESSAGE | {"MessageAttributes": {"b": {"DataType": "Binary", "BinaryValue": "text"}}}])
@example(batch=[A_MESSAGE | {"DelaySeconds": float("nan")}])
async def test_any_batch_is_sent_as_the_sdk_sends_it(pair, batch):
    await same_body(pair, QueueUrl=URL, Entries=batch)


@whatever
@given(
    batch=UNUSUAL | st.lists(UNUSUAL | entries(TEXTS | UNUSUAL, attributes(TEXTS | UNUSUAL) | UNUSUAL), max_size=3),
    more=st.dictionaries(st.sampled_from(["Unknown", "QueueUrl"]), TEXTS | UNUSUAL, max_size=1),
)
async def test_what_the_sdk_refuses_or_writes_in_its_own_way_is_left_to_it(pair, batch, more):
    await same_body(pair, **{"QueueUrl": URL, "Entries": batch, **more})


@pytest.mark.parametrize(
    "message",
    [
        A_MESSAGE,
        A_MESSAGE | {"MessageGroupId": "g", "MessageDeduplicationId": "d"},
        {"Id": "0", "MessageBody": ""},
    ],
)
async def test_usual_messages_are_serialised_here(pair, message):
    theirs, ours = await same_body(pair, QueueUrl=URL, Entries=[message] * 10)
    # The SDK writes blanks after commas and colons.
    assert b'", "' in theirs
    assert b'", "' not in ours.replace(b'\\"', b"")
    assert json.loads(ours)["Entries"] == [message] * 10


@pytest.mark.parametrize(
    "more",
    [
        {"DelaySeconds": 1},
        {"MessageBody": "\ud800"},
        {"MessageAttributes": {"b": {"DataType": "Binary", "BinaryValue": b"\x00"}}},
        {"MessageAttributes": {"b": {"DataType": "Binary", "BinaryValue": "base64 comes of this too"}}},
        {"MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "t"}}},
    ],
)
async def test_unusual_messages_are_left_to_the_sdk(pair, more):
    theirs, ours = await same_body(pair, QueueUrl=URL, Entries=[A_MESSAGE, A_MESSAGE | more])
    assert ours == theirs


async def test_other_operations_are_left_to_the_sdk(pair):
    theirs, ours = await pair.outcomes("send_message", QueueUrl=URL, MessageBody="b")
    assert ours == theirs
    assert pair.sent[0].body == pair.sent[1].body


async def test_parameters_stay_as_the_caller_made_them(pair):
    batch = [A_MESSAGE]
    await same_body(pair, QueueUrl=URL, Entries=batch)
    assert batch == [A_MESSAGE]


async def test_a_batch_that_is_tried_again_has_the_same_body(clients, stub):
    stub.refuse("InternalFailure", status=500)
    stub.answer({"Successful": []})
    await clients.sqs.send_message_batch(QueueUrl=URL, Entries=[A_MESSAGE])
    assert [asked.body for asked in stub.asked] == [{"QueueUrl": URL, "Entries": [A_MESSAGE]}] * 2


@pytest.mark.parametrize(("service", "is_taken"), [("sqs", True), ("sns", False)])
async def test_a_service_that_is_not_sent_json_is_left_to_the_sdk(service, is_taken):
    async with a_pair(service, sqs_body.register) as pair:
        _, answer = await pair.seamed.meta.events.emit_until_response(
            "provide-client-params.sqs.SendMessageBatch",
            params={"QueueUrl": URL, "Entries": [A_MESSAGE]},
            context={},
        )
    assert (answer is not None) == is_taken


async def test_sqs_client_of_the_service_uses_this_serializer(clients):
    _, answer = await clients.sqs.meta.events.emit_until_response(
        "provide-client-params.sqs.SendMessageBatch", params={"QueueUrl": URL, "Entries": [A_MESSAGE]}, context={}
    )
    assert answer == {"QueueUrl": URL, "Entries": []}
