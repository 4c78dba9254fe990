"""Views of executions and files: the same JSON on HTTP, on the command line and in notifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.domain.execution import Execution, Outcome
from service.domain.file_decision import FileEvidence
from service.domain.messages import utc

_MISMATCHES = {
    "<>": "source and destination differ (<>)",
    "<": "only the source has the file (<)",
    ">": "only the destination has the file (>)",
}
"""The sentences for the signs of a failed verification (troubleshooting-task-verification.html).

DataSync documents `<>` and `>`; `<` is inferred from them.
"""


class FileState(StrEnum):
    """The state of a file. All but the first three are outcomes of a verified file."""

    TRANSFERRED = "transferred"
    VERIFIED = "verified"
    FAILED = "failed"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class ExecutionFile:
    """A file of an execution. `path` has no leading slash. None: not known, or no reason to give."""

    path: str
    state: FileState
    size_bytes: int | None = None
    verified_at_ms: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FilePage:
    """A page of files in path order. `cursor` leads to the next page; None: this is the last one."""

    files: Sequence[ExecutionFile]
    cursor: str | None


class CursorError(ValueError):
    """The text is not a cursor of a FilePage."""


def execution_view(execution: Execution) -> dict[str, Any]:
    """Return one execution as JSON. Counts are of files, without directories; they grow while the log is read."""
    return {
        "execution_arn": execution.ids.arn,
        "execution_id": execution.id,
        "task_arn": execution.ids.task_arn,
        "task_id": execution.task_id,
        "task_mode": execution.task_mode.value,
        "verify_mode": execution.verify_mode,
        "datasync_status": execution.status,
        "phase": execution.phase.value,
        "reason": execution.reason.value if execution.reason else None,
        "reason_detail": execution.reason_detail,
        "reconciled": execution.reconciled,
        "files": execution.file_counts(),
        "started_at": utc(execution.started_at_ms),
        "ended_at": _utc(execution.ended_at_ms),
        "published_at": _utc(execution.published_at_ms),
    }


def file_view(file: ExecutionFile) -> dict[str, Any]:
    """Return one file as JSON. Its path has DataSync's leading slash."""
    return {
        "path": f"/{file.path}",
        "state": file.state.value,
        "size": file.size_bytes,
        "verified_at": _utc(file.verified_at_ms),
        "reason": _with_sign_explained(file.reason),
    }


def execution_file(path: str, evidence: FileEvidence, outcome: Outcome | None) -> ExecutionFile | None:
    """Return the file of one execution, or None if it was only deleted there.

    `outcome` is used if the file was verified and did not fail.
    """
    if evidence.failed:
        return ExecutionFile(path, FileState.FAILED, reason=evidence.failed.detail)
    if evidence.verified is None:
        return ExecutionFile(path, FileState.TRANSFERRED) if evidence.transferred else None
    state = FileState(outcome.value) if outcome else FileState.VERIFIED
    reason = "not in S3 at its verified size" if state is FileState.MISSING else None
    return ExecutionFile(path, state, evidence.verified.size_bytes, evidence.verified.at_ms, reason)


def _with_sign_explained(reason: str | None) -> str | None:
    """Return the reason with a sentence in place of DataSync's sign for a mismatch, which Basic mode logs."""
    sign, space, details = (reason or "").partition(" ")
    return f"{_MISMATCHES[sign]}{space}{details}" if sign in _MISMATCHES else reason


def _utc(at_ms: int | None) -> str | None:
    return None if at_ms is None else utc(at_ms)


def escape_unprintable(text: str, *, keep: str = "") -> str:
    """Escape what is not printable, so that the text stays on its line and moves no cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)
