"""The log line of each observation: at most one, and none if there was nothing to do."""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any, NamedTuple

from service.domain import observations
from service.domain.messages import utc
from service.domain.names import ExecutionIds, parse_task_id
from service.domain.phases import Phase

EXECUTIONS_REGISTERED = "executions_registered"
EXECUTIONS_CLAIMED = "executions_claimed"
EXECUTIONS_WAITING = "executions_waiting"
LOG_READ = "log_read"
LOG_LINES_UNPARSED = "log_lines_unparsed"
EXECUTION_PHASE_CHANGED = "execution_phase_changed"
FILES_PUBLISHED = "files_published"
RETENTION_EXTENDED = "retention_extended"
NOTIFICATION_SENT = "notification_sent"
UNKNOWN_STATUS = "unknown_status"
TICK_FAILED = "tick_failed"
LEASE_LOST = "lease_lost"

_MAX_NAMED = 20
"""The most execution ids in one line. All are counted."""

_MAX_DETAIL_CHARACTERS = 1000


class LogRecord(NamedTuple):
    """A log line: its level, its event, and the fields."""

    level: str
    event: str
    fields: Mapping[str, Any]


@singledispatch
def log_line(observation: observations.Observation) -> LogRecord | None:
    """Return the line of an observation. It has `execution_id` and `task_id` if it is about one execution."""
    raise NotImplementedError(f"no line is defined for {type(observation).__name__}")


def _ids(ids: ExecutionIds) -> dict[str, Any]:
    return {"execution_id": ids.execution_id, "task_id": ids.task_id}


@log_line.register
def _discovery_pass(observation: observations.DiscoveryPass) -> LogRecord | None:
    if not observation.registered and not observation.ignored:
        return None
    fields = {
        "registered": len(observation.registered),
        "ignored": observation.ignored,
        "tasks": observation.tasks,
        "execution_ids": [ids.execution_id for ids in observation.registered[:_MAX_NAMED]],
    }
    return LogRecord("info", EXECUTIONS_REGISTERED, fields)


@log_line.register
def _claim_pass(observation: observations.ClaimPass) -> LogRecord | None:
    if not observation.claimed and not observation.oldest_unpublished_age_s:
        return None
    fields = {
        "execution_ids": observation.claimed[:_MAX_NAMED],
        "leases_held": observation.leases_held,
        "oldest_unpublished_age_s": observation.oldest_unpublished_age_s,
    }
    return LogRecord("info", EXECUTIONS_CLAIMED if observation.claimed else EXECUTIONS_WAITING, fields)


@log_line.register
def _log_read(observation: observations.LogRead) -> LogRecord | None:
    if not observation.counts.lines:
        return None
    fields = {
        **_ids(observation.ids),
        "datasync_status": observation.status,
        "lines": dict(observation.lines),
        "facts": dict(observation.facts),
        "pages": observation.pages,
        "pass_number": observation.pass_number,
        "at_end": observation.at_end,
    }
    if not observation.samples:
        return LogRecord("info", LOG_READ, fields)
    samples = [{"reason": reason, "line": line} for reason, line in observation.samples]
    return LogRecord("warning", LOG_LINES_UNPARSED, {**fields, "samples": samples})


@log_line.register
def _phase_changed(observation: observations.PhaseChanged) -> LogRecord:
    fields = {
        **_ids(observation.ids),
        "phase_before": observation.previous_phase,
        "phase": observation.phase,
        "reason": observation.reason,
        "reason_detail": observation.reason_detail,
        "datasync_status": observation.status,
        "reconciled": observation.reconciled,
        "files": dict(observation.files),
        "publish_delay_s": observation.publish_delay_s,
    }
    return LogRecord("warning" if observation.phase is Phase.HELD else "info", EXECUTION_PHASE_CHANGED, fields)


@log_line.register
def _chunk_sent(observation: observations.ChunkSent) -> LogRecord | None:
    if not (observation.messages or observation.failed_files or any(observation.outcomes.values())):
        return None
    fields = {
        **_ids(observation.ids),
        "messages": observation.messages,
        "outcomes": dict(observation.outcomes),
        "failed": observation.failed_files,
        "cursor": observation.cursor,
    }
    return LogRecord("info", FILES_PUBLISHED, fields)


@log_line.register
def _retention_extended(observation: observations.RetentionExtended) -> LogRecord:
    """Warn: a person may have forgotten an execution that has waited for weeks."""
    fields = {
        **_ids(observation.ids),
        "phase": observation.phase,
        "started_at": utc(observation.started_at_ms),
        "expires_at": utc(observation.expires_at_s * 1000),
    }
    return LogRecord("warning", RETENTION_EXTENDED, fields)


@log_line.register
def _notification_sent(observation: observations.NotificationSent) -> LogRecord:
    fields = {**_ids(observation.ids), "phase": observation.phase, "reason": observation.reason}
    return LogRecord("info", NOTIFICATION_SENT, fields)


@log_line.register
def _unknown_status(observation: observations.UnknownStatusSeen) -> LogRecord:
    return LogRecord("warning", UNKNOWN_STATUS, {**_ids(observation.ids), "datasync_status": observation.status})


@log_line.register
def _tick_failed(observation: observations.TickFailed) -> LogRecord:
    """Log a bug with its traceback, and an error of AWS with its sentence."""
    fields: dict[str, Any] = {
        **({"execution_id": observation.execution_id} if observation.execution_id else {}),
        **({"task_id": parse_task_id(observation.task)} if observation.task else {}),
        "loop": observation.loop,
        "kind": observation.kind,
        "detail": observation.detail[:_MAX_DETAIL_CHARACTERS],
        "failures_in_a_row": observation.failures_in_a_row,
        "retry_in_s": observation.retry_in_s,
    }
    if observation.kind == "internal":
        fields["exc_info"] = observation.error
    passes = observation.kind in ("transient", "conflict")
    return LogRecord("warning" if passes else "error", TICK_FAILED, fields)


@log_line.register
def _lease_lost(observation: observations.LeaseLost) -> LogRecord:
    return LogRecord("warning", LEASE_LOST, {"lease": observation.lease})
