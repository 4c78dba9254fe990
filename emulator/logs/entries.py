"""Log messages with their level, whatever the mode."""

from dataclasses import dataclass
from typing import Protocol

from emulator.transfer.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Entry:
    """One log event's message. `error` entries are written at LogLevel BASIC too, the others only at TRANSFER."""

    message: str
    error: bool = False


class Writing(Protocol):
    """How a mode puts into words what happens."""

    def started(self) -> list[Entry]:
        """The execution has begun."""

    def happened(self, outcome: Outcome) -> list[Entry]:
        """Something happened to an item."""

    def finished(self, status: str) -> list[Entry]:
        """The execution has ended as `SUCCESS` or `ERROR`."""


def wanted(entries: list[Entry], log_level: str) -> list[str]:
    """The messages that a LogLevel lets through, each fit for UTF-8."""
    if log_level == "OFF":
        return []
    return [fit(entry.message) for entry in entries if entry.error or log_level == "TRANSFER"]


def fit(text: str) -> str:
    """A text as UTF-8 can hold it: the lone surrogates of a name that is not UTF-8 become `?`."""
    return text.encode("utf-8", "replace").decode()
