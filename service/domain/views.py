"""How executions and files are shown: the JSON of the contract, section 4, the same on HTTP and the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from service.domain.execution import Execution, Outcome
from service.domain.freshness import Saying
from service.domain.messages import utc


class FileState(StrEnum):
    """What is known of a file. All but the first three are what became of a verified one."""

    TRANSFERRED = "transferred"
    VERIFIED = "verified"
    FAILED = "failed"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    MISSING = "missing"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class File:
    """A file of an execution. `path` has no leading slash. None: not known, or nothing to say."""

    path: str
    state: FileState
    size_bytes: int | None = None
    verified_at_ms: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FilePage:
    """Some files in the order of their paths. `cursor` leads to those that follow; None: there are no more."""

    files: Sequence[File]
    cursor: str | None


class CursorError(ValueError):
    """The text is no cursor of a FilePage."""


def execution_view(execution: Execution) -> dict[str, Any]:
    """One execution. Counts are of files, without directories; they grow while its log is read."""
    return {
        "execution_arn": execution.name.arn,
        "execution_id": execution.name.execution_id,
        "task_arn": execution.name.task_arn,
        "task_id": execution.name.task_id,
        "task_mode": execution.task_mode.value,
        "verify_mode": execution.verify_mode,
        "datasync_status": execution.status,
        "phase": execution.phase.value,
        "reason": execution.reason.value if execution.reason else None,
        "reconciled": execution.reconciled,
        "files": execution.files(),
        "started_at": utc(execution.started_at_ms),
        "ended_at": _utc(execution.ended_at_ms),
        "published_at": _utc(execution.published_at_ms),
    }


def file_view(file: File) -> dict[str, Any]:
    """One file. Its path bears the leading slash that DataSync gives it."""
    return {
        "path": f"/{file.path}",
        "state": file.state.value,
        "size": file.size_bytes,
        "verified_at": _utc(file.verified_at_ms),
        "reason": file.reason,
    }


def file_of(path: str, saying: Saying, outcome: Outcome | None) -> File | None:
    """Fold what one execution says about a file, and what became of it there; None when it was only deleted.

    `outcome` counts for a file that was verified and did not fail.
    """
    if saying.failed:
        return File(path, FileState.FAILED)
    if saying.verified is None:
        return File(path, FileState.TRANSFERRED) if saying.transferred else None
    state = FileState(outcome.value) if outcome else FileState.VERIFIED
    reason = "not in S3 at its verified size" if state is FileState.MISSING else None
    return File(path, state, saying.verified.size_bytes, saying.verified.at_ms, reason)


def _utc(at_ms: int | None) -> str | None:
    return None if at_ms is None else utc(at_ms)


def visible(text: str, *, kept: str = "") -> str:
    """Return the text with escapes for what is not printable, so that it stays on its line and moves no cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in text)
