"""Records of a detailed report, with each mode's field names.

Sources: Basic mode's verified records, `SrcMetadata`, `SourceMetadata` and the names of the arrays are from code that
reads real reports. The members of the other kinds are those that such code expects; some are unproven, see the README.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from emulator.transfer.item_events import (
    Deleted,
    Failed,
    ItemEvent,
    Mismatched,
    Skipped,
    TimedEvent,
    Transferred,
    Verified,
)
from emulator.transfer.items import Item, ItemSnapshot, Kind

Record = dict[str, Any]
KINDS = ("Transferred", "Verified", "Skipped", "Deleted")
_TYPES = {Kind.FILE: "Regular", Kind.FOLDER: "Directory", Kind.SYMLINK: "SymbolicLink"}
_FAILED_IN = {
    "List": "Skipped",
    "Prepare": "Skipped",
    "Transfer": "Transferred",
    "Verify": "Verified",
    "Delete": "Deleted",
}


def build_records(events: list[TimedEvent], *, enhanced: bool, levels: dict[str, str]) -> dict[str, list[Record]]:
    """Return the records by kind; `levels` holds the ReportLevel of each kind, and ERRORS_ONLY omits successes.

    Enhanced mode's report has no folders, like its counters (inferred).
    """
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for at, event in events:
        kind, success = _kind(event)
        item = event.source.item if isinstance(event, Verified) else event.item
        left_out = (success and levels[kind] == "ERRORS_ONLY") or (enhanced and item.folder)
        if not left_out:
            found[kind].append(_record(at, event, item, kind, enhanced=enhanced))
    return dict(found)


def format_time(at: datetime) -> str:
    """Format a time as in reports, with nanoseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _kind(event: ItemEvent) -> tuple[str, bool]:
    match event:
        case Transferred():
            return "Transferred", True
        case Verified():
            return "Verified", True
        case Mismatched():
            return "Verified", False
        case Skipped():
            return "Skipped", True
        case Deleted():
            return "Deleted", True
        case Failed(step):
            return _FAILED_IN[step], False


def _record(at: datetime, event: ItemEvent, item: Item, kind: str, *, enhanced: bool) -> Record:
    verb = {"Transferred": "Transfer", "Verified": "Verify", "Skipped": "Skip", "Deleted": "Delete"}[kind]
    fields: Record = {"RelativePath": item.path.removeprefix("/") if enhanced else item.path}
    source, destination = _sides(event)
    for name, side in zip(("SourceMetadata", "DestinationMetadata"), (source, destination), strict=True):
        if side is not None:
            fields[name if enhanced else _BASIC_NAMES[name]] = _metadata(side.item)
            if side.sha256:
                fields["SrcChecksum" if side is source else "DstChecksum"] = f"SHA256:{side.sha256}"
    fields[f"{verb}Timestamp"] = format_time(at)
    fields[f"{verb}Status"] = "FAILED" if isinstance(event, Mismatched | Failed) else "SUCCESS"
    return fields | _details(event)


_BASIC_NAMES = {"SourceMetadata": "SrcMetadata", "DestinationMetadata": "DstMetadata"}


def _sides(event: ItemEvent) -> tuple[ItemSnapshot | None, ItemSnapshot | None]:
    match event:
        case Verified(source, destination) | Mismatched(source, destination):
            return source, destination
        case Deleted(item):
            return None, ItemSnapshot(item, "")
        case _:
            return ItemSnapshot(event.item, ""), None


def _details(event: ItemEvent) -> Record:
    match event:
        case Transferred(_, replaced):
            return {"TransferType": "CONTENT_AND_METADATA", "Overwrite": str(replaced)}
        case Skipped(_, reason):
            return {"SkipReason": reason}
        case Mismatched():
            return {"ErrorCode": "VerificationFailed", "ErrorDetail": "Verification failed"}
        case Failed(_, _, what, reason):
            return {"ErrorCode": "Failed", "ErrorDetail": f"Failed to {what}: {reason}"}
        case _:
            return {}


def _metadata(item: Item) -> Record:
    seconds, ns = divmod(item.mtime_ns, 10**9)
    mtime = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fields: Record = {"Type": _TYPES[item.kind], "Mtime": f"{mtime}.{ns:09d}Z"}
    return fields if item.folder else fields | {"ContentSize": item.size_bytes}
