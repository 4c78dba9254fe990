from dataclasses import replace
from typing import get_args

import pytest

from service.domain.execution import Outcome
from service.domain.facts import FactKind, UnparsedReason
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
    TickFailed,
    UnknownStatusSeen,
)
from service.domain.phases import Phase, Reason
from service.observability import events
from service.telemetry.log_lines import LogRecord, event

TASK = "arn:aws:datasync:eu-west-1:111122223333:task/task-0a"
NAME = parse_execution_arn(f"{TASK}/execution/exec-0b")
ABOUT = {"execution_id": "exec-0b", "task_id": "task-0a"}
LOOKED = LogRead(
    NAME,
    TaskMode.BASIC,
    "TRANSFERRING",
    pages=2,
    lines={"fact": 3, "known": 1, "unknown": 0},
    facts={FactKind.VERIFIED: 3},
    unknown={},
    samples=(),
    at_end=True,
    pass_number=1,
)


def setback(kind: str, **more) -> TickFailed:
    return TickFailed("execution", kind, "dynamodb.Query: no", 2.0, RuntimeError("no"), **more)


def moved(phase: Phase, reason: Reason | None) -> PhaseChanged:
    return PhaseChanged(
        NAME, Phase.SEALING, phase, reason, "SUCCESS", reconciled=True, files={"verified": 3}, delay_s=1.5
    )


def test_every_report_has_its_line_defined():
    assert {report for report in get_args(Observation) if event.dispatch(report) is event.dispatch(object)} == set()


def test_event_names_are_snake_case_and_used_once():
    names = [value for name, value in vars(events).items() if name.isupper() and not name.startswith("_")]
    assert len(names) == len(set(names)) == 12
    assert all(name.replace("_", "").islower() for name in names)


@pytest.mark.parametrize(
    "idle",
    [
        DiscoveryPass(tasks=4, listed=2, new_execution=(), ignored=0),
        ClaimPass({Phase.HELD: 1}, 0.0, taken=(), leases_held=1),
        replace(LOOKED, lines={"fact": 0, "known": 0, "unknown": 0}, facts={}),
        ChunkSent(NAME, messages=0, outcomes={Outcome.PUBLISHED: 0}, failed=0, cursor=""),
    ],
)
def test_a_tick_that_found_nothing_to_do_is_not_worth_a_line(idle):
    assert event(idle) is None


def test_a_sweep_counts_what_it_registered_and_names_the_first_of_many():
    names = [parse_execution_arn(f"{TASK}/execution/exec-{number}") for number in range(30)]
    line = event(DiscoveryPass(tasks=4, listed=2, new_execution=names, ignored=5))
    assert line is not None
    assert (line.level, line.event) == ("info", "executions_registered")
    assert line.fields["registered"] == 30
    assert line.fields["left_alone"] == 5
    assert line.fields["execution_ids"] == [f"exec-{number}" for number in range(20)]


def test_a_survey_tells_what_was_taken():
    assert event(ClaimPass({}, 0.0, taken=["exec-0b"], leases_held=2)) == LogRecord(
        "info",
        "executions_taken",
        {"execution_ids": ["exec-0b"], "leases_held": 2, "oldest_unpublished_age_s": 0.0},
    )


def test_while_an_execution_waits_each_survey_tells_for_how_long():
    line = event(ClaimPass({}, 61.5, taken=(), leases_held=1))
    assert line is not None
    assert (line.event, line.fields["oldest_unpublished_age_s"]) == ("executions_wait", 61.5)


def test_new_lines_of_a_log_are_told_with_their_execution_and_task():
    line = event(LOOKED)
    assert line is not None
    assert (line.level, line.event) == ("info", "log_read")
    assert line.fields.items() >= {**ABOUT, "lines": {"fact": 3, "known": 1, "unknown": 0}, "pages": 2}.items()


def test_lines_that_are_not_understood_are_a_warning_with_samples():
    line = event(
        replace(
            LOOKED, unknown={UnparsedReason.UNKNOWN_FORMAT: 9}, samples=[(UnparsedReason.UNKNOWN_FORMAT, "what?\n")]
        )
    )
    assert line is not None
    assert (line.level, line.event) == ("warning", "line_not_understood")
    assert line.fields["samples"] == [{"kind": "form", "line": "what?\n"}]


@pytest.mark.parametrize(
    ("phase", "reason", "level"),
    [(Phase.PUBLISHED, None, "info"), (Phase.HELD, Reason.LOG_INCOMPLETE, "warning"), (Phase.CARRIED, None, "info")],
)
def test_a_move_is_told_and_one_that_waits_for_a_person_is_a_warning(phase, reason, level):
    line = event(moved(phase, reason))
    assert line == LogRecord(
        level,
        "execution_moved",
        {
            **ABOUT,
            "phase_before": "SEALING",
            "phase": phase,
            "reason": reason,
            "datasync_status": "SUCCESS",
            "reconciled": True,
            "files": {"verified": 3},
            "publish_delay_s": 1.5,
        },
    )


def test_files_that_were_decided_on_are_told_even_when_none_was_sent():
    line = event(ChunkSent(NAME, messages=0, outcomes={Outcome.UNCHANGED: 7}, failed=0, cursor="z"))
    assert line is not None
    assert line.event == "files_sent"
    assert line.fields["outcomes"] == {"unchanged": 7}


def test_a_notification_is_told_with_what_it_announces():
    assert event(NotificationSent(NAME, Phase.HELD, Reason.NO_LOG_STREAM)) == LogRecord(
        "info", "notification_sent", {**ABOUT, "phase": Phase.HELD, "reason": Reason.NO_LOG_STREAM}
    )


def test_a_status_that_datasync_did_not_have_before_is_a_warning():
    assert event(UnknownStatusSeen(NAME, "PAUSED")) == LogRecord(
        "warning", "status_not_known", {**ABOUT, "datasync_status": "PAUSED"}
    )


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("transient", "warning"),
        ("conflict", "warning"),
        ("denied", "error"),
        ("absent", "error"),
        ("rejected", "error"),
    ],
)
def test_a_setback_that_does_not_pass_by_itself_is_an_error_without_a_traceback(kind, level):
    line = event(setback(kind, execution_id="exec-0b", setbacks=3))
    assert line == LogRecord(
        level,
        "setback",
        {
            "execution_id": "exec-0b",
            "loop": "execution",
            "kind": kind,
            "detail": "dynamodb.Query: no",
            "setbacks": 3,
            "pause_s": 2.0,
        },
    )


def test_a_fault_of_our_own_bears_its_traceback():
    line = event(setback("bug"))
    assert line is not None
    assert line.level == "error"
    assert isinstance(line.fields["exc_info"], RuntimeError)


def test_a_setback_with_one_task_names_the_task_and_is_bounded():
    line = event(TickFailed("sweep", "denied", "x" * 5000, 1.0, RuntimeError(), task=TASK))
    assert line is not None
    assert line.fields["task_id"] == "task-0a"
    assert len(line.fields["detail"]) == 1000


def test_a_lost_lease_is_a_warning():
    assert event(LeaseLost("exec-0b")) == LogRecord("warning", "lease_lost", {"lease": "exec-0b"})
