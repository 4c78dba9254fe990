from dataclasses import replace

import pytest

from service.domain.execution import Position, Reading, Tally
from service.domain.following import TOKEN_GOOD_MS, described, has_stale_token, noted_end
from service.domain.names import TaskMode
from service.domain.records import ExecutionDescription
from tests.domain.examples import START_MS, an_execution

NOW_MS = START_MS + 10_000_000
RUNNING = an_execution(status="TRANSFERRING", ended_at_ms=None, terminal_seen_at_ms=None)
SAYS_NOTHING = ExecutionDescription(
    RUNNING.name.arn, "TRANSFERRING", TaskMode.BASIC, None, None, None, None, None, None
)


def seen(execution=RUNNING, **changes):
    return described(execution, replace(SAYS_NOTHING, **changes), now_ms=NOW_MS)


def test_what_datasync_does_not_say_stays_as_it_was():
    assert seen() == RUNNING


def test_what_datasync_says_is_taken_over():
    now = seen(verify_mode="NONE", log_level="OFF", ended_at_ms=5, files_verified=7)
    assert (now.verify_mode, now.log_level, now.ended_at_ms, now.files_verified) == ("NONE", "OFF", 5, 7)


def test_a_counter_of_zero_is_a_word_too():
    assert seen(replace(RUNNING, files_verified=7), files_verified=0).files_verified == 0
    assert seen(replace(RUNNING, files_verified=7)).files_verified == 7


def test_the_clock_of_sealing_begins_when_the_end_is_first_seen_and_is_not_set_again():
    ended = seen(status="SUCCESS")
    assert (ended.status, ended.terminal_seen_at_ms) == ("SUCCESS", NOW_MS)
    again = described(ended, replace(SAYS_NOTHING, status="SUCCESS"), now_ms=NOW_MS + 1)
    assert again == ended


@pytest.mark.parametrize("status", ["QUEUED", "VERIFYING", "SOMETHING_NEW"])
def test_a_status_that_is_not_terminal_does_not_end_it_nor_undo_its_end(status):
    assert seen(status=status).status == status
    assert seen(status=status).terminal_seen_at_ms is None
    assert seen(seen(status="SUCCESS"), status=status).status == "SUCCESS"


def test_datasync_may_correct_one_end_by_another():
    assert seen(seen(status="SUCCESS"), status="ERROR").status == "ERROR"


@pytest.mark.parametrize(("age_ms", "stale"), [(TOKEN_GOOD_MS, True), (TOKEN_GOOD_MS - 1, False), (0, False)])
def test_one_token_that_cloudwatch_may_have_forgotten_is_enough(age_ms, stale):
    positions = {"a": Position("t", NOW_MS), "b": Position("t", NOW_MS - age_ms)}
    assert has_stale_token(replace(RUNNING, reading=Reading(positions=positions)), now_ms=NOW_MS) is stale


def test_an_execution_that_has_not_been_read_has_no_stale_token():
    assert not has_stale_token(RUNNING, now_ms=NOW_MS)


def test_the_first_time_at_the_end_is_noted():
    noted = noted_end(RUNNING, 0, now_ms=NOW_MS)
    assert (noted.reading.ended_at_ms, noted.quiet_since_ms) == (NOW_MS, None)


def test_new_lines_begin_the_quiet_time_and_leave_the_first_time_at_the_end():
    at_end = noted_end(RUNNING, 3, now_ms=NOW_MS)
    later = noted_end(at_end, 1, now_ms=NOW_MS + 5)
    assert (later.reading.ended_at_ms, later.quiet_since_ms) == (NOW_MS, NOW_MS + 5)


def test_a_look_that_finds_nothing_new_changes_nothing():
    at_end = noted_end(RUNNING, 3, now_ms=NOW_MS)
    assert noted_end(at_end, 0, now_ms=NOW_MS + 5) is at_end


def test_a_further_pass_that_reads_the_same_lines_does_not_disturb_the_quiet():
    reading = Reading(2, tally=Tally(3, print=7), previous=Tally(3, print=7))
    execution = replace(RUNNING, reading=reading, quiet_since_ms=START_MS)
    assert noted_end(execution, 3, now_ms=NOW_MS).quiet_since_ms == START_MS


def test_a_further_pass_that_reads_more_does():
    reading = Reading(2, tally=Tally(4, print=8), previous=Tally(3, print=7))
    execution = replace(RUNNING, reading=reading, quiet_since_ms=START_MS)
    assert noted_end(execution, 4, now_ms=NOW_MS).quiet_since_ms == NOW_MS
