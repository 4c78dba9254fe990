"""Which line of the log a report is worth: at most one each, and none for a tick that found nothing to do."""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any, NamedTuple

from service.domain import reports
from service.domain.messages import utc
from service.domain.names import ExecutionName, task_id
from service.domain.phases import Phase

EXECUTIONS_REGISTERED = "executions_registered"
EXECUTIONS_TAKEN = "executions_taken"
EXECUTIONS_WAIT = "executions_wait"
LOG_READ = "log_read"
LINE_NOT_UNDERSTOOD = "line_not_understood"
EXECUTION_MOVED = "execution_moved"
FILES_SENT = "files_sent"
EXECUTION_KEPT = "execution_kept"
NOTIFICATION_SENT = "notification_sent"
STATUS_NOT_KNOWN = "status_not_known"
SETBACK = "setback"
LEASE_LOST = "lease_lost"

_NAMED = 20
"""Of many executions, as many are named; all are counted."""

_DETAIL_CHARACTERS = 1000


class Line(NamedTuple):
    """A line of the log: its level, what happened, and the particulars."""

    level: str
    event: str
    fields: Mapping[str, Any]


@singledispatch
def event(report: reports.Report) -> Line | None:
    """Return the line that a report is worth; `execution_id` and `task_id` are in it where it is about one."""
    raise NotImplementedError(f"no line is defined for {type(report).__name__}")


def _about(name: ExecutionName) -> dict[str, Any]:
    return {"execution_id": name.execution_id, "task_id": name.task_id}


@event.register
def _swept(report: reports.Swept) -> Line | None:
    if not report.registered and not report.left_alone:
        return None
    fields = {
        "registered": len(report.registered),
        "left_alone": report.left_alone,
        "tasks": report.tasks,
        "execution_ids": [name.execution_id for name in report.registered[:_NAMED]],
    }
    return Line("info", EXECUTIONS_REGISTERED, fields)


@event.register
def _surveyed(report: reports.Surveyed) -> Line | None:
    if not report.taken and not report.oldest_unpublished_age_s:
        return None
    fields = {
        "execution_ids": report.taken[:_NAMED],
        "leases_held": report.leases_held,
        "oldest_unpublished_age_s": report.oldest_unpublished_age_s,
    }
    return Line("info", EXECUTIONS_TAKEN if report.taken else EXECUTIONS_WAIT, fields)


@event.register
def _looked(report: reports.Looked) -> Line | None:
    if not any(report.lines.values()):
        return None
    fields = {
        **_about(report.name),
        "datasync_status": report.status,
        "lines": dict(report.lines),
        "facts": dict(report.facts),
        "pages": report.pages,
        "pass_number": report.pass_number,
        "at_end": report.at_end,
    }
    if not report.samples:
        return Line("info", LOG_READ, fields)
    samples = [{"kind": kind, "line": line} for kind, line in report.samples]
    return Line("warning", LINE_NOT_UNDERSTOOD, {**fields, "samples": samples})


@event.register
def _moved(report: reports.Moved) -> Line:
    fields = {
        **_about(report.name),
        "phase_before": report.before,
        "phase": report.phase,
        "reason": report.reason,
        "datasync_status": report.status,
        "reconciled": report.reconciled,
        "files": dict(report.files),
        "publish_delay_s": report.delay_s,
    }
    return Line("warning" if report.phase is Phase.HELD else "info", EXECUTION_MOVED, fields)


@event.register
def _sent(report: reports.Sent) -> Line | None:
    if not (report.messages or report.failed or any(report.outcomes.values())):
        return None
    fields = {
        **_about(report.name),
        "messages": report.messages,
        "outcomes": dict(report.outcomes),
        "failed": report.failed,
        "cursor": report.cursor,
    }
    return Line("info", FILES_SENT, fields)


@event.register
def _kept(report: reports.Kept) -> Line:
    """What has waited for so long may have been forgotten."""
    fields = {
        **_about(report.name),
        "phase": report.phase,
        "started_at": utc(report.started_at_ms),
        "kept_until": utc(report.expires_at_s * 1000),
    }
    return Line("warning", EXECUTION_KEPT, fields)


@event.register
def _notified(report: reports.Notified) -> Line:
    return Line("info", NOTIFICATION_SENT, {**_about(report.name), "phase": report.phase, "reason": report.reason})


@event.register
def _unknown_status(report: reports.UnknownStatus) -> Line:
    return Line("warning", STATUS_NOT_KNOWN, {**_about(report.name), "datasync_status": report.status})


@event.register
def _setback(report: reports.Setback) -> Line:
    """A fault of ours bears its traceback; the world's troubles are told by their sentence."""
    fields: dict[str, Any] = {
        **({"execution_id": report.execution_id} if report.execution_id else {}),
        **({"task_id": task_id(report.task)} if report.task else {}),
        "loop": report.loop,
        "kind": report.kind,
        "detail": report.detail[:_DETAIL_CHARACTERS],
        "setbacks": report.setbacks,
        "pause_s": report.pause_s,
    }
    if report.kind == "bug":
        fields["exc_info"] = report.error
    passes = report.kind in ("transient", "conflict")
    return Line("warning" if passes else "error", SETBACK, fields)


@event.register
def _lease_lost(report: reports.LeaseLost) -> Line:
    return Line("warning", LEASE_LOST, {"lease": report.lease})
