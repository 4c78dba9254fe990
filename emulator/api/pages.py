"""Lists in pages: MaxResults and NextToken."""

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

from emulator.errors import invalid_request

T = TypeVar("T")
DEFAULT_PAGE = 100


def page(everything: Sequence[T], request: dict[str, Any]) -> tuple[Sequence[T], dict[str, str]]:
    """The page that the request asks for, and the member NextToken if there is more.

    The token is the position, so a list that grows meanwhile neither repeats nor skips. Raises ApiError for a token
    that was not given out.
    """
    begin = _position(request.get("NextToken"), len(everything))
    end = begin + (request.get("MaxResults") or DEFAULT_PAGE)
    if end >= len(everything):
        return everything[begin:], {}
    return everything[begin:end], {"NextToken": base64.urlsafe_b64encode(b"%020d" % end).decode()}


def _position(token: str | None, most: int) -> int:
    if token is None:
        return 0
    try:
        position = int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise invalid_request("Invalid NextToken") from None
    if not 0 <= position <= most:
        raise invalid_request("Invalid NextToken")
    return position
