"""Events of items during a transfer; logs and reports translate them into DataSync's formats."""

from dataclasses import dataclass
from datetime import datetime

from emulator.transfer.items import Item, ItemSnapshot


@dataclass(frozen=True, slots=True)
class Transferred:
    """Content and metadata of an item were written; `replaced` if the destination had one before."""

    item: Item
    replaced: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """The source and the destination of an item are equal."""

    source: ItemSnapshot
    destination: ItemSnapshot


@dataclass(frozen=True, slots=True)
class Mismatched:
    """The source and the destination of an item differ, or one of them is missing (None), but not both."""

    source: ItemSnapshot | None
    destination: ItemSnapshot | None

    @property
    def item(self) -> Item:
        """The source's item, or the destination's if the source has none."""
        snapshot = self.source or self.destination
        if snapshot is None:
            raise ValueError("a mismatch needs a source or a destination")
        return snapshot.item


@dataclass(frozen=True, slots=True)
class Failed:
    """An item could not be read or written in a step (List, Prepare, Transfer, Verify, Delete).

    `what` and `reason` are the log's words: Failed to <what> <path>: <reason>.
    """

    step: str
    item: Item
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item was not transferred; `reason` is Unchanged or OverwriteNever."""

    item: Item
    reason: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """An item was deleted at the destination."""

    item: Item


ItemEvent = Transferred | Verified | Mismatched | Failed | Skipped | Deleted
TimedEvent = tuple[datetime, ItemEvent]
