"""Enhanced mode's log: one JSON record per event, on one line.

The keys and the two failures are AWS's examples; that a record without ErrorCode tells of success is inferred, and so
is everything in `forms.py`.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from emulator.arns import last_id
from emulator.logs.entries import Entry, fit
from emulator.logs.forms import Forms
from emulator.transfer.items import Evidence, Item
from emulator.transfer.metadata import user_metadata
from emulator.transfer.outcomes import Deleted, Failed, Mismatched, Outcome, Skipped, Transferred, Verified

_DETAILS = {
    "FileNotAtSource": "Verification failed due to file being present at the destination but not at the source",
    "FileNotAtDestination": "Verification failed due to file being present at the source but not at the destination",
    "MetadataDiffers": "Verification failed due to a difference in metadata",
    "ContentDiffers": "Verification failed due to a difference in content",
}


class EnhancedRecords:
    """Writes records for one pair of locations."""

    def __init__(self, execution_arn: str, locations: tuple[str, str], forms: Forms) -> None:
        self._execution_id = last_id(execution_arn)
        self._source_id, self._destination_id = (last_id(arn) for arn in locations)
        self._forms = forms

    def started(self) -> list[Entry]:
        """No record is known for it."""
        return self._framing(self._forms.enhanced_started, "")

    def finished(self, status: str) -> list[Entry]:
        """No record is known for it."""
        return self._framing(self._forms.enhanced_finished, status)

    def happened(self, outcome: Outcome) -> list[Entry]:
        """The record on an item."""
        match outcome:
            case Transferred(item):
                return self._success("TRANSFER", item, _side(item), TransferType="CONTENT_AND_METADATA")
            case Verified(source, destination):
                item, stored = source.item, _side(destination.item)
                return self._success("VERIFY", item, stored, TransferType="CONTENT_AND_METADATA")
            case Deleted(item):
                return self._success("DELETE", item, _side(item))
            case Skipped(item, reason):
                records = self._success("SKIP", item, {}, SkipReason=reason)
                return records if self._forms.enhanced_skip_records else []
            case Failed(_, item, what, reason):
                detail = {"ErrorCode": "TransferFailed", "ErrorDetail": f"Failed to {what}: {reason}"}
                return [self._record("TRANSFER", item, _side(item), {}, detail)]
            case Mismatched(source_side, stored_side):
                return [self._mismatched(outcome, source_side, stored_side)]

    def _mismatched(self, outcome: Mismatched, source: Evidence | None, stored: Evidence | None) -> Entry:
        code = _code(source, stored)
        return self._record(
            "VERIFY",
            outcome.item,
            _side(source.item) if source else {},
            _side(stored.item) if stored else {},
            {"TransferType": "CONTENT_AND_METADATA", "ErrorCode": code, "ErrorDetail": _DETAILS[code]},
        )

    def _success(self, action: str, item: Item, stored: dict[str, Any], **more: str) -> list[Entry]:
        if not self._forms.enhanced_success_records or (item.folder and not self._forms.enhanced_folder_records):
            return []
        return [self._record(action, item, _side(item), stored, more)]

    def _record(
        self, action: str, item: Item, source: dict[str, Any], stored: dict[str, Any], more: dict[str, str]
    ) -> Entry:
        path = fit(item.path.removeprefix("/") + ("/" if item.folder and item.path != "/" else ""))
        record = {
            "Action": action,
            "Source": {"LocationId": self._source_id, "RelativePath": path, **source},
            "Destination": {"LocationId": self._destination_id, "RelativePath": path, **stored},
            **more,
        }
        return Entry(orjson.dumps(record).decode(), error="ErrorCode" in more)

    def _framing(self, template: str | None, status: str) -> list[Entry]:
        if template is None:
            return []
        return [Entry(template.replace("{status}", status).replace("{execution_id}", self._execution_id))]


def _code(source: Evidence | None, stored: Evidence | None) -> str:
    if source is None:
        return "FileNotAtSource"
    if stored is None:
        return "FileNotAtDestination"
    return "MetadataDiffers" if source.sha256 == stored.sha256 else "ContentDiffers"


def _side(item: Item) -> dict[str, Any]:
    modified = datetime.fromtimestamp(item.mtime_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "Metadata": {
            "Type": "Object",
            "ContentSize": item.size_bytes,
            "LastModified": modified,
            "S3": {"SystemMetadata": {}, "UserMetadata": user_metadata(item), "Tags": {}},
        }
    }
