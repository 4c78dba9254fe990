from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import Tally
from service.domain.facts import FactKind
from service.domain.names import TaskMode
from service.domain.phases import Event, Reason
from service.domain.sealing import (
    OnError,
    OnIncomplete,
    Policy,
    Reconcile,
    Ruling,
    adds_up,
    audited,
    blocker,
    close,
    next_look_ms,
    quiet_until_ms,
    reread_pause_s,
    rule,
)
from tests.domain.examples import START_MS, a_reading, an_execution, rows

POLICY = Policy(settle_s=10, deadline_s=900)
ENHANCED = TaskMode.ENHANCED
END_MS = START_MS + 1_000_000


def ended(**changes):
    """An execution whose end was seen at END_MS."""
    return an_execution(**{"terminal_seen_at_ms": END_MS, "ended_at_ms": END_MS} | changes)


# What adds up: contract 6.2.


@pytest.mark.parametrize(
    ("mode", "files", "directories", "counter", "whether"),
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
def test_a_log_adds_up_when_it_names_as_many_files_as_datasync_counted(mode, files, directories, counter, whether):
    execution = ended(task_mode=mode, files_verified=counter, rows=rows(files, directory=directories))
    assert adds_up(execution, POLICY) is whether


@pytest.mark.parametrize(
    ("finish_seen", "previous", "whether"),
    [(True, 7, True), (False, 7, False), (True, 8, False), (True, None, False), (False, None, False)],
)
def test_without_a_counter_the_finish_line_and_two_equal_passes_are_needed(finish_seen, previous, whether):
    reading = a_reading(print_=7, finish_seen=finish_seen)
    if previous is not None:
        reading = replace(reading, pass_number=2, previous=Tally(print=previous))
    execution = ended(files_verified=None, reading=reading, rows=rows(3))
    assert adds_up(execution, POLICY) is whether


@pytest.mark.parametrize(
    ("reconcile", "finish_seen", "whether"),
    [(Reconcile.COUNTERS, True, False), (Reconcile.LOG, True, True), (Reconcile.LOG, False, False)],
)
def test_reconcile_log_takes_two_equal_passes_for_enough_against_the_counters(reconcile, finish_seen, whether):
    reading = a_reading(2, print_=7, finish_seen=finish_seen, previous=Tally(print=7))
    execution = ended(files_verified=99, reading=reading, rows=rows(3))
    assert adds_up(execution, replace(POLICY, reconcile=reconcile)) is whether


def test_reconcile_log_does_not_refuse_counters_that_agree():
    assert adds_up(ended(files_verified=3, rows=rows(3)), replace(POLICY, reconcile=Reconcile.LOG))


# The audit: nothing is published short.


def test_as_many_facts_as_lines_pass_the_audit():
    assert audited(ended(reading=a_reading(lines=3), rows=rows(3)))


def test_more_facts_than_this_pass_has_read_pass_the_audit():
    assert audited(ended(reading=a_reading(2, lines=2), rows=rows(3)))


def test_fewer_facts_than_lines_are_suspicious_in_the_first_pass():
    assert not audited(ended(reading=a_reading(lines=3), rows=rows(2)))


def test_each_kind_of_fact_is_audited_by_itself():
    reading = a_reading(lines=3)
    tally = replace(reading.tally, kinds={FactKind.VERIFIED: 3, FactKind.FAILED: 1})
    assert not audited(ended(reading=replace(reading, tally=tally), rows=rows(4)))


def test_lines_that_came_twice_pass_once_a_further_pass_has_added_nothing():
    assert audited(ended(reading=a_reading(2, lines=3, rows_before=rows(2)), rows=rows(2)))


def test_a_further_pass_that_added_a_fact_needs_one_more():
    assert not audited(ended(reading=a_reading(2, lines=4, rows_before=rows(2)), rows=rows(3)))


# The ruling.


def at(seconds):
    return END_MS + round(seconds * 1000)


def adding_up(**changes):
    return ended(**{"files_verified": 3, "reading": a_reading(lines=3), "rows": rows(3)} | changes)


def short(pass_number=1, **changes):
    reading = a_reading(pass_number, lines=2, ended_at_ms=END_MS, rows_before=rows(2) if pass_number > 1 else None)
    return ended(**{"files_verified": 3, "reading": reading, "rows": rows(2)} | changes)


def test_a_log_that_adds_up_is_not_sealed_before_it_has_been_quiet_for_settle_s():
    assert rule(adding_up(), POLICY, now_ms=at(10) - 1) is Ruling.WAIT
    assert rule(adding_up(), POLICY, now_ms=at(10)) is Ruling.SEALED


def test_a_line_after_the_end_begins_the_quiet_time_anew():
    execution = adding_up(quiet_since_ms=at(7))
    assert rule(execution, POLICY, now_ms=at(17) - 1) is Ruling.WAIT
    assert rule(execution, POLICY, now_ms=at(17)) is Ruling.SEALED


def test_lines_from_before_the_end_do_not_shorten_the_quiet_time():
    assert quiet_until_ms(adding_up(quiet_since_ms=at(-60)), POLICY) == at(10)


def test_a_log_that_adds_up_but_fails_the_audit_is_read_again():
    execution = adding_up(rows=rows(3), reading=a_reading(lines=4, ended_at_ms=END_MS))
    assert rule(execution, POLICY, now_ms=at(10)) is Ruling.REREAD


def test_a_log_that_does_not_add_up_is_read_again_from_the_head_after_a_pause():
    assert rule(short(quiet_since_ms=at(-60)), replace(POLICY, settle_s=4), now_ms=at(4) - 1) is Ruling.WAIT
    assert rule(short(quiet_since_ms=at(-60)), replace(POLICY, settle_s=4), now_ms=at(4)) is Ruling.REREAD


def test_the_pause_before_each_further_pass_is_longer_up_to_a_minute():
    assert [reread_pause_s(n, POLICY) for n in (1, 2, 3, 4, 5, 1000)] == [10, 20, 40, 60, 60, 60]


def test_a_further_pass_waits_for_its_pause():
    assert rule(short(2), POLICY, now_ms=at(20) - 1) is Ruling.WAIT
    assert rule(short(2), POLICY, now_ms=at(20)) is Ruling.REREAD


def test_a_log_that_was_read_again_and_to_its_end_past_the_deadline_is_incomplete():
    for_the_last_time = a_reading(9, lines=2, rows_before=rows(2), began_at_ms=at(900), ended_at_ms=at(901))
    assert rule(short(reading=for_the_last_time), POLICY, now_ms=at(901)) is Ruling.INCOMPLETE


def test_at_the_deadline_a_log_is_read_once_more_for_a_hole_that_has_filled_since():
    before = a_reading(9, lines=2, rows_before=rows(2), began_at_ms=at(899), ended_at_ms=at(900))
    assert rule(short(reading=before), POLICY, now_ms=at(900)) is Ruling.REREAD


def test_past_the_deadline_a_log_read_only_once_is_read_once_more_at_once():
    just_ended = short(reading=a_reading(lines=2, ended_at_ms=at(900)))
    assert rule(just_ended, POLICY, now_ms=at(900)) is Ruling.REREAD


def test_past_the_deadline_a_log_that_fails_the_audit_is_read_once_more_and_not_published_short():
    execution = short(reading=a_reading(2, lines=3, rows_before=rows(1), ended_at_ms=at(899)))
    assert rule(execution, POLICY, now_ms=at(901)) is Ruling.REREAD


def test_past_the_deadline_a_log_that_still_grows_is_waited_for():
    assert rule(short(2, quiet_since_ms=at(899)), POLICY, now_ms=at(901)) is Ruling.WAIT


def test_past_the_deadline_a_log_that_adds_up_is_sealed():
    assert rule(adding_up(), POLICY, now_ms=at(5000)) is Ruling.SEALED


TIMES = st.integers(min_value=-2_000_000, max_value=2_000_000)


@given(
    quiet_since=st.none() | TIMES,
    ended_at=st.none() | TIMES,
    now=TIMES,
    pass_number=st.integers(min_value=1, max_value=40),
    poll_s=st.floats(min_value=0.1, max_value=300),
    policy=st.builds(Policy, settle_s=st.floats(0, 100), deadline_s=st.floats(0, 3600)),
)
def test_the_next_look_is_never_in_the_past_and_never_later_than_a_poll(
    quiet_since, ended_at, now, pass_number, poll_s, policy
):
    execution = ended(
        quiet_since_ms=None if quiet_since is None else END_MS + quiet_since,
        reading=a_reading(pass_number, ended_at_ms=None if ended_at is None else END_MS + ended_at),
    )
    now_ms = END_MS + now
    look_ms = next_look_ms(execution, policy, now_ms=now_ms, poll_s=poll_s)
    assert now_ms < look_ms <= now_ms + round(poll_s * 1000)


def test_the_next_look_is_when_the_log_has_been_quiet_or_may_be_read_again_or_the_deadline_is_over():
    execution = short(2)
    looks = [(next_look_ms(execution, POLICY, now_ms=at(s), poll_s=10_000) - END_MS) / 1000 for s in (0, 10, 20)]
    assert looks == [10, 20, 900]


# What follows.

STATUSES = ("SUCCESS", "ERROR")


def expected(status, complete, on_error, on_incomplete, failed, has_stream):
    """The rule as the contract says it, in words of its own."""
    if status == "SUCCESS":
        if complete:
            return Event.SEALED, None
        if not has_stream:
            return Event.HOLD, Reason.NO_LOG_STREAM
        reason = Reason.LOG_INCOMPLETE
        return (Event.HOLD, reason) if on_incomplete == "hold" else (Event.SEALED, reason)
    if not complete and on_incomplete == "hold":
        return Event.HOLD, Reason.LOG_INCOMPLETE
    event = {"carry": Event.CARRY, "publish": Event.SEALED, "drop": Event.DROP}[on_error]
    return event, Reason.VERIFICATION_FAILED if failed else Reason.EXECUTION_ERROR


@pytest.mark.parametrize(
    ("status", "complete", "on_error", "on_incomplete", "failed", "has_stream"),
    list(product(STATUSES, (True, False), OnError, OnIncomplete, (0, 1), (True, False))),
)
def test_what_follows_from_status_log_and_policy(status, complete, on_error, on_incomplete, failed, has_stream):
    execution = ended(status=status, rows=rows(2, failed=failed))
    policy = Policy(on_error=on_error, on_incomplete=on_incomplete)
    assert close(execution, policy, complete=complete, has_stream=has_stream) == expected(
        status, complete, on_error, on_incomplete, failed, has_stream
    )


@pytest.mark.parametrize(
    ("status", "on_error", "verify_mode", "facts", "event"),
    [
        ("SUCCESS", "carry", "POINT_IN_TIME_CONSISTENT", rows(2), Event.HOLD),
        ("SUCCESS", "carry", None, rows(2), Event.HOLD),
        ("SUCCESS", "carry", "POINT_IN_TIME_CONSISTENT", rows(2, transferred=1), Event.SEALED),
        ("SUCCESS", "carry", "POINT_IN_TIME_CONSISTENT", rows(0, directory=1), Event.SEALED),
        ("SUCCESS", "carry", "ONLY_FILES_TRANSFERRED", rows(2), Event.SEALED),
        ("ERROR", "carry", "POINT_IN_TIME_CONSISTENT", rows(2), Event.HOLD),
        ("ERROR", "publish", "POINT_IN_TIME_CONSISTENT", rows(2), Event.HOLD),
        ("ERROR", "carry", "POINT_IN_TIME_CONSISTENT", rows(2, transferred=2), Event.CARRY),
        ("ERROR", "drop", "POINT_IN_TIME_CONSISTENT", rows(2), Event.DROP),
    ],
)
def test_without_s3_what_only_s3_could_tell_apart_is_held(status, on_error, verify_mode, facts, event):
    execution = ended(status=status, verify_mode=verify_mode, rows=facts)
    policy = Policy(on_error=OnError(on_error), check_s3=False)
    ruled, reason = close(execution, policy, complete=True, has_stream=True)
    assert ruled is event
    assert (reason is Reason.FRESHNESS_UNKNOWN) is (event is Event.HOLD)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"log_level": None}, None),  # DataSync does not say: lines may come
        ({"verify_mode": None}, None),
        ({"verify_mode": "POINT_IN_TIME_CONSISTENT"}, None),
        ({"target": None}, Reason.DESTINATION_NOT_S3),
        ({"verify_mode": "NONE"}, Reason.VERIFY_MODE_NONE),
        ({"log_level": "BASIC"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"log_level": "OFF"}, Reason.LOG_LEVEL_NOT_TRANSFER),
        ({"log_group": None}, Reason.NO_LOG_GROUP),
        ({"target": None, "verify_mode": "NONE", "log_level": "OFF", "log_group": None}, Reason.DESTINATION_NOT_S3),
    ],
)
def test_what_makes_evidence_impossible_is_named(changes, reason):
    assert blocker(ended(**changes)) is reason
