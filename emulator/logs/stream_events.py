"""Events of one log stream, in the order of ingestion."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event; times are milliseconds since 1970."""

    timestamp_ms: int
    ingestion_ms: int
    message: str


class StreamEvents(Protocol):
    """Events by position. Positions never change; an API token contains a position."""

    def length(self, now_ms: int) -> int:
        """Return the number of positions at a time."""

    def event(self, position: int, now_ms: int) -> LogEvent | None:
        """Return the event at a position; None if it is still hidden."""


class StoredEvents:
    """Events in memory. An event may be delayed, or hidden at its position for a while."""

    def __init__(self) -> None:
        self._events: list[LogEvent] = []
        self._hidden_until_ms: dict[int, int] = {}
        self._delayed: list[tuple[int, int, LogEvent]] = []
        self._order = 0

    def append(self, event: LogEvent, *, hidden_until_ms: int = 0) -> None:
        """Append an event, hidden until `hidden_until_ms` if that is given."""
        if hidden_until_ms:
            self._hidden_until_ms[len(self._events)] = hidden_until_ms
        self._events.append(event)

    def delay(self, event: LogEvent, due_ms: int) -> None:
        """Append an event at `due_ms`, which also becomes its time of ingestion."""
        self._order += 1
        heapq.heappush(self._delayed, (due_ms, self._order, event))

    def length(self, now_ms: int) -> int:
        """Return the number of positions at a time."""
        while self._delayed and self._delayed[0][0] <= now_ms:
            due_ms, _, event = heapq.heappop(self._delayed)
            self._events.append(LogEvent(event.timestamp_ms, due_ms, event.message))
        return len(self._events)

    def event(self, position: int, now_ms: int) -> LogEvent | None:
        """Return the event at a position; None if it is still hidden."""
        if self._hidden_until_ms.get(position, 0) > now_ms:
            return None
        return self._events[position]


class GeneratedEvents:
    """Events that are created when they are read; none is stored.

    `count_at` returns their number at a time in milliseconds, `create_event` the event at a position, always the same.
    """

    def __init__(self, count_at: Callable[[int], int], create_event: Callable[[int], LogEvent]) -> None:
        self._count_at = count_at
        self._create_event = create_event

    def length(self, now_ms: int) -> int:
        """Return the number of positions at a time."""
        return self._count_at(now_ms)

    def event(self, position: int, now_ms: int) -> LogEvent | None:  # noqa: ARG002  (the interface has it)
        """Return the event at a position."""
        return self._create_event(position)
