"""FilterLogEvents: events of many streams in one order, and its tokens."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from emulator.logs.patterns import matches
from emulator.logs.reading import MOST_BYTES, invalid
from emulator.logs.tape import LogEvent, Tape

Key = tuple[int, int, str, int]  # event time, ingestion time, stream, position: AWS's order
BEFORE_ALL: Key = (-1, -1, "", -1)
_BYTES_PER_EVENT = 26


def filtered(
    tapes: dict[str, Tape], after: Key | None, takes: Callable[[LogEvent], bool], most: int, now_ms: int
) -> tuple[list[tuple[Key, LogEvent]], bool]:
    """The next page of events, at most `most` and 1 MiB, and whether there are more.

    What arrives later with an older time is behind the reader and is not seen any more, as with AWS.
    """
    found = sorted(
        ((key, event) for key, event in _keyed(tapes, now_ms) if (after is None or key > after) and takes(event)),
        key=lambda each: each[0],
    )
    size = 0
    for number, (_, event) in enumerate(found):
        size += len(event.message.encode()) + _BYTES_PER_EVENT
        if number == most or (size > MOST_BYTES and number):
            return found[:number], True
    return found, False


def selection(request: dict[str, Any]) -> Callable[[LogEvent], bool]:
    """Tells of an event whether a request takes it; both time bounds are inclusive, unlike GetLogEvents' end."""
    start_ms, end_ms, pattern = request.get("startTime"), request.get("endTime"), request.get("filterPattern", "")

    def takes(event: LogEvent) -> bool:
        if start_ms is not None and event.timestamp_ms < start_ms:
            return False
        if end_ms is not None and event.timestamp_ms > end_ms:
            return False
        return matches(pattern, event.message)

    return takes


def event_id(key: Key) -> str:
    """An event's identifier: 56 digits, in the order of events."""
    return f"{key[0]:020d}{key[1]:020d}{key[3]:016d}"


def write_key(key: Key, now_ms: int) -> str:
    """The token after an event."""
    return base64.urlsafe_b64encode(json.dumps([now_ms, *key]).encode()).decode()


def read_key(token: str, now_ms: int, life_ms: int) -> Key:
    """The event before a token; ApiError if the token is none or too old."""
    try:
        given_ms, timestamp_ms, ingestion_ms, stream, position = json.loads(base64.urlsafe_b64decode(token))
        key = (int(timestamp_ms), int(ingestion_ms), str(stream), int(position))
        expired = now_ms - given_ms >= life_ms
    except (TypeError, ValueError):
        raise invalid("The specified nextToken is invalid.") from None
    if expired:
        raise invalid("The specified nextToken is expired.")
    return key


def write_offset(offset: int) -> str:
    """The token of a list of groups or streams."""
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def read_offset(token: str) -> int:
    """The offset in a token; ApiError if it is none."""
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise invalid("The specified nextToken is invalid.") from None


def _keyed(tapes: dict[str, Tape], now_ms: int) -> Iterator[tuple[Key, LogEvent]]:
    for name, tape in tapes.items():
        for position in range(tape.length(now_ms)):
            event = tape.event(position, now_ms)
            if event is not None:
                yield (event.timestamp_ms, event.ingestion_ms, name, position), event
