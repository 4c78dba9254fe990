"""Counting of plans and item events."""

from emulator.counters import Counters
from emulator.transfer.item_events import Deleted, Failed, ItemEvent, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.items import Item
from emulator.transfer.plan import TransferPlan


def count_plan(counters: Counters, listed: list[Item], at_destination: list[Item], plan: TransferPlan) -> None:
    """Count the results of PREPARING; items at the destination are counted only if deletion needs them."""
    for item in listed:
        counters.listed_at_source.add(folder=item.folder)
    for item in at_destination:
        counters.listed_for_delete.add(folder=item.folder)
    for item in plan.transfer:
        counters.to_transfer.add(folder=item.folder)
        counters.prepared.add(folder=item.folder)
    for item in plan.delete:
        counters.to_delete.add(folder=item.folder)
    counters.bytes_to_transfer = sum(item.size_bytes for item in plan.transfer)


def count_event(counters: Counters, event: ItemEvent) -> None:
    """Count one item event.

    A failed transfer also counts as skipped: AWS's documentation mentions files skipped due to errors.
    """
    match event:
        case Transferred(item):
            counters.transferred.add(folder=item.folder)
        case Verified(source):
            counters.verified.add(folder=source.item.folder)
        case Mismatched():
            counters.failed_verify.add(folder=event.item.folder)
        case Skipped(item):
            counters.skipped.add(folder=item.folder)
        case Deleted(item):
            counters.deleted.add(folder=item.folder)
        case Failed(step, item):
            failed = {
                "List": counters.failed_list,
                "Prepare": counters.failed_prepare,
                "Transfer": counters.failed_transfer,
                "Verify": counters.failed_verify,
                "Delete": counters.failed_delete,
            }
            failed[step].add(folder=item.folder)
            if step == "Transfer":
                counters.skipped.add(folder=item.folder)
