from dataclasses import replace
from typing import get_args

import pytest

from service.domain.execution import Outcome
from service.domain.facts import FactKind, UnparsedReason
from service.domain.log_pass import LineCounts
from service.domain.names import TaskMode, parse_execution_arn
from service.domain.observations import (
    ChunkSent,
    ClaimPass,
    DiscoveryPass,
    LeaseLost,
    LogRead,
    NotificationSent,
    Observation,
    PhaseChanged,
    RetentionExtended,
    TickFailed,
    UnknownStatusSeen,
)
from service.domain.phases import Phase, Reason
from service.telemetry import log_lines
from service.telemetry.log_lines import LogRecord, log_line

TASK = "arn:aws:datasync:eu-west-1:111122223333:task/task-0a"
IDS = parse_execution_arn(f"{TASK}/execution/exec-0b")
ABOUT = {"execution_id": "exec-0b", "task_id": "task-0a"}
LOG_READ = LogRead(
    IDS,
    TaskMode.BASIC,
    "TRANSFERRING",
    pages=2,
    counts=LineCounts(4, {FactKind.VERIFIED: 3}),
    unparsed={},
    samples=(),
    at_end=True,
    pass_number=1,
)


def tick_failed(kind: str, **more) -> TickFailed:
    return TickFailed("execution", kind, "dynamodb.Query: no", 2.0, RuntimeError("no"), **more)


def phase_changed(phase: Phase, reason: Reason | None) -> PhaseChanged:
    return PhaseChanged(
        IDS,
        Phase.SEALING,
        phase,
        reason,
        reason and "a sentence",
        "SUCCESS",
        reconciled=True,
        files={"verified": 3},
        publish_delay_s=1.5,
    )


def test_every_observation_has_a_line_defined():
    assert {
        observation
        for observation in get_args(Observation)
        if log_line.dispatch(observation) is log_line.dispatch(object)
    } == set()


def test_event_names_are_snake_case_and_used_once():
    names = [value for name, value in vars(log_lines).items() if name.isupper() and not name.startswith("_")]
    assert len(names) == len(set(names)) == 12
    assert all(name.replace("_", "").islower() for name in names)


@pytest.mark.parametrize(
    "idle",
    [
        DiscoveryPass(tasks=4, tasks_listed=2, registered=(), ignored=0),
        ClaimPass({Phase.HELD: 1}, 0.0, claimed=(), leases_held=1),
        replace(LOG_READ, counts=LineCounts()),
        ChunkSent(IDS, messages=0, outcomes={Outcome.PUBLISHED: 0}, failed_files=0, cursor=""),
    ],
)
def test_idle_observation_has_no_line(idle):
    assert log_line(idle) is None


def test_discovery_line_counts_all_executions_and_names_the_first():
    executions = [parse_execution_arn(f"{TASK}/execution/exec-{number}") for number in range(30)]
    line = log_line(DiscoveryPass(tasks=4, tasks_listed=2, registered=executions, ignored=5))
    assert line is not None
    assert (line.level, line.event) == ("info", "executions_registered")
    assert line.fields["registered"] == 30
    assert line.fields["ignored"] == 5
    assert line.fields["execution_ids"] == [f"exec-{number}" for number in range(20)]


def test_claim_line_names_the_claimed_executions():
    assert log_line(ClaimPass({}, 0.0, claimed=["exec-0b"], leases_held=2)) == LogRecord(
        "info",
        "executions_claimed",
        {"execution_ids": ["exec-0b"], "leases_held": 2, "oldest_unpublished_age_s": 0.0},
    )


def test_claim_line_has_the_age_of_the_oldest_waiting_execution():
    line = log_line(ClaimPass({}, 61.5, claimed=(), leases_held=1))
    assert line is not None
    assert (line.event, line.fields["oldest_unpublished_age_s"]) == ("executions_waiting", 61.5)


def test_log_read_line_has_execution_task_and_counts():
    line = log_line(LOG_READ)
    assert line is not None
    assert (line.level, line.event) == ("info", "log_read")
    assert line.fields.items() >= {**ABOUT, "lines": {"fact": 3, "known": 1, "unknown": 0}, "pages": 2}.items()


