"""The decision of the step PREPARING: which items to transfer, skip and delete."""

from dataclasses import dataclass
from typing import Any

from emulator.transfer.items import Item


@dataclass(frozen=True)
class TransferPlan:
    """Items to transfer, skip (with the reason) and delete; `replaced` holds the paths at the destination."""

    transfer: list[Item]
    skip: list[tuple[Item, str]]
    delete: list[Item]
    replaced: frozenset[str]


def make_plan(
    source: list[Item], stored: dict[str, Item], at_destination: list[Item], options: dict[str, Any]
) -> TransferPlan:
    """Compare the two locations.

    `stored` holds, by path, the destination's counterparts of the source's items. TransferMode ALL transfers
    everything, CHANGED what is new or differs. OverwriteMode NEVER skips items that exist. PreserveDeletedFiles REMOVE
    deletes items that the source does not have, children first.
    """
    transfer: list[Item] = []
    skip: list[tuple[Item, str]] = []
    for item in source:
        existing = stored.get(item.path)
        if existing is not None and options["TransferMode"] == "CHANGED" and item.same_metadata(existing):
            skip.append((item, "Unchanged"))
        elif existing is not None and not item.folder and options["OverwriteMode"] == "NEVER":
            skip.append((item, "OverwriteNever"))
        else:
            transfer.append(item)
    paths = {(item.path, item.folder) for item in source}
    extra = [item for item in at_destination if (item.path, item.folder) not in paths]
    remove = options["PreserveDeletedFiles"] == "REMOVE"
    delete = sorted(extra, key=lambda item: item.path, reverse=True) if remove else []
    return TransferPlan(transfer, skip, delete, frozenset(stored))
