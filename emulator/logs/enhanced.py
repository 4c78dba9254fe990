"""Enhanced mode's log: one JSON record per log event, on one line.

The keys and two failures are from AWS's examples. Inferred: a record without ErrorCode reports a success; everything in
`templates.py`.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from emulator.arns import last_id
from emulator.logs.formatter import LogMessage, to_utf8
from emulator.logs.templates import Templates
from emulator.transfer.item_events import Deleted, Failed, ItemEvent, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.items import Item, ItemSnapshot
from emulator.transfer.object_metadata import user_metadata

_DETAILS = {
    "FileNotAtSource": "Verification failed due to file being present at the destination but not at the source",
    "FileNotAtDestination": "Verification failed due to file being present at the source but not at the destination",
    "MetadataDiffers": "Verification failed due to a difference in metadata",
    "ContentDiffers": "Verification failed due to a difference in content",
}


class EnhancedFormatter:
    """Formatter of Enhanced mode, for one pair of locations."""

    def __init__(self, execution_arn: str, locations: tuple[str, str], templates: Templates) -> None:
        self._execution_id = last_id(execution_arn)
        self._source_id, self._destination_id = (last_id(arn) for arn in locations)
        self._templates = templates

    def execution_started(self) -> list[LogMessage]:
        """Return the record from the template; no real one is known."""
        return self._execution_record(self._templates.enhanced_started, "")

    def execution_finished(self, status: str) -> list[LogMessage]:
        """Return the record from the template; no real one is known."""
        return self._execution_record(self._templates.enhanced_finished, status)

    def item_event(self, event: ItemEvent) -> list[LogMessage]:
        """Return the record for an item event, or no record."""
        match event:
            case Transferred(item):
                return self._success("TRANSFER", item, _side(item), TransferType="CONTENT_AND_METADATA")
            case Verified(source, destination):
                item, stored = source.item, _side(destination.item)
                return self._success("VERIFY", item, stored, TransferType="CONTENT_AND_METADATA")
            case Deleted(item):
                return self._success("DELETE", item, _side(item))
            case Skipped(item, reason):
                records = self._success("SKIP", item, {}, SkipReason=reason)
                return records if self._templates.enhanced_skip_records else []
            case Failed(_, item, what, reason):
                detail = {"ErrorCode": "TransferFailed", "ErrorDetail": f"Failed to {what}: {reason}"}
                return [self._record("TRANSFER", item, _side(item), {}, detail)]
            case Mismatched(source_side, stored_side):
                return [self._mismatched(event, source_side, stored_side)]

    def _mismatched(self, event: Mismatched, source: ItemSnapshot | None, stored: ItemSnapshot | None) -> LogMessage:
        code = _code(source, stored)
        return self._record(
            "VERIFY",
            event.item,
            _side(source.item) if source else {},
            _side(stored.item) if stored else {},
            {"TransferType": "CONTENT_AND_METADATA", "ErrorCode": code, "ErrorDetail": _DETAILS[code]},
        )

    def _success(self, action: str, item: Item, stored: dict[str, Any], **more: str) -> list[LogMessage]:
        if not self._templates.enhanced_success_records or (
            item.folder and not self._templates.enhanced_folder_records
        ):
            return []
        return [self._record(action, item, _side(item), stored, more)]

    def _record(
        self, action: str, item: Item, source: dict[str, Any], stored: dict[str, Any], more: dict[str, str]
    ) -> LogMessage:
        path = to_utf8(item.path.removeprefix("/") + ("/" if item.folder and item.path != "/" else ""))
        record = {
            "Action": action,
            "Source": {"LocationId": self._source_id, "RelativePath": path, **source},
            "Destination": {"LocationId": self._destination_id, "RelativePath": path, **stored},
            **more,
        }
        return LogMessage(orjson.dumps(record).decode(), error="ErrorCode" in more)

    def _execution_record(self, template: str | None, status: str) -> list[LogMessage]:
        if template is None:
            return []
        return [LogMessage(template.replace("{status}", status).replace("{execution_id}", self._execution_id))]


def _code(source: ItemSnapshot | None, stored: ItemSnapshot | None) -> str:
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