def test_unparsed_lines_are_a_warning_with_samples():
    line = log_line(
        replace(
            LOG_READ, unparsed={UnparsedReason.UNKNOWN_FORMAT: 9}, samples=[(UnparsedReason.UNKNOWN_FORMAT, "what?\n")]
        )
    )
    assert line is not None
    assert (line.level, line.event) == ("warning", "log_lines_unparsed")
    assert line.fields["samples"] == [{"reason": "unknown_format", "line": "what?\n"}]


@pytest.mark.parametrize(
    ("phase", "reason", "level"),
    [(Phase.PUBLISHED, None, "info"), (Phase.HELD, Reason.LOG_INCOMPLETE, "warning"), (Phase.CARRIED, None, "info")],
)
def test_transition_is_logged_as_a_warning_only_if_held(phase, reason, level):
    line = log_line(phase_changed(phase, reason))
    assert line == LogRecord(
        level,
        "execution_phase_changed",
        {
            **ABOUT,
            "phase_before": "SEALING",
            "phase": phase,
            "reason": reason,
            "reason_detail": reason and "a sentence",
            "datasync_status": "SUCCESS",
            "reconciled": True,
            "files": {"verified": 3},
            "publish_delay_s": 1.5,
        },
    )


def test_extended_retention_is_a_warning_with_the_new_expiry():
    observation = RetentionExtended(IDS, Phase.HELD, started_at_ms=1_767_323_045_000, expires_at_s=1_767_323_046)
    assert log_line(observation) == LogRecord(
        "warning",
        "retention_extended",
        {**ABOUT, "phase": "HELD", "started_at": "2026-01-02T03:04:05Z", "expires_at": "2026-01-02T03:04:06Z"},
    )


def test_decided_files_are_logged_even_if_none_was_sent():
    line = log_line(ChunkSent(IDS, messages=0, outcomes={Outcome.UNCHANGED: 7}, failed_files=0, cursor="z"))
    assert line is not None
    assert line.event == "files_published"
    assert line.fields["outcomes"] == {"unchanged": 7}


def test_notification_line_has_phase_and_reason():
    assert log_line(NotificationSent(IDS, Phase.HELD, Reason.NO_LOG_STREAM)) == LogRecord(
        "info", "notification_sent", {**ABOUT, "phase": Phase.HELD, "reason": Reason.NO_LOG_STREAM}
    )


def test_unknown_status_is_a_warning():
    assert log_line(UnknownStatusSeen(IDS, "PAUSED")) == LogRecord(
        "warning", "unknown_status", {**ABOUT, "datasync_status": "PAUSED"}
    )


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("transient", "warning"),
        ("conflict", "warning"),
        ("access_denied", "error"),
        ("credentials", "error"),
        ("not_found", "error"),
        ("rejected", "error"),
    ],
)
def test_failed_tick_is_an_error_unless_a_retry_cures_it(kind, level):
    line = log_line(tick_failed(kind, execution_id="exec-0b", failures_in_a_row=3))
    assert line == LogRecord(
        level,
        "tick_failed",
        {
            "execution_id": "exec-0b",
            "loop": "execution",
            "kind": kind,
            "detail": "dynamodb.Query: no",
            "failures_in_a_row": 3,
            "retry_in_s": 2.0,
        },
    )


def test_error_that_ends_a_runner_has_no_time_of_a_retry():
    line = log_line(TickFailed("execution", "rejected", "sqs.SendMessageBatch: no", None, RuntimeError()))
    assert line is not None
    assert (line.level, line.fields["retry_in_s"]) == ("error", None)


def test_internal_error_has_a_traceback():
    line = log_line(tick_failed("internal"))
    assert line is not None
    assert line.level == "error"
    assert isinstance(line.fields["exc_info"], RuntimeError)


def test_failed_tick_names_its_task_and_shortens_its_detail():
    line = log_line(TickFailed("discover", "access_denied", "x" * 5000, 1.0, RuntimeError(), task=TASK))
    assert line is not None
    assert line.fields["task_id"] == "task-0a"
    assert len(line.fields["detail"]) == 1000


def test_lost_lease_is_a_warning():
    assert log_line(LeaseLost("exec-0b")) == LogRecord("warning", "lease_lost", {"lease": "exec-0b"})
