"""Files of a report: their keys and their size limit."""

import json
from typing import Any

from emulator.arns import last_id, new_id, task_of
from emulator.reports.records import KINDS, Record

MAX_BYTES = 5_000_000  # AWS's limit for each file of a report


def report_keys(prefix: str, execution_arn: str) -> tuple[str, str]:
    """Return the key prefixes, up to the last slash, of an execution's summary and detailed reports."""
    ids = f"{last_id(task_of(execution_arn))}/{last_id(execution_arn)}"
    return f"{prefix}Summary-Reports/{ids}/", f"{prefix}Detailed-Reports/{ids}/"


def detailed_files(execution_arn: str, found: dict[str, list[Record]], max_bytes: int = MAX_BYTES) -> dict[str, bytes]:
    """Return the detailed report by file name, such as `exec-….files-verified-v1-00001-<17 digits>.json`.

    A kind without records has no file.
    """
    execution_id = last_id(execution_arn)
    files = {}
    for kind in KINDS:
        for number, part in enumerate(_parts(found.get(kind, []), max_bytes), 1):
            suffix = new_id("").removeprefix("-")
            name = f"{execution_id}.files-{kind.lower()}-v1-{number:05d}-{suffix}.json"
            files[name] = document({"TaskExecutionId": execution_id, kind: part})
    return files


def document(fields: dict[str, Any]) -> bytes:
    """Return a JSON document in UTF-8, with `?` for bytes of names that are not UTF-8."""
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


def _parts(found: list[Record], max_bytes: int) -> list[list[Record]]:
    parts: list[list[Record]] = []
    size = max_bytes
    for record in found:
        record_bytes = len(document(record)) + 2
        size += record_bytes
        if size > max_bytes:
            parts.append([])
            size = record_bytes + 100
        parts[-1].append(record)
    return parts
