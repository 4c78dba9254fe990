from dataclasses import replace

import pytest

from service.domain.execution_updates import (
    MAX_TOKEN_AGE_MS,
    has_expired_token,
    with_description,
    with_log_end_reached,
)
from service.domain.log_pass import LineCounts, LogPass, StreamCheckpoint
from service.domain.names import TaskMode
from service.domain.port_types import ExecutionDescription
from tests.domain.examples import START_MS, an_execution

NOW_MS = START_MS + 10_000_000
RUNNING = an_execution(status="TRANSFERRING", ended_at_ms=None, end_seen_at_ms=None)
EMPTY_DESCRIPTION = ExecutionDescription(
    RUNNING.ids.arn, "TRANSFERRING", TaskMode.BASIC, None, None, None, None, None, None
)


def described(execution=RUNNING, **values):
    return with_description(execution, replace(EMPTY_DESCRIPTION, **values), now_ms=NOW_MS)


def test_values_that_datasync_does_not_report_stay():
    assert described() == RUNNING


def test_values_that_datasync_reports_are_taken_over():
    now = described(verify_mode="NONE", log_level="OFF", ended_at_ms=5, files_verified=7)
    assert (now.verify_mode, now.log_level, now.ended_at_ms, now.files_verified) == ("NONE", "OFF", 5, 7)


def test_counter_of_zero_is_a_reported_value():
    assert described(replace(RUNNING, files_verified=7), files_verified=0).files_verified == 0
    assert described(replace(RUNNING, files_verified=7)).files_verified == 7


def test_end_is_dated_when_it_is_first_seen_and_not_again():
    ended = described(status="SUCCESS")
    assert (ended.status, ended.end_seen_at_ms) == ("SUCCESS", NOW_MS)
    again = with_description(ended, replace(EMPTY_DESCRIPTION, status="SUCCESS"), now_ms=NOW_MS + 1)
    assert again == ended


@pytest.mark.parametrize("status", ["QUEUED", "VERIFYING", "SOMETHING_NEW"])
def test_status_that_is_not_terminal_neither_ends_an_execution_nor_reopens_it(status):
    assert described(status=status).status == status
    assert described(status=status).end_seen_at_ms is None
    assert described(described(status="SUCCESS"), status=status).status == "SUCCESS"


def test_datasync_may_correct_one_terminal_status_by_another():
    assert described(described(status="SUCCESS"), status="ERROR").status == "ERROR"


@pytest.mark.parametrize(("age_ms", "expired"), [(MAX_TOKEN_AGE_MS, True), (MAX_TOKEN_AGE_MS - 1, False), (0, False)])
def test_one_expired_token_is_enough(age_ms, expired):
    checkpoints = {"a": StreamCheckpoint("t", NOW_MS), "b": StreamCheckpoint("t", NOW_MS - age_ms)}
    assert has_expired_token(replace(RUNNING, log_pass=LogPass(checkpoints=checkpoints)), now_ms=NOW_MS) is expired


def test_execution_that_was_not_read_has_no_expired_token():
    assert not has_expired_token(RUNNING, now_ms=NOW_MS)


def test_first_arrival_at_the_end_of_the_log_is_dated():
    at_end = with_log_end_reached(RUNNING, 0, now_ms=NOW_MS)
    assert (at_end.log_pass.reached_end_at_ms, at_end.log_last_grew_at_ms) == (NOW_MS, None)


def test_new_lines_restart_the_quiet_time_and_leave_the_first_arrival_at_the_end():
    at_end = with_log_end_reached(RUNNING, 3, now_ms=NOW_MS)
    later = with_log_end_reached(at_end, 1, now_ms=NOW_MS + 5)
    assert (later.log_pass.reached_end_at_ms, later.log_last_grew_at_ms) == (NOW_MS, NOW_MS + 5)


def test_read_without_new_lines_changes_nothing():
    at_end = with_log_end_reached(RUNNING, 3, now_ms=NOW_MS)
    assert with_log_end_reached(at_end, 0, now_ms=NOW_MS + 5) is at_end


@pytest.mark.parametrize(
    ("counts", "grew_at_ms"),
    [(LineCounts(3, fingerprint=7), START_MS), (LineCounts(4, fingerprint=8), NOW_MS)],
    ids=["same-lines", "more-lines"],
)
def test_next_pass_restarts_the_quiet_time_only_if_it_reads_more(counts, grew_at_ms):
    log_pass = LogPass(2, counts=counts, previous_counts=LineCounts(3, fingerprint=7))
    execution = replace(RUNNING, log_pass=log_pass, log_last_grew_at_ms=START_MS)
    assert with_log_end_reached(execution, counts.lines, now_ms=NOW_MS).log_last_grew_at_ms == grew_at_ms
