"""From messages to log events in a stream."""

import time
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from emulator.errors import ApiError

Event = tuple[int, str]  # milliseconds since 1970, message
_MANY = 1000
_LONG_S = 0.5
_MOST_EVENTS = 10_000
_MOST_BYTES = 1_048_576
_REFUSALS = (ClientError, BotoCoreError, ApiError)
_BYTES_PER_EVENT = 26  # PutLogEvents counts so many for each event's frame


class LogSink(Protocol):
    """Where log events go: CloudWatch Logs, or the emulator's own."""

    async def open(self, group: str, stream: str, *, make_group: bool) -> None:
        """Makes the stream, and the group if asked for; no error if they are there already."""

    async def put(self, group: str, stream: str, events: list[Event]) -> None:
        """Appends events, at most 10,000 and 1 MiB, in the order of their times."""


class Stream:
    """Collects messages for one log stream. A log that cannot be written stops nothing: it is noted and let go."""

    def __init__(self, sink: LogSink, group: str, stream: str) -> None:
        self._sink = sink
        self._group = group
        self._stream = stream
        self._waiting: list[Event] = []
        self._refused = False
        self._sent_at_s = time.monotonic()

    async def open(self, *, make_group: bool) -> None:
        """Makes the stream; Enhanced mode makes its group too, Basic mode's must be there."""
        try:
            await self._sink.open(self._group, self._stream, make_group=make_group)
        except _REFUSALS as error:
            self._give_up(error)

    async def write(self, messages: list[str]) -> None:
        """Takes messages, dated now; they are sent when there are many, twice a second, and by `flush`."""
        now_ms = time.time_ns() // 10**6
        self._waiting += [(now_ms, message) for message in messages]
        if len(self._waiting) >= _MANY or time.monotonic() - self._sent_at_s >= _LONG_S:
            await self.flush()

    async def flush(self) -> None:
        """Sends what was taken."""
        events, self._waiting = self._waiting, []
        self._sent_at_s = time.monotonic()
        if self._refused:
            return
        try:
            for batch in batches(events):
                await self._sink.put(self._group, self._stream, batch)
        except _REFUSALS as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._refused = True
        print(f"the log {self._group} {self._stream} cannot be written: {error}", flush=True)


def batches(events: list[Event]) -> list[list[Event]]:
    """The events in order, in batches that PutLogEvents takes."""
    done: list[list[Event]] = []
    size = _MOST_BYTES
    for event in events:
        event_bytes = len(event[1].encode()) + _BYTES_PER_EVENT
        size += event_bytes
        if size > _MOST_BYTES or len(done[-1]) == _MOST_EVENTS:
            done.append([])
            size = event_bytes
        done[-1].append(event)
    return done
