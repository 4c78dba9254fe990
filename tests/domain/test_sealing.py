from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.facts import FactKind
from service.domain.log_pass import LineCounts, StreamCheckpoint
from service.domain.names import TaskMode
from service.domain.options import CompletenessCheck, OnError, OnIncomplete, WorkerOptions
from service.domain.phases import PhaseEvent, Reason
from service.domain.sealing import (
    SealDecision,
    all_lines_stored,
    decide_seal,
    event_after_seal,
    is_past_deadline,
    matches_counters,
    next_check_ms,
    quiet_until_ms,
    reread_backoff_s,
    unverifiable_reason,
)
from tests.domain.examples import START_MS, a_log_pass, an_execution, rows

OPTIONS = WorkerOptions(settle_s=10, seal_deadline_s=900)
END_MS = START_MS + 1_000_000


def ended(**changes):
    """Return an execution whose end was seen at END_MS."""
    return an_execution(**{"end_seen_at_ms": END_MS, "ended_at_ms": END_MS} | changes)


# Comparison with DataSync's counters.


@pytest.mark.parametrize(
    ("mode", "files", "directories", "counter", "expected"),
    [
        (TaskMode.BASIC, 3, 0, 3, True),
        (TaskMode.BASIC, 3, 2, 5, True),  # files and directories together
        (TaskMode.BASIC, 3, 2, 3, True),  # the files alone
        (TaskMode.BASIC, 4, 0, 3, True),  # the files alone are more
        (TaskMode.BASIC, 4, 9, 3, True),
        (TaskMode.BASIC, 2, 0, 3, False),
        (TaskMode.BASIC, 2, 2, 3, False),  # with directories it is more, and without it is less
        (TaskMode.BASIC, 3, 1, 5, False),
        (TaskMode.BASIC, 0, 0, 0, True),
        (TaskMode.BASIC, 0, 1, 0, True),
        (TaskMode.BASIC, 0, 0, 1, False),
        (TaskMode.BASIC, 0, 1, 1, True),
        (TaskMode.ENHANCED, 3, 0, 3, True),
        (TaskMode.ENHANCED, 4, 0, 3, True),
        (TaskMode.ENHANCED, 3, 2, 5, False),  # Enhanced mode counts no directories among its files
        (TaskMode.ENHANCED, 2, 1, 3, False),
        (TaskMode.ENHANCED, 0, 0, 0, True),
    ],
)
def test_log_matches_if_it_has_as_many_verified_files_as_datasync_counted(mode, files, directories, counter, expected):
    execution = ended(task_mode=mode, files_verified=counter, fact_counts=rows(files, directory=directories))
    assert matches_counters(execution, OPTIONS) is expected


@pytest.mark.parametrize(
    ("saw_finish_line", "previous", "expected"),
    [(True, 7, True), (False, 7, False), (True, 8, False), (True, None, False), (False, None, False)],
)
def test_log_without_a_counter_needs_the_finish_line_and_two_equal_passes(saw_finish_line, previous, expected):
    log_pass = a_log_pass(fingerprint=7, saw_finish_line=saw_finish_line)
    if previous is not None:
        log_pass = replace(log_pass, number=2, previous_counts=LineCounts(fingerprint=previous))
    execution = ended(files_verified=None, log_pass=log_pass, fact_counts=rows(3))
    assert matches_counters(execution, OPTIONS) is expected


@pytest.mark.parametrize(
    ("reconcile", "saw_finish_line", "expected"),
    [
        (CompletenessCheck.COUNTERS, True, False),
        (CompletenessCheck.LOG, True, True),
        (CompletenessCheck.LOG, False, False),
    ],
)
def test_two_equal_passes_are_enough_if_the_log_alone_decides(reconcile, saw_finish_line, expected):
    log_pass = a_log_pass(2, fingerprint=7, saw_finish_line=saw_finish_line, previous_counts=LineCounts(fingerprint=7))
    execution = ended(files_verified=99, log_pass=log_pass, fact_counts=rows(3))
    assert matches_counters(execution, replace(OPTIONS, reconcile=reconcile)) is expected


