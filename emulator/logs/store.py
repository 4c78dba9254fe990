"""The emulator's own CloudWatch Logs: groups, streams, and what happens to events on their way in."""

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.errors import ApiError
from emulator.faults import Fault, Faults
from emulator.logs.publishing import Event
from emulator.logs.tape import LogEvent, RecordedTape, Tape

Clock = Callable[[], int]


def wall_clock_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 10**6


@dataclass
class Group:
    """A log group; its streams by name."""

    name: str
    created_ms: int
    streams: dict[str, Tape] = field(default_factory=dict)
    streams_created_ms: dict[str, int] = field(default_factory=dict)


class LogStore:
    """Groups and streams in memory; a LogSink that never fails but for a group that is not there."""

    def __init__(self, faults: Faults, now_ms: Clock = wall_clock_ms) -> None:
        self._faults = faults
        self.now_ms = now_ms
        self.groups: dict[str, Group] = {}

    def make_group(self, name: str) -> None:
        """A new group; ApiError if there is one of that name."""
        if name in self.groups:
            raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists")
        self.groups[name] = Group(name, self.now_ms())

    def group(self, name: str) -> Group:
        """The group; ApiError if there is none."""
        if name not in self.groups:
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
        return self.groups[name]

    def make_stream(self, group: str, name: str, tape: Tape) -> None:
        """A new stream; ApiError if there is no such group, or a stream of that name already."""
        found = self.group(group)
        if name in found.streams:
            raise ApiError("ResourceAlreadyExistsException", "The specified log stream already exists")
        found.streams[name] = tape
        found.streams_created_ms[name] = self.now_ms()

    def stream(self, group: str, name: str) -> Tape:
        """The stream; ApiError if there is none."""
        streams = self.group(group).streams
        if name not in streams:
            raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")
        return streams[name]

    async def open(self, group: str, stream: str, *, make_group: bool) -> None:
        """Makes what is not there."""
        if make_group and group not in self.groups:
            self.make_group(group)
        if stream not in self.group(group).streams:
            self.make_stream(group, stream, RecordedTape())

    async def put(self, group: str, stream: str, events: list[Event]) -> None:
        """Appends events; the faults on log lines whose target matches the stream are done to them."""
        tape = self.stream(group, stream)
        if not isinstance(tape, RecordedTape):
            raise ApiError("InvalidParameterException", "A generated stream cannot be written")
        now_ms = self.now_ms()
        tape.length(now_ms)
        if self._faults.of("reorder_lines", stream):
            events = sorted(events, key=lambda event: zlib.crc32(event[1].encode()))
        for timestamp_ms, message in events:
            self._take(tape, stream, LogEvent(timestamp_ms, now_ms, message))

    def _take(self, tape: RecordedTape, stream: str, event: LogEvent) -> None:
        hits = {
            kind: fault
            for kind in ("late_lines", "holes", "duplicate_lines", "lost_lines")
            for fault in self._faults.of(kind, stream)
            if _chosen(fault, event.message)
        }
        if "lost_lines" in hits:
            return
        if "late_lines" in hits:
            tape.delay(event, event.ingestion_ms + _ms(hits["late_lines"]))
        elif "holes" in hits:
            tape.append(event, hidden_until_ms=event.ingestion_ms + _ms(hits["holes"]))
        else:
            tape.append(event)
        if "duplicate_lines" in hits:
            tape.append(event)


def _chosen(fault: Fault, message: str) -> bool:
    """The same messages each time: those whose checksum falls into the fault's share."""
    share: float = fault.parameters.get("share", 1)
    return zlib.crc32(message.encode()) % 1000 < 1000 * share


def _ms(fault: Fault) -> int:
    return int(1000 * fault.parameters["seconds"])
