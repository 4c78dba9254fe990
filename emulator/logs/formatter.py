"""Log messages, and the interface of the formatters that create them."""

from dataclasses import dataclass
from typing import Protocol

from emulator.transfer.item_events import ItemEvent


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A message. LogLevel BASIC writes only those with `error` set, TRANSFER writes all."""

    text: str
    error: bool = False


class LogFormatter(Protocol):
    """Interface of a mode's formatter."""

    def execution_started(self) -> list[LogMessage]:
        """Return the messages for the start of the execution."""

    def item_event(self, event: ItemEvent) -> list[LogMessage]:
        """Return the messages for an item event."""

    def execution_finished(self, status: str) -> list[LogMessage]:
        """Return the messages for the end of the execution, `SUCCESS` or `ERROR`."""


def select_for_level(messages: list[LogMessage], log_level: str) -> list[str]:
    """Return the messages that a LogLevel writes, as valid UTF-8."""
    if log_level == "OFF":
        return []
    return [to_utf8(message.text) for message in messages if message.error or log_level == "TRANSFER"]


def to_utf8(text: str) -> str:
    """Return the text with `?` for lone surrogates, which stand for bytes that are not UTF-8."""
    return text.encode("utf-8", "replace").decode()