def test_matching_counters_are_enough_even_if_the_log_alone_may_decide():
    execution = ended(files_verified=3, fact_counts=rows(3))
    assert matches_counters(execution, replace(OPTIONS, reconcile=CompletenessCheck.LOG))


# Comparison of lines and stored facts.


def test_all_lines_are_stored_if_there_are_as_many_facts_as_lines():
    assert all_lines_stored(ended(log_pass=a_log_pass(lines=3), fact_counts=rows(3)))


def test_all_lines_are_stored_if_there_are_more_facts_than_lines():
    assert all_lines_stored(ended(log_pass=a_log_pass(2, lines=2), fact_counts=rows(3)))


def test_lines_may_be_missing_if_the_first_pass_has_more_lines_than_facts():
    assert not all_lines_stored(ended(log_pass=a_log_pass(lines=3), fact_counts=rows(2)))


def test_lines_of_each_kind_are_compared_separately():
    log_pass = a_log_pass(lines=3)
    counts = replace(log_pass.counts, lines_by_kind={FactKind.VERIFIED: 3, FactKind.FAILED: 1})
    assert not all_lines_stored(ended(log_pass=replace(log_pass, counts=counts), fact_counts=rows(4)))


def test_all_lines_are_stored_if_another_pass_has_added_no_fact():
    assert all_lines_stored(ended(log_pass=a_log_pass(2, lines=3, fact_counts_before=rows(2)), fact_counts=rows(2)))


def test_lines_may_be_missing_if_another_pass_has_added_a_fact():
    assert not all_lines_stored(ended(log_pass=a_log_pass(2, lines=4, fact_counts_before=rows(2)), fact_counts=rows(3)))


# The decision.


def at(seconds):
    return END_MS + round(seconds * 1000)


def matching(**changes):
    return ended(**{"files_verified": 3, "log_pass": a_log_pass(lines=3), "fact_counts": rows(3)} | changes)


def mismatching(pass_number=1, **changes):
    log_pass = a_log_pass(
        pass_number, lines=2, reached_end_at_ms=END_MS, fact_counts_before=rows(2) if pass_number > 1 else None
    )
    return ended(**{"files_verified": 3, "log_pass": log_pass, "fact_counts": rows(2)} | changes)


def test_matching_log_is_sealed_once_it_has_been_quiet_for_settle_s():
    assert decide_seal(matching(), OPTIONS, now_ms=at(10) - 1) is SealDecision.WAIT
    assert decide_seal(matching(), OPTIONS, now_ms=at(10)) is SealDecision.SEALED


def test_line_after_the_end_restarts_the_quiet_time():
    execution = matching(log_last_grew_at_ms=at(7))
    assert decide_seal(execution, OPTIONS, now_ms=at(17) - 1) is SealDecision.WAIT
    assert decide_seal(execution, OPTIONS, now_ms=at(17)) is SealDecision.SEALED


def test_line_before_the_end_does_not_shorten_the_quiet_time():
    assert quiet_until_ms(matching(log_last_grew_at_ms=at(-60)), OPTIONS) == at(10)


def test_matching_log_with_unstored_lines_is_read_again():
    execution = matching(fact_counts=rows(3), log_pass=a_log_pass(lines=4, reached_end_at_ms=END_MS))
    assert decide_seal(execution, OPTIONS, now_ms=at(10)) is SealDecision.REREAD


def test_log_that_does_not_match_is_read_again_after_a_pause():
    execution, options = mismatching(log_last_grew_at_ms=at(-60)), replace(OPTIONS, settle_s=4)
    assert decide_seal(execution, options, now_ms=at(4) - 1) is SealDecision.WAIT
    assert decide_seal(execution, options, now_ms=at(4)) is SealDecision.REREAD


def test_pause_before_each_pass_is_doubled_up_to_a_minute():
    assert [reread_backoff_s(n, OPTIONS) for n in (1, 2, 3, 4, 5, 1000)] == [10, 20, 40, 60, 60, 60]


def test_next_pass_waits_for_its_pause():
    assert decide_seal(mismatching(2), OPTIONS, now_ms=at(20) - 1) is SealDecision.WAIT
    assert decide_seal(mismatching(2), OPTIONS, now_ms=at(20)) is SealDecision.REREAD


