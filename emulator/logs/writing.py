"""What PutLogEvents takes."""

from typing import Any

from emulator.logs.publishing import Event
from emulator.logs.reading import MOST_BYTES, invalid

_DAY_MS = 24 * 3600 * 1000
_OLDEST_MS = 14 * _DAY_MS
_NEWEST_MS = 2 * 3600 * 1000
_BYTES_PER_EVENT = 26


def check_batch(events: list[Event], now_ms: int) -> tuple[list[Event], dict[str, Any]]:
    """The events that are kept, and the member rejectedLogEventsInfo on the others.

    Raises ApiError for a batch that is not in the order of time, spans more than a day, or is larger than 1 MiB.
    """
    times = [timestamp_ms for timestamp_ms, _ in events]
    if times != sorted(times):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if times and times[-1] - times[0] > _DAY_MS:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    if sum(len(message.encode()) + _BYTES_PER_EVENT for _, message in events) > MOST_BYTES:
        raise invalid(f"Upload too large: more than {MOST_BYTES} bytes")
    old = sum(at < now_ms - _OLDEST_MS for at in times)
    new = sum(at > now_ms + _NEWEST_MS for at in times)
    rejected = {}
    if old:
        rejected["tooOldLogEventEndIndex"] = old
    if new:
        rejected["tooNewLogEventStartIndex"] = len(events) - new
    return events[old : len(events) - new], rejected
