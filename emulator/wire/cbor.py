"""Smithy's RPC v2 over CBOR, which the models of DataSync list from botocore 1.44 on.

Source: the Smithy specification: POST /service/<service>/operation/<operation>, both sides with the header
`smithy-protocol: rpc-v2-cbor`, times as tag 1, an error's name in `__type`.
"""

from typing import Any

import cbor2
from aiohttp import web

from emulator.errors import ApiError

PROTOCOL = "rpc-v2-cbor"


def decode(body: bytes) -> Any:  # noqa: ANN401 - because it is untrusted
    """The request's document; raises ApiError if it is not CBOR."""
    try:
        return cbor2.loads(body) if body else {}
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise ApiError("SerializationException", f"not CBOR: {error}") from error


def answer(fields: dict[str, Any]) -> web.Response:
    """A response."""
    return _response(fields, 200)


def refusal(error: ApiError) -> web.Response:
    """An error as SDKs expect it."""
    return _response({"__type": f"com.amazonaws.datasync#{error.code}", **error.members}, error.status)


def _response(fields: dict[str, Any], status: int) -> web.Response:
    body = cbor2.dumps(fields, datetime_as_timestamp=True)
    headers = {"smithy-protocol": PROTOCOL}
    return web.Response(body=body, status=status, content_type="application/cbor", headers=headers)