def test_log_that_was_read_completely_after_the_deadline_is_incomplete():
    log_pass = a_log_pass(9, lines=2, fact_counts_before=rows(2), started_at_ms=at(900), reached_end_at_ms=at(901))
    assert decide_seal(mismatching(log_pass=log_pass), OPTIONS, now_ms=at(901)) is SealDecision.INCOMPLETE


def test_log_is_read_again_at_the_deadline_because_a_gap_may_have_been_filled():
    log_pass = a_log_pass(9, lines=2, fact_counts_before=rows(2), started_at_ms=at(899), reached_end_at_ms=at(900))
    assert decide_seal(mismatching(log_pass=log_pass), OPTIONS, now_ms=at(900)) is SealDecision.REREAD


def test_log_that_was_read_only_once_is_read_again_at_the_deadline():
    execution = mismatching(log_pass=a_log_pass(lines=2, reached_end_at_ms=at(900)))
    assert decide_seal(execution, OPTIONS, now_ms=at(900)) is SealDecision.REREAD


def test_log_with_unstored_lines_is_read_again_after_the_deadline():
    execution = mismatching(log_pass=a_log_pass(2, lines=3, fact_counts_before=rows(1), reached_end_at_ms=at(899)))
    assert decide_seal(execution, OPTIONS, now_ms=at(901)) is SealDecision.REREAD


def test_growing_log_is_waited_for_after_the_deadline():
    assert decide_seal(mismatching(2, log_last_grew_at_ms=at(899)), OPTIONS, now_ms=at(901)) is SealDecision.WAIT


def test_matching_log_is_sealed_after_the_deadline():
    assert decide_seal(matching(), OPTIONS, now_ms=at(5000)) is SealDecision.SEALED


# The time of the next check.

OFFSETS_MS = st.integers(min_value=-2_000_000, max_value=2_000_000)


@given(
    grew_ms=st.none() | OFFSETS_MS,
    reached_end_ms=st.none() | OFFSETS_MS,
    now_ms=OFFSETS_MS.map(lambda offset_ms: END_MS + offset_ms),
    pass_number=st.integers(min_value=1, max_value=40),
    options=st.builds(
        WorkerOptions,
        settle_s=st.floats(0, 100),
        seal_deadline_s=st.floats(0, 3600),
        poll_interval_s=st.floats(min_value=0.1, max_value=300),
    ),
)
def test_next_check_is_in_the_future_and_at_most_a_poll_interval_away(
    grew_ms, reached_end_ms, now_ms, pass_number, options
):
    execution = ended(
        log_last_grew_at_ms=None if grew_ms is None else END_MS + grew_ms,
        log_pass=a_log_pass(pass_number, reached_end_at_ms=None if reached_end_ms is None else END_MS + reached_end_ms),
    )
    check_ms = next_check_ms(execution, options, now_ms=now_ms)
    assert now_ms < check_ms <= now_ms + round(options.poll_interval_s * 1000)


def test_next_check_is_when_the_quiet_time_the_pause_or_the_deadline_is_over():
    options = replace(OPTIONS, poll_interval_s=10_000)
    checks_s = [(next_check_ms(mismatching(2), options, now_ms=at(s)) - END_MS) / 1000 for s in (0, 10, 20)]
    assert checks_s == [10, 20, 900]


@pytest.mark.parametrize(("now_s", "expected"), [(899.999, False), (900, True), (5000, True)])
def test_deadline_is_counted_from_the_time_at_which_the_end_was_seen(now_s, expected):
    assert is_past_deadline(ended(), OPTIONS, now_ms=at(now_s)) is expected


# The event after sealing.

CHECKPOINTS = {"stream": StreamCheckpoint("token", END_MS)}
STATUSES = ("SUCCESS", "ERROR")


