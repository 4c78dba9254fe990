"""The log of a synthetic execution: what stands at each position, without keeping any of it."""

from dataclasses import dataclass

from emulator.logs.entries import Writing, wanted
from emulator.logs.tape import LogEvent
from emulator.synthetic.shares import SyntheticShare
from emulator.transfer.items import Evidence, Item
from emulator.transfer.outcomes import Transferred, Verified


@dataclass(frozen=True)
class Script:
    """The messages by position: the beginning, transfers, verified folders, verified files, the end.

    A part that the mode does not log, as its writing tells, has no positions.
    """

    share: SyntheticShare
    writing: Writing
    began_ms: int
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    transfers: int
    folders: int
    files: int

    @property
    def length(self) -> int:
        """How many messages there are in all."""
        return len(self.opening) + self.transfers + self.folders + self.files + len(self.closing)

    def event(self, position: int) -> LogEvent:
        """The event at a position; its times grow by one millisecond with every hundred events."""
        at_ms = self.began_ms + position // 100
        return LogEvent(at_ms, at_ms, self._message(position))

    def _message(self, position: int) -> str:
        if position < len(self.opening):
            return self.opening[position]
        position -= len(self.opening)
        if position < self.transfers:
            return _one(self.writing, Transferred(self.share.file(position), replaced=False))
        position -= self.transfers
        if position < self.folders:
            return _one(self.writing, _verified(self.share.folder(position)))
        position -= self.folders
        if position < self.files:
            return _one(self.writing, _verified(self.share.file(position)))
        return self.closing[position - self.files]


def script(share: SyntheticShare, writing: Writing, began_ms: int, log_level: str, verify_mode: str) -> Script:
    """The script of an execution, as much of it as the LogLevel lets through."""
    file, folder = share.file(0), share.folder(0)
    transfers = len(wanted(writing.happened(Transferred(file, replaced=False)), log_level)) * share.files
    folders = len(wanted(writing.happened(_verified(folder)), log_level)) * share.all_folders
    files = len(wanted(writing.happened(_verified(file)), log_level)) * share.files
    if verify_mode == "NONE":
        folders = files = 0
    opening, closing = (
        tuple(wanted(entries, log_level)) for entries in (writing.started(), writing.finished("SUCCESS"))
    )
    return Script(share, writing, began_ms, opening, closing, transfers, folders, files)


def _verified(item: Item) -> Verified:
    return Verified(Evidence(item, ""), Evidence(item, ""))


def _one(writing: Writing, outcome: Transferred | Verified) -> str:
    return writing.happened(outcome)[0].message
