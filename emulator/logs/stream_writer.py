"""Writer of one log stream: buffers messages and sends them in batches."""

import time
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from emulator.errors import ApiError

InputLogEvent = tuple[int, str]  # milliseconds since 1970, message
_FLUSH_MESSAGES = 1000
_FLUSH_INTERVAL_S = 0.5
_MAX_EVENTS = 10_000
_MAX_BYTES = 1_048_576
_WRITE_ERRORS = (ClientError, BotoCoreError, ApiError)
_BYTES_PER_EVENT = 26  # PutLogEvents adds these to the size of each message


class LogSink(Protocol):
    """Destination of log events: CloudWatch Logs, or the emulator's own store."""

    async def open(self, group: str, stream: str, *, create_group: bool) -> None:
        """Create the log stream, and the log group if `create_group` is set; either may exist."""

    async def put(self, group: str, stream: str, events: list[InputLogEvent]) -> None:
        """Append events, at most 10,000 and 1 MiB, ordered by time."""


class LogStreamWriter:
    """A buffered writer to one log stream.

    A write error does not stop the execution: it is printed, and nothing more is written.
    """

    def __init__(self, sink: LogSink, group: str, stream: str) -> None:
        self._sink = sink
        self._group = group
        self._stream = stream
        self._pending: list[InputLogEvent] = []
        self._failed = False
        self._sent_at_s = time.monotonic()

    async def open(self, *, create_group: bool) -> None:
        """Create the stream. Enhanced mode creates its group too; Basic mode's must exist."""
        try:
            await self._sink.open(self._group, self._stream, create_group=create_group)
        except _WRITE_ERRORS as error:
            self._stop_writing(error)

    async def write(self, messages: list[str]) -> None:
        """Add messages with the current time. Sends all if 1,000 wait or the last send was 0.5 s ago."""
        now_ms = time.time_ns() // 10**6
        self._pending += [(now_ms, message) for message in messages]
        if len(self._pending) >= _FLUSH_MESSAGES or time.monotonic() - self._sent_at_s >= _FLUSH_INTERVAL_S:
            await self.flush()

    async def flush(self) -> None:
        """Send all buffered messages."""
        events, self._pending = self._pending, []
        self._sent_at_s = time.monotonic()
        if self._failed:
            return
        try:
            for batch in batches(events):
                await self._sink.put(self._group, self._stream, batch)
        except _WRITE_ERRORS as error:
            self._stop_writing(error)

    def _stop_writing(self, error: Exception) -> None:
        self._failed = True
        print(f"log stream {self._stream} of {self._group} cannot be written: {error}", flush=True)


def batches(events: list[InputLogEvent]) -> list[list[InputLogEvent]]:
    """Split events, in order, into batches that PutLogEvents accepts."""
    done: list[list[InputLogEvent]] = []
    size = _MAX_BYTES
    for event in events:
        event_bytes = len(event[1].encode()) + _BYTES_PER_EVENT
        size += event_bytes
        if size > _MAX_BYTES or len(done[-1]) == _MAX_EVENTS:
            done.append([])
            size = event_bytes
        done[-1].append(event)
    return done