def expected_event(status, complete, on_error, on_incomplete, failed, has_stream):
    """Return the event and reason by the documented rules, stated independently of the code."""
    if status == "SUCCESS":
        if complete:
            return PhaseEvent.SEALED, None
        if not has_stream:
            return PhaseEvent.HOLD, Reason.NO_LOG_STREAM
        reason = Reason.LOG_INCOMPLETE
        return (PhaseEvent.HOLD, reason) if on_incomplete == "hold" else (PhaseEvent.SEALED, reason)
    if not complete and on_incomplete == "hold":
        return PhaseEvent.HOLD, Reason.LOG_INCOMPLETE
    event = {"carry": PhaseEvent.CARRY, "publish": PhaseEvent.SEALED, "drop": PhaseEvent.DISCARD_BY_POLICY}[on_error]
    return event, Reason.VERIFICATION_FAILED if failed else Reason.EXECUTION_ERROR


@pytest.mark.parametrize(
    ("status", "complete", "on_error", "on_incomplete", "failed", "has_stream"),
    list(product(STATUSES, (True, False), OnError, OnIncomplete, (0, 1), (True, False))),
)
def test_event_follows_from_status_log_and_options(status, complete, on_error, on_incomplete, failed, has_stream):
    log_pass = a_log_pass(checkpoints=CHECKPOINTS if has_stream else {})
    execution = ended(status=status, fact_counts=rows(2, failed=failed), reconciled=complete, log_pass=log_pass)
    options = WorkerOptions(on_error=on_error, on_incomplete=on_incomplete)
    assert event_after_seal(execution, options) == expected_event(
        status, complete, on_error, on_incomplete, failed, has_stream
    )


@pytest.mark.parametrize(
    ("status", "on_error", "verify_mode", "fact_counts", "event"),
    [
        ("SUCCESS", "carry", "POINT_IN_TIME_CONSISTENT", rows(2), PhaseEvent.HOLD),
        ("SUCCESS", "carry", None, rows(2), PhaseEvent.HOLD),
        ("SUCCESS", "carry", "POINT_IN_TIME_CONSISTENT", rows(2, transferred=1), PhaseEvent.SEALED),
        ("SUCCESS", "carry", "POINT_IN_TIME_CONSISTENT", rows(0, directory=1), PhaseEvent.SEALED),
        ("SUCCESS", "carry", "ONLY_FILES_TRANSFERRED", rows(2), PhaseEvent.SEALED),
        ("ERROR", "carry", "POINT_IN_TIME_CONSISTENT", rows(2), PhaseEvent.HOLD),
        ("ERROR", "publish", "POINT_IN_TIME_CONSISTENT", rows(2), PhaseEvent.HOLD),
        ("ERROR", "carry", "POINT_IN_TIME_CONSISTENT", rows(2, transferred=2), PhaseEvent.CARRY),
        ("ERROR", "drop", "POINT_IN_TIME_CONSISTENT", rows(2), PhaseEvent.DISCARD_BY_POLICY),
    ],
)
def test_execution_is_held_without_s3_if_only_s3_shows_which_files_are_new(
    status, on_error, verify_mode, fact_counts, event
):
    execution = ended(
        status=status,
        verify_mode=verify_mode,
        fact_counts=fact_counts,
        reconciled=True,
        log_pass=a_log_pass(checkpoints=CHECKPOINTS),
    )
    actual, reason = event_after_seal(execution, WorkerOptions(on_error=OnError(on_error), check_s3=False))
    assert actual is event
    assert (reason is Reason.FRESHNESS_UNKNOWN) is (event is PhaseEvent.HOLD)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"log_level": None}, None),  # DataSync does not report it: lines may come
        ({"verify_mode": None}, None),
        ({"verify_mode": "POINT_IN_TIME_CONSISTENT"}, None),
        ({"location": None}, Reason.DESTINATION_NOT_S3),
        ({"verify_mode": "NONE"}, Reason.VERIFY_MODE_NONE),
        ({"log_level": "BASIC"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"log_level": "OFF"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"log_group": None}, Reason.NO_LOG_GROUP),
        ({"location": None, "verify_mode": "NONE", "log_level": "OFF", "log_group": None}, Reason.DESTINATION_NOT_S3),
    ],
)
def test_reason_why_a_log_can_prove_nothing_is_named(changes, reason):
    assert unverifiable_reason(ended(**changes)) is reason
