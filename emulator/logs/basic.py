"""Basic mode's log: lines of text.

Seen in a real stream: started, hostId, Verified directory, Verified file, finished. From AWS's guide: failed
verifications and `[ERROR] Failed to …`. All inferred lines are in `templates.py`.
"""

from emulator.arns import last_id, new_id
from emulator.logs.formatter import LogMessage
from emulator.logs.templates import Templates
from emulator.transfer.item_events import Deleted, Failed, ItemEvent, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.items import Item, ItemSnapshot, Kind
from emulator.transfer.object_metadata import format_time_ns

_NO_HASH = "0" * 64
_TYPES = {Kind.FILE: "R", Kind.FOLDER: "D", Kind.SYMLINK: "L"}  # documented: only R


class BasicFormatter:
    """Formatter of Basic mode: one line of text per log event."""

    def __init__(self, execution_arn: str, templates: Templates) -> None:
        self._execution_id = last_id(execution_arn)
        self._templates = templates

    def execution_started(self) -> list[LogMessage]:
        """Return the two lines with which a real stream starts."""
        host = new_id("host")
        return [
            LogMessage(f"[INFO] Execution {self._execution_id} started."),
            LogMessage(f"[INFO] Started logging in destination hostId: {host} for Execution {self._execution_id}"),
        ]

    def execution_finished(self, status: str) -> list[LogMessage]:
        """Return the last line."""
        word = "Success" if status == "SUCCESS" else self._templates.basic_status_of_error
        return [LogMessage(f"[INFO] Execution {self._execution_id} finished with status {word}.")]

    def item_event(self, event: ItemEvent) -> list[LogMessage]:
        """Return the lines for an item event; no line if its template is None."""
        match event:
            case Transferred(item):
                folder, file = self._templates.basic_transferred_directory, self._templates.basic_transferred_file
                return _from_template(folder if item.folder else file, item)
            case Verified(source):
                return self._verified(source.item)
            case Mismatched():
                return self._mismatched(event)
            case Failed(_, item, what, reason):
                return [LogMessage(f"[ERROR] Failed to {what} {item.path}: {reason}", error=True)]
            case Skipped(item):
                return _from_template(self._templates.basic_skipped, item)
            case Deleted(item):
                return _from_template(self._templates.basic_deleted, item)

    def _verified(self, item: Item) -> list[LogMessage]:
        if item.folder:
            return [LogMessage(f"[NOTICE] Verified directory {item.path}")]
        if item.kind is Kind.SYMLINK:
            return _from_template(self._templates.basic_verified_symlink, item)
        return [LogMessage(f"[NOTICE] Verified file {item.path}, {item.size_bytes} bytes")]

    def _mismatched(self, event: Mismatched) -> list[LogMessage]:
        path = event.item.path
        lines = []
        if event.source is None:
            lines.append(f"[NOTICE] Verification failed > {path}")
        elif event.destination is None:
            lines.append(self._templates.basic_missing_at_destination.replace("{path}", path))
        else:
            lines.append(f"[NOTICE] Verification failed <> {path}")
        for side, snapshot in (("src", event.source), ("dst", event.destination)):
            if snapshot is not None:
                lines += _side(side, snapshot)
        return [LogMessage(line, error=True) for line in lines]


def _side(side: str, snapshot: ItemSnapshot) -> list[str]:
    item = snapshot.item
    meta = (
        f"type={_TYPES[item.kind]} mode={max(item.mode, 0):04o} uid={item.uid} gid={item.gid} size={item.size_bytes} "
        f"atime={format_time_ns(item.atime_ns)} mtime={format_time_ns(item.mtime_ns)} extAttrsHash=0"
    )
    return [
        f"[NOTICE] {item.path}   {side}Meta: {meta}",
        f"[NOTICE]   {side}Hash: {snapshot.sha256 or _NO_HASH}",
    ]


def _from_template(template: str | None, item: Item) -> list[LogMessage]:
    if template is None:
        return []
    return [LogMessage(template.replace("{size}", str(item.size_bytes)).replace("{path}", item.path))]
