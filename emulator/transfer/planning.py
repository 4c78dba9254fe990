"""What to transfer, to skip and to delete: the decision of the step PREPARING."""

from dataclasses import dataclass
from typing import Any

from emulator.transfer.items import Item


@dataclass(frozen=True)
class Plan:
    """The items by what will happen to them; `replaced` are the paths that exist at the destination already."""

    transfer: list[Item]
    skip: list[tuple[Item, str]]
    delete: list[Item]
    replaced: frozenset[str]


def plan(source: list[Item], stored: dict[str, Item], at_destination: list[Item], options: dict[str, Any]) -> Plan:
    """Compares the two locations.

    `stored` holds, by path, what the destination has for items of the source. With TransferMode ALL everything is
    transferred; with CHANGED what is new or differs. OverwriteMode NEVER leaves alone what exists;
    PreserveDeletedFiles REMOVE deletes, children first, what the source does not have.
    """
    transfer: list[Item] = []
    skip: list[tuple[Item, str]] = []
    for item in source:
        there = stored.get(item.path)
        if there is not None and options["TransferMode"] == "CHANGED" and item.same_as(there):
            skip.append((item, "Unchanged"))
        elif there is not None and not item.folder and options["OverwriteMode"] == "NEVER":
            skip.append((item, "OverwriteNever"))
        else:
            transfer.append(item)
    paths = {(item.path, item.folder) for item in source}
    extra = [item for item in at_destination if (item.path, item.folder) not in paths]
    remove = options["PreserveDeletedFiles"] == "REMOVE"
    delete = sorted(extra, key=lambda item: item.path, reverse=True) if remove else []
    return Plan(transfer, skip, delete, frozenset(stored))
