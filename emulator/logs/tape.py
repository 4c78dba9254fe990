"""The events of one log stream, in the order of their ingestion."""

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


class Tape(Protocol):
    """Events by position. Positions do not change; a token of the API is a position."""

    def length(self, now_ms: int) -> int:
        """How many positions there are by now."""

    def event(self, position: int, now_ms: int) -> LogEvent | None:
        """The event at a position; None where a hole has not been filled by now."""


class RecordedTape:
    """A tape that is written to. An event may be delayed, or be hidden at its position for a while."""

    def __init__(self) -> None:
        self._events: list[LogEvent] = []
        self._hidden_until_ms: dict[int, int] = {}
        self._delayed: list[tuple[int, int, LogEvent]] = []
        self._order = 0

    def append(self, event: LogEvent, *, hidden_until_ms: int = 0) -> None:
        """Takes an event at the next position, perhaps to be seen only later."""
        if hidden_until_ms:
            self._hidden_until_ms[len(self._events)] = hidden_until_ms
        self._events.append(event)

    def delay(self, event: LogEvent, due_ms: int) -> None:
        """Takes an event that gets its position, and its time of ingestion, only when it is due."""
        self._order += 1
        heapq.heappush(self._delayed, (due_ms, self._order, event))

    def length(self, now_ms: int) -> int:
        """How many positions there are by now."""
        while self._delayed and self._delayed[0][0] <= now_ms:
            due_ms, _, event = heapq.heappop(self._delayed)
            self._events.append(LogEvent(event.timestamp_ms, due_ms, event.message))
        return len(self._events)

    def event(self, position: int, now_ms: int) -> LogEvent | None:
        """The event at a position, or None."""
        if self._hidden_until_ms.get(position, 0) > now_ms:
            return None
        return self._events[position]


class GeneratedTape:
    """A tape of any length that holds nothing: each event is made when it is asked for.

    `ingested` gives how many there are by a time in milliseconds; `make` the event at a position, always the same.
    """

    def __init__(self, ingested: Callable[[int], int], make: Callable[[int], LogEvent]) -> None:
        self._ingested = ingested
        self._make = make

    def length(self, now_ms: int) -> int:
        """How many positions there are by now."""
        return self._ingested(now_ms)

    def event(self, position: int, now_ms: int) -> LogEvent | None:  # noqa: ARG002 - because a tape's reader asks so
        """The event at a position."""
        return self._make(position)
