"""Request body of SQS's SendMessageBatch, serialised by orjson. The SDK checks each member against its model.

Entries may have an id, a body, attributes that are texts, and a FIFO queue's ids. The SDK serialises any other request,
and every request if it no longer sends JSON to SQS.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

_Types = Mapping[str, type]
"""The members that a structure may have, and their types."""

_REQUEST: _Types = {"QueueUrl": str, "Entries": list}
_ENTRY: _Types = {
    "Id": str,
    "MessageBody": str,
    "MessageAttributes": dict,
    "MessageGroupId": str,
    "MessageDeduplicationId": str,
}
_ATTRIBUTE: _Types = {"DataType": str, "StringValue": str}
"""No binary values: the SDK encodes them in base64."""

_BODY = "datasync-trigger.body"
"""Key in the request's context, which the SDK passes to each handler of the call."""


def register(client: "SQSClient") -> None:
    """Serialise the batches of `client`, if its service takes JSON."""
    events = client.meta.events
    if client.meta.service_model.resolved_protocol == "json":
        events.register("provide-client-params.sqs.SendMessageBatch", _take_entries)  # type: ignore[arg-type]  # because the stubs forget that handlers may answer
        events.register("before-call.sqs.SendMessageBatch", _put_body)


def _take_entries(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> dict[str, Any] | None:
    """Keep the body in the context, and return parameters without entries for the SDK to serialise."""
    if not _is_plain(params):
        return None
    try:
        context[_BODY] = orjson.dumps(params)
    except TypeError:
        # A lone surrogate, or a name that is not a text.
        return None
    return {**params, "Entries": []}


def _put_body(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Put the body into the request, before the SDK signs it."""
    if _BODY in context:
        params["body"] = context.pop(_BODY)


def _is_plain(params: Mapping[str, Any]) -> bool:
    return _matches(params, _REQUEST) and all(_is_plain_entry(entry) for entry in params.get("Entries", ()))


def _is_plain_entry(entry: Mapping[str, Any]) -> bool:
    return _matches(entry, _ENTRY) and all(
        _matches(attribute, _ATTRIBUTE) for attribute in entry.get("MessageAttributes", {}).values()
    )


def _matches(structure: Mapping[str, Any], types: _Types) -> bool:
    """Return whether all members have exactly the types that orjson writes as the SDK does."""
    if type(structure) is not dict:
        return False
    for name, value in structure.items():  # noqa: SIM110  (forty calls a batch: a generator costs twice as much)
        if type(value) is not types.get(name):
            return False
    return True
