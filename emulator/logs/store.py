"""The emulator's own CloudWatch Logs: groups and streams, and the faults on incoming events."""

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.errors import ApiError
from emulator.faults import Fault, Faults
from emulator.logs.stream_events import LogEvent, StoredEvents, StreamEvents
from emulator.logs.stream_writer import InputLogEvent

Clock = Callable[[], int]


def wall_clock_ms() -> int:
    """Return the current time in milliseconds since 1970."""
    return time.time_ns() // 10**6


@dataclass
class Group:
    """A log group and its streams by name."""

    name: str
    created_ms: int
    streams: dict[str, StreamEvents] = field(default_factory=dict)
    streams_created_ms: dict[str, int] = field(default_factory=dict)


class LogStore:
    """Log groups and streams in memory: a LogSink that fails only if a log group does not exist."""

    def __init__(self, faults: Faults, now_ms: Clock = wall_clock_ms) -> None:
        self._faults = faults
        self.now_ms = now_ms
        self.groups: dict[str, Group] = {}

    def create_group(self, name: str) -> None:
        """Create a group. Raises ApiError if the name exists."""
        if name in self.groups:
            raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists")
        self.groups[name] = Group(name, self.now_ms())

    def group(self, name: str) -> Group:
        """Return the group. Raises ApiError if it does not exist."""
        if name not in self.groups:
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
        return self.groups[name]

    def create_stream(self, group: str, name: str, events: StreamEvents) -> None:
        """Create a stream. Raises ApiError if the group does not exist or the stream does."""
        found = self.group(group)
        if name in found.streams:
            raise ApiError("ResourceAlreadyExistsException", "The specified log stream already exists")
        found.streams[name] = events
        found.streams_created_ms[name] = self.now_ms()

    def stream(self, group: str, name: str) -> StreamEvents:
        """Return the events of a stream. Raises ApiError if it does not exist."""
        streams = self.group(group).streams
        if name not in streams:
            raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")
        return streams[name]

    async def open(self, group: str, stream: str, *, create_group: bool) -> None:
        """Create the stream, and the group if `create_group` is set, unless they exist."""
        if create_group and group not in self.groups:
            self.create_group(group)
        if stream not in self.group(group).streams:
            self.create_stream(group, stream, StoredEvents())

    async def put(self, group: str, stream: str, events: list[InputLogEvent]) -> None:
        """Append events, after applying the faults on log lines whose target matches the stream."""
        stored = self.stream(group, stream)
        if not isinstance(stored, StoredEvents):
            raise ApiError("InvalidParameterException", "A generated stream cannot be written")
        now_ms = self.now_ms()
        stored.length(now_ms)
        if self._faults.matching("reorder_lines", stream):
            events = sorted(events, key=lambda event: zlib.crc32(event[1].encode()))
        for timestamp_ms, message in events:
            self._add(stored, stream, LogEvent(timestamp_ms, now_ms, message))

    def _add(self, stored: StoredEvents, stream: str, event: LogEvent) -> None:
        active = {
            kind: fault
            for kind in ("late_lines", "holes", "duplicate_lines", "lost_lines")
            for fault in self._faults.matching(kind, stream)
            if _affected(fault, event.message)
        }
        if "lost_lines" in active:
            return
        if "late_lines" in active:
            stored.delay(event, event.ingestion_ms + _ms(active["late_lines"]))
        elif "holes" in active:
            stored.append(event, hidden_until_ms=event.ingestion_ms + _ms(active["holes"]))
        else:
            stored.append(event)
        if "duplicate_lines" in active:
            stored.append(event)


def _affected(fault: Fault, message: str) -> bool:
    """Return whether a fault with a share affects a message; the same messages every time."""
    share: float = fault.parameters.get("share", 1)
    return zlib.crc32(message.encode()) % 1000 < 1000 * share


def _ms(fault: Fault) -> int:
    return int(1000 * fault.parameters["seconds"])
