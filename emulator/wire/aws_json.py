"""AWS JSON 1.1, the protocol of most SDKs for DataSync and CloudWatch Logs."""

import base64
import json
from datetime import datetime
from typing import Any

from aiohttp import web

from emulator.errors import ApiError

CONTENT_TYPE = "application/x-amz-json-1.1"


def decode(body: bytes) -> Any:  # noqa: ANN401  (the value is untrusted input)
    """Return the request's document. Raises ApiError if it is not JSON."""
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"not JSON: {error}") from error


def response(fields: dict[str, Any]) -> web.Response:
    """Return a response with these members; times become seconds since 1970, blobs base64."""
    return _http_response(fields, 200)


def error_response(error: ApiError) -> web.Response:
    """Return an error response in the format that SDKs expect."""
    return _http_response({"__type": error.code, **error.members}, error.status)


def _http_response(fields: dict[str, Any], status: int) -> web.Response:
    body = json.dumps(fields, default=_json_value).encode()
    return web.Response(body=body, status=status, content_type=CONTENT_TYPE)


def _json_value(value: object) -> float | str:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
