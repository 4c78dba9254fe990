"""Validation of a PutLogEvents batch."""

from typing import Any

from emulator.logs.get_log_events import MAX_BYTES, invalid_parameter
from emulator.logs.stream_writer import InputLogEvent

_DAY_MS = 24 * 3600 * 1000
_OLDEST_MS = 14 * _DAY_MS
_NEWEST_MS = 2 * 3600 * 1000
_BYTES_PER_EVENT = 26


def validate_batch(events: list[InputLogEvent], now_ms: int) -> tuple[list[InputLogEvent], dict[str, Any]]:
    """Return the events to store, and the member rejectedLogEventsInfo for the others.

    Raises ApiError for a batch that is not ordered by time, spans more than a day, or is larger than 1 MiB.
    """
    times = [timestamp_ms for timestamp_ms, _ in events]
    if times != sorted(times):
        raise invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.")
    if times and times[-1] - times[0] > _DAY_MS:
        raise invalid_parameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    if sum(len(message.encode()) + _BYTES_PER_EVENT for _, message in events) > MAX_BYTES:
        raise invalid_parameter(f"Upload too large: more than {MAX_BYTES} bytes")
    old = sum(at < now_ms - _OLDEST_MS for at in times)
    new = sum(at > now_ms + _NEWEST_MS for at in times)
    rejected = {}
    if old:
        rejected["tooOldLogEventEndIndex"] = old
    if new:
        rejected["tooNewLogEventStartIndex"] = len(events) - new
    return events[old : len(events) - new], rejected
