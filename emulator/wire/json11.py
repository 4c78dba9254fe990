"""AWS JSON 1.1: what most SDKs speak to DataSync and to CloudWatch Logs."""

import base64
import json
from datetime import datetime
from typing import Any

from aiohttp import web

from emulator.errors import ApiError

CONTENT_TYPE = "application/x-amz-json-1.1"


def decode(body: bytes) -> Any:  # noqa: ANN401 - because it is untrusted
    """The request's document; raises ApiError if it is not JSON."""
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"not JSON: {error}") from error


def answer(fields: dict[str, Any]) -> web.Response:
    """A response; times are seconds since 1970, blobs base64."""
    return _response(fields, 200)


def refusal(error: ApiError) -> web.Response:
    """An error as SDKs expect it."""
    return _response({"__type": error.code, **error.members}, error.status)


def _response(fields: dict[str, Any], status: int) -> web.Response:
    body = json.dumps(fields, default=_plain).encode()
    return web.Response(body=body, status=status, content_type=CONTENT_TYPE)


def _plain(value: object) -> float | str:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
