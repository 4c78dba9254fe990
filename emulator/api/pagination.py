"""Pages of lists: MaxResults and NextToken."""

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

from emulator.errors import invalid_request

T = TypeVar("T")
DEFAULT_PAGE = 100


def paginate(everything: Sequence[T], request: dict[str, Any]) -> tuple[Sequence[T], dict[str, str]]:
    """Return the requested page, and the member NextToken if there are more pages.

    The token is a position, so a list that grows between two requests neither repeats nor skips entries. Raises
    ApiError for a token that the emulator did not issue.
    """
    begin = _position(request.get("NextToken"), len(everything))
    end = begin + (request.get("MaxResults") or DEFAULT_PAGE)
    if end >= len(everything):
        return everything[begin:], {}
    return everything[begin:end], {"NextToken": base64.urlsafe_b64encode(b"%020d" % end).decode()}


def _position(token: str | None, length: int) -> int:
    if token is None:
        return 0
    try:
        position = int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise invalid_request("Invalid NextToken") from None
    if not 0 <= position <= length:
        raise invalid_request("Invalid NextToken")
    return position
