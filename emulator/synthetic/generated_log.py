"""Log of a synthetic execution: messages are created by position and not stored."""

from dataclasses import dataclass

from emulator.logs.formatter import LogFormatter, select_for_level
from emulator.logs.stream_events import LogEvent
from emulator.synthetic.shares import SyntheticShare
from emulator.transfer.item_events import Transferred, Verified
from emulator.transfer.items import Item, ItemSnapshot


@dataclass(frozen=True)
class GeneratedLog:
    """Log messages by position: start, transfers, verified folders, verified files, end.

    A part that the formatter does not log has no positions.
    """

    share: SyntheticShare
    formatter: LogFormatter
    started_ms: int
    first_messages: tuple[str, ...]
    last_messages: tuple[str, ...]
    transfers: int
    folders: int
    files: int

    @property
    def length(self) -> int:
        """Number of messages."""
        return len(self.first_messages) + self.transfers + self.folders + self.files + len(self.last_messages)

    def event(self, position: int) -> LogEvent:
        """Return the event at a position. Timestamps grow by 1 ms every 100 events."""
        at_ms = self.started_ms + position // 100
        return LogEvent(at_ms, at_ms, self._message(position))

    def _message(self, position: int) -> str:
        if position < len(self.first_messages):
            return self.first_messages[position]
        position -= len(self.first_messages)
        if position < self.transfers:
            return _message(self.formatter, Transferred(self.share.file(position), replaced=False))
        position -= self.transfers
        if position < self.folders:
            return _message(self.formatter, _verified(self.share.folder(position)))
        position -= self.folders
        if position < self.files:
            return _message(self.formatter, _verified(self.share.file(position)))
        return self.last_messages[position - self.files]


def generate_log(
    share: SyntheticShare, formatter: LogFormatter, started_ms: int, log_level: str, verify_mode: str
) -> GeneratedLog:
    """Return the log of an execution, with the messages that its LogLevel writes."""
    file, folder = share.file(0), share.folder(0)
    transfers = len(select_for_level(formatter.item_event(Transferred(file, replaced=False)), log_level)) * share.files
    folders = len(select_for_level(formatter.item_event(_verified(folder)), log_level)) * share.folder_count
    files = len(select_for_level(formatter.item_event(_verified(file)), log_level)) * share.files
    if verify_mode == "NONE":
        folders = files = 0
    first_messages, last_messages = (
        tuple(select_for_level(messages, log_level))
        for messages in (formatter.execution_started(), formatter.execution_finished("SUCCESS"))
    )
    return GeneratedLog(share, formatter, started_ms, first_messages, last_messages, transfers, folders, files)


def _verified(item: Item) -> Verified:
    return Verified(ItemSnapshot(item, ""), ItemSnapshot(item, ""))


def _message(formatter: LogFormatter, event: Transferred | Verified) -> str:
    return formatter.item_event(event)[0].text
