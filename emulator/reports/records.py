"""Records of a detailed report, in each mode's field names.

Basic's verified records, `SrcMetadata`, `SourceMetadata` and the arrays' names are from code that reads real reports;
the members of the other kinds are as such code expects them (in part unproven, see the README).
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from emulator.transfer.items import Evidence, Item, Kind
from emulator.transfer.outcomes import Dated, Deleted, Failed, Mismatched, Outcome, Skipped, Transferred, Verified

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


def records(entries: list[Dated], *, enhanced: bool, levels: dict[str, str]) -> dict[str, list[Record]]:
    """The records by kind; `levels` has the ReportLevel of each kind, ERRORS_ONLY leaves successes out.

    Enhanced mode's report has no folders, as its counters have not (inferred).
    """
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for at, outcome in entries:
        kind, success = _kind(outcome)
        item = outcome.source.item if isinstance(outcome, Verified) else outcome.item
        left_out = (success and levels[kind] == "ERRORS_ONLY") or (enhanced and item.folder)
        if not left_out:
            found[kind].append(_record(at, outcome, item, kind, enhanced=enhanced))
    return dict(found)


def instant(at: datetime) -> str:
    """A time as reports write it, with nanoseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _kind(outcome: Outcome) -> tuple[str, bool]:
    match outcome:
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


def _record(at: datetime, outcome: Outcome, item: Item, kind: str, *, enhanced: bool) -> Record:
    verb = {"Transferred": "Transfer", "Verified": "Verify", "Skipped": "Skip", "Deleted": "Delete"}[kind]
    fields: Record = {"RelativePath": item.path.removeprefix("/") if enhanced else item.path}
    source, destination = _sides(outcome)
    for name, side in zip(("SourceMetadata", "DestinationMetadata"), (source, destination), strict=True):
        if side is not None:
            fields[name if enhanced else _BASIC_NAMES[name]] = _metadata(side.item)
            if side.sha256:
                fields["SrcChecksum" if side is source else "DstChecksum"] = f"SHA256:{side.sha256}"
    fields[f"{verb}Timestamp"] = instant(at)
    fields[f"{verb}Status"] = "FAILED" if isinstance(outcome, Mismatched | Failed) else "SUCCESS"
    return fields | _particulars(outcome)


_BASIC_NAMES = {"SourceMetadata": "SrcMetadata", "DestinationMetadata": "DstMetadata"}


def _sides(outcome: Outcome) -> tuple[Evidence | None, Evidence | None]:
    match outcome:
        case Verified(source, destination) | Mismatched(source, destination):
            return source, destination
        case Deleted(item):
            return None, Evidence(item, "")
        case _:
            return Evidence(outcome.item, ""), None


def _particulars(outcome: Outcome) -> Record:
    match outcome:
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
