"""How each outcome is counted."""

from emulator.counters import Counters
from emulator.transfer.items import Item
from emulator.transfer.outcomes import Deleted, Failed, Mismatched, Outcome, Skipped, Transferred, Verified
from emulator.transfer.planning import Plan


def count_plan(counters: Counters, listed: list[Item], at_destination: list[Item], plan: Plan) -> None:
    """What PREPARING finds out; the destination is counted only where deletion needs it."""
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


def count(counters: Counters, outcome: Outcome) -> None:
    """One outcome. What failed to transfer counts as skipped, too (AWS speaks of files skipped due to errors)."""
    match outcome:
        case Transferred(item):
            counters.transferred.add(folder=item.folder)
        case Verified(source):
            counters.verified.add(folder=source.item.folder)
        case Mismatched():
            counters.failed_verify.add(folder=outcome.item.folder)
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
