"""Smithy RPC v2 over CBOR, which DataSync's models list from botocore 1.44 on.

Source: the Smithy specification. Requests are POST /service/<service>/operation/<operation>. Requests and responses
have the header `smithy-protocol: rpc-v2-cbor`. Times have tag 1. An error's name is in `__type`.
"""

from typing import Any

import cbor2
from aiohttp import web

from emulator.errors import ApiError

PROTOCOL = "rpc-v2-cbor"


def decode(body: bytes) -> Any:  # noqa: ANN401  (the value is untrusted input)
    """Return the request's document. Raises ApiError if it is not CBOR."""
    try:
        return cbor2.loads(body) if body else {}
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise ApiError("SerializationException", f"not CBOR: {error}") from error


def response(fields: dict[str, Any]) -> web.Response:
    """Return a response with these members."""
    return _http_response(fields, 200)


def error_response(error: ApiError) -> web.Response:
    """Return an error response in the format that SDKs expect."""
    return _http_response({"__type": f"com.amazonaws.datasync#{error.code}", **error.members}, error.status)


def _http_response(fields: dict[str, Any], status: int) -> web.Response:
    body = cbor2.dumps(fields, datetime_as_timestamp=True)
    headers = {"smithy-protocol": PROTOCOL}
    return web.Response(body=body, status=status, content_type="application/cbor", headers=headers)
