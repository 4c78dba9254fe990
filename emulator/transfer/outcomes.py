"""What happens to items, in the emulator's own words; logs and reports put it into DataSync's."""

from dataclasses import dataclass
from datetime import datetime

from emulator.transfer.items import Evidence, Item


@dataclass(frozen=True, slots=True)
class Transferred:
    """Content and metadata of an item were written; `replaced` if something was there before."""

    item: Item
    replaced: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """Both sides of an item agree."""

    source: Evidence
    destination: Evidence


@dataclass(frozen=True, slots=True)
class Mismatched:
    """The two sides of an item differ, or one of them, then None, is missing; one of them is there."""

    source: Evidence | None
    destination: Evidence | None

    @property
    def item(self) -> Item:
        """The item, as the source has it if it does."""
        evidence = self.source or self.destination
        if evidence is None:
            raise ValueError("a mismatch needs a side")
        return evidence.item


@dataclass(frozen=True, slots=True)
class Failed:
    """An item could not be read or written in a step (List, Prepare, Transfer, Verify, Delete).

    `what` and `reason` are the words of the log: Failed to <what> <path>: <reason>.
    """

    step: str
    item: Item
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item was left alone, for a reason in one word: Unchanged, OverwriteNever."""

    item: Item
    reason: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """An item was removed at the destination."""

    item: Item


Outcome = Transferred | Verified | Mismatched | Failed | Skipped | Deleted
Dated = tuple[datetime, Outcome]
