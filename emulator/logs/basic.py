"""Basic mode's log: lines of text.

Seen in a real stream: started, hostId, Verified directory, Verified file, finished. From AWS's guide: failed
verifications and `[ERROR] Failed to …`. What is inferred is in `forms.py`.
"""

from emulator.arns import last_id, new_id
from emulator.logs.entries import Entry
from emulator.logs.forms import Forms
from emulator.transfer.items import Evidence, Item, Kind
from emulator.transfer.metadata import time_text
from emulator.transfer.outcomes import Deleted, Failed, Mismatched, Outcome, Skipped, Transferred, Verified

_NO_HASH = "0" * 64
_TYPES = {Kind.FILE: "R", Kind.FOLDER: "D", Kind.SYMLINK: "L"}  # only R is documented


class BasicLines:
    """Writes lines; each of them is a log event of its own."""

    def __init__(self, execution_arn: str, forms: Forms) -> None:
        self._execution_id = last_id(execution_arn)
        self._forms = forms

    def started(self) -> list[Entry]:
        """Two lines, as a real stream begins."""
        host = new_id("host")
        return [
            Entry(f"[INFO] Execution {self._execution_id} started."),
            Entry(f"[INFO] Started logging in destination hostId: {host} for Execution {self._execution_id}"),
        ]

    def finished(self, status: str) -> list[Entry]:
        """One line, the last."""
        word = "Success" if status == "SUCCESS" else self._forms.basic_status_of_error
        return [Entry(f"[INFO] Execution {self._execution_id} finished with status {word}.")]

    def happened(self, outcome: Outcome) -> list[Entry]:
        """The lines on an item; none where the form is left out."""
        match outcome:
            case Transferred(item):
                folder, file = self._forms.basic_transferred_directory, self._forms.basic_transferred_file
                return _filled(folder if item.folder else file, item)
            case Verified(source):
                return self._verified(source.item)
            case Mismatched():
                return self._mismatched(outcome)
            case Failed(_, item, what, reason):
                return [Entry(f"[ERROR] Failed to {what} {item.path}: {reason}", error=True)]
            case Skipped(item):
                return _filled(self._forms.basic_skipped, item)
            case Deleted(item):
                return _filled(self._forms.basic_deleted, item)

    def _verified(self, item: Item) -> list[Entry]:
        if item.folder:
            return [Entry(f"[NOTICE] Verified directory {item.path}")]
        if item.kind is Kind.SYMLINK:
            return _filled(self._forms.basic_verified_symlink, item)
        return [Entry(f"[NOTICE] Verified file {item.path}, {item.size_bytes} bytes")]

    def _mismatched(self, outcome: Mismatched) -> list[Entry]:
        path = outcome.item.path
        lines = []
        if outcome.source is None:
            lines.append(f"[NOTICE] Verification failed > {path}")
        elif outcome.destination is None:
            lines.append(self._forms.basic_missing_at_destination.replace("{path}", path))
        else:
            lines.append(f"[NOTICE] Verification failed <> {path}")
        for side, evidence in (("src", outcome.source), ("dst", outcome.destination)):
            if evidence is not None:
                lines += _side(side, evidence)
        return [Entry(line, error=True) for line in lines]


def _side(side: str, evidence: Evidence) -> list[str]:
    item = evidence.item
    meta = (
        f"type={_TYPES[item.kind]} mode={max(item.mode, 0):04o} uid={item.uid} gid={item.gid} size={item.size_bytes} "
        f"atime={time_text(item.atime_ns)} mtime={time_text(item.mtime_ns)} extAttrsHash=0"
    )
    return [
        f"[NOTICE] {item.path}   {side}Meta: {meta}",
        f"[NOTICE]   {side}Hash: {evidence.sha256 or _NO_HASH}",
    ]


def _filled(template: str | None, item: Item) -> list[Entry]:
    if template is None:
        return []
    return [Entry(template.replace("{size}", str(item.size_bytes)).replace("{path}", item.path))]
