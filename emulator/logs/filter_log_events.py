"""Pages and tokens of FilterLogEvents, which merges many streams."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from emulator.logs.filter_patterns import matches_pattern
from emulator.logs.get_log_events import MAX_BYTES, invalid_parameter
from emulator.logs.stream_events import LogEvent, StreamEvents

EventKey = tuple[int, int, str, int]  # event time, ingestion time, stream, position: AWS's sort order
BEFORE_FIRST: EventKey = (-1, -1, "", -1)
_BYTES_PER_EVENT = 26


def filter_page(
    streams: dict[str, StreamEvents],
    after: EventKey | None,
    includes: Callable[[LogEvent], bool],
    max_events: int,
    now_ms: int,
) -> tuple[list[tuple[EventKey, LogEvent]], bool]:
    """Return the next page of events, at most `max_events` and 1 MiB, and whether there are more.

    An event that arrives after its place in the order has been read is not returned, as with AWS.
    """
    found = sorted(
        (
            (key, event)
            for key, event in _events_with_keys(streams, now_ms)
            if (after is None or key > after) and includes(event)
        ),
        key=lambda each: each[0],
    )
    size = 0
    for number, (_, event) in enumerate(found):
        size += len(event.message.encode()) + _BYTES_PER_EVENT
        if number == max_events or (size > MAX_BYTES and number):
            return found[:number], True
    return found, False


def event_selector(request: dict[str, Any]) -> Callable[[LogEvent], bool]:
    """Return a function that decides whether an event matches the request.

    Both time bounds are inclusive; in GetLogEvents the end is exclusive.
    """
    start_ms, end_ms, pattern = request.get("startTime"), request.get("endTime"), request.get("filterPattern", "")

    def includes(event: LogEvent) -> bool:
        if start_ms is not None and event.timestamp_ms < start_ms:
            return False
        if end_ms is not None and event.timestamp_ms > end_ms:
            return False
        return matches_pattern(pattern, event.message)

    return includes


def event_id(key: EventKey) -> str:
    """Return an event's identifier: 56 digits, in the order of events."""
    return f"{key[0]:020d}{key[1]:020d}{key[3]:016d}"


def encode_token(key: EventKey, now_ms: int) -> str:
    """Return the token that continues after an event."""
    return base64.urlsafe_b64encode(json.dumps([now_ms, *key]).encode()).decode()


def decode_token(token: str, now_ms: int, life_ms: int) -> EventKey:
    """Return the event key in a token. Raises ApiError if the token is invalid or expired."""
    try:
        issued_ms, timestamp_ms, ingestion_ms, stream, position = json.loads(base64.urlsafe_b64decode(token))
        key = (int(timestamp_ms), int(ingestion_ms), str(stream), int(position))
        expired = now_ms - issued_ms >= life_ms
    except (TypeError, ValueError):
        raise invalid_parameter("The specified nextToken is invalid.") from None
    if expired:
        raise invalid_parameter("The specified nextToken is expired.")
    return key


def encode_offset(offset: int) -> str:
    """Return the token of a list of groups or streams."""
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def decode_offset(token: str) -> int:
    """Return the offset in a token. Raises ApiError if the token is invalid."""
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise invalid_parameter("The specified nextToken is invalid.") from None


def _events_with_keys(streams: dict[str, StreamEvents], now_ms: int) -> Iterator[tuple[EventKey, LogEvent]]:
    for name, stream in streams.items():
        for position in range(stream.length(now_ms)):
            event = stream.event(position, now_ms)
            if event is not None:
                yield (event.timestamp_ms, event.ingestion_ms, name, position), event
