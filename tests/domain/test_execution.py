from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import Outcome, ReplayState, S3Location, SendProgress
from service.domain.facts import FactKind
from service.domain.log_pass import LineCounts, LogPass, StreamCheckpoint
from service.domain.phases import ForbiddenTransitionError, Phase, PhaseEvent, Reason
from tests.domain.examples import START_MS, an_execution, rows

# LineCounts: sums over the pages of a log.

LINE_COUNTS = st.builds(
    LineCounts,
    st.integers(0, 100),
    st.dictionaries(st.sampled_from(FactKind), st.integers(1, 100)),
    st.integers(0, (1 << 64) - 1),
    st.booleans(),
)


def test_plus_adds_lines_kinds_and_fingerprints():
    first = LineCounts(3, {FactKind.VERIFIED: 2, FactKind.FAILED: 1}, 5)
    second = LineCounts(4, {FactKind.VERIFIED: 1, FactKind.DIRECTORY: 1}, 6)
    assert first.plus(second) == LineCounts(
        7, {FactKind.VERIFIED: 3, FactKind.FAILED: 1, FactKind.DIRECTORY: 1}, 11, saw_finish_line=False
    )


@given(LINE_COUNTS)
def test_adding_nothing_changes_nothing(counts):
    assert counts.plus(LineCounts()) == counts
    assert LineCounts().plus(counts) == counts


@given(LINE_COUNTS, LINE_COUNTS, LINE_COUNTS)
def test_sum_depends_neither_on_order_nor_on_grouping(first, second, third):
    assert first.plus(second) == second.plus(first)
    assert first.plus(second).plus(third) == first.plus(second.plus(third))


def test_fingerprint_of_a_sum_stays_within_64_bits():
    assert LineCounts(fingerprint=(1 << 64) - 1).plus(LineCounts(fingerprint=3)).fingerprint == 2


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_finish_line_of_either_part_is_kept(first, second, expected):
    total = LineCounts(saw_finish_line=first).plus(LineCounts(saw_finish_line=second))
    assert total.saw_finish_line is expected


# LogPass: one pass over the log.

LOG_PASS = LogPass(
    2,
    {"stream": StreamCheckpoint("token", START_MS)},
    LineCounts(3),
    LineCounts(2),
    {FactKind.VERIFIED: 2},
    started_at_ms=START_MS - 1,
    reached_end_at_ms=START_MS,
    lines_at_last_count=3,
)


def test_next_pass_starts_at_the_head_of_every_stream_and_keeps_what_it_is_compared_with():
    following = LOG_PASS.next_pass({FactKind.VERIFIED: 3}, now_ms=START_MS + 1)
    assert following == LogPass(3, {}, LineCounts(), LineCounts(3), {FactKind.VERIFIED: 3}, started_at_ms=START_MS + 1)


def test_restarted_pass_keeps_its_number_and_what_it_is_compared_with():
    assert LOG_PASS.restart_pass() == replace(
        LOG_PASS, checkpoints={}, counts=LineCounts(), reached_end_at_ms=None, lines_at_last_count=None
    )


THREE_LINES, FOUR_LINES = LineCounts(3, fingerprint=7), LineCounts(4, fingerprint=8)


@pytest.mark.parametrize(
    ("log_pass", "lines", "expected"),
    [
        (LogPass(), 0, False),
        (LogPass(counts=LineCounts(1)), 1, True),
        (LogPass(counts=LineCounts(1)), 0, True),  # read by an earlier tick
        (LogPass(reached_end_at_ms=START_MS), 0, False),
        (LogPass(reached_end_at_ms=START_MS), 1, True),
        (LogPass(2, counts=THREE_LINES, previous_counts=THREE_LINES), 3, False),  # the same lines again
        (LogPass(2, counts=FOUR_LINES, previous_counts=THREE_LINES), 4, True),
        (LogPass(2, counts=FOUR_LINES, previous_counts=THREE_LINES), 0, True),
        (LogPass(2, counts=THREE_LINES, previous_counts=THREE_LINES, reached_end_at_ms=START_MS), 1, True),
        (LogPass(2, counts=FOUR_LINES, previous_counts=THREE_LINES, reached_end_at_ms=START_MS), 0, False),
    ],
)
def test_log_has_new_lines_if_it_has_more_than_at_the_last_end(log_pass, lines, expected):
    assert log_pass.has_new_lines(lines=lines) is expected


@pytest.mark.parametrize(
    ("previous", "expected"), [(None, False), (THREE_LINES, True), (FOUR_LINES, False), (LineCounts(9, {}, 7), True)]
)
def test_passes_agree_if_their_fingerprints_are_equal(previous, expected):
    assert LogPass(2, counts=THREE_LINES, previous_counts=previous).passes_agree is expected


# Execution: events.


def test_event_changes_the_phase_and_sets_the_reason():
    held = an_execution().apply(PhaseEvent.HOLD, Reason.LOG_INCOMPLETE, "1 of 2 files")
    assert (held.phase, held.reason, held.reason_detail) == (Phase.HELD, Reason.LOG_INCOMPLETE, "1 of 2 files")
    resumed = held.apply(PhaseEvent.RESUME_PUBLISHING)
    assert (resumed.phase, resumed.reason, resumed.reason_detail) == (Phase.PUBLISHING, None, None)


@pytest.mark.parametrize("phase", [Phase.FOLLOWING, Phase.SEALING, Phase.PUBLISHING])
def test_held_execution_keeps_the_phase_in_which_it_was_held(phase):
    held = an_execution(phase=phase).apply(PhaseEvent.HOLD, Reason.ACCESS_DENIED)
    assert held.held_from is phase
    assert held.apply(PhaseEvent.DISCARD).held_from is None


def test_event_clears_the_time_of_the_next_retry():
    held = an_execution(phase=Phase.HELD, held_from=Phase.SEALING, retry_at_ms=START_MS)
    assert held.apply(PhaseEvent.RESUME_SEALING).retry_at_ms is None


def test_refusal_stays_known_while_the_execution_is_active():
    blocked = an_execution(reason_detail="no access", blocked_since_ms=START_MS)
    publishing = blocked.apply(PhaseEvent.SEALED)
    assert (publishing.blocked_since_ms, publishing.reason_detail) == (START_MS, "no access")
    carried = blocked.apply(PhaseEvent.CARRY, Reason.EXECUTION_ERROR)
    assert (carried.blocked_since_ms, carried.reason_detail) == (None, None)


def test_forbidden_event_is_refused():
    with pytest.raises(ForbiddenTransitionError):
        an_execution().apply(PhaseEvent.ALL_SENT)


@pytest.mark.parametrize(
    ("status", "ended"), [("SUCCESS", True), ("ERROR", True), ("VERIFYING", False), ("NEW", False)]
)
def test_execution_has_ended_if_its_status_is_terminal(status, ended):
    assert an_execution(status=status).has_ended is ended


# Execution: counts of files.

PIT = {"verify_mode": "POINT_IN_TIME_CONSISTENT"}


def file_counts(**changes):
    counts = an_execution(**PIT | changes).file_counts()
    return {state: counts[state] for state in ("transferred", "verified", "failed")}


def test_counts_are_of_lines_while_the_log_is_read():
    counts = LineCounts(9, {FactKind.VERIFIED: 3, FactKind.TRANSFERRED: 4, FactKind.FAILED: 1, FactKind.DIRECTORY: 9})
    assert file_counts(log_pass=LogPass(counts=counts)) == {"transferred": 4, "verified": 3, "failed": 1}


def test_counts_do_not_shrink_during_the_next_pass():
    previous = LineCounts(3, {FactKind.VERIFIED: 3})
    shorter, longer = LineCounts(1, {FactKind.VERIFIED: 1}), LineCounts(4, {FactKind.VERIFIED: 4})
    assert file_counts(log_pass=LogPass(2, counts=shorter, previous_counts=previous))["verified"] == 3
    assert file_counts(log_pass=LogPass(2, counts=longer, previous_counts=previous))["verified"] == 4


def test_counts_are_of_facts_once_these_are_counted():
    counts = LineCounts(9, {FactKind.VERIFIED: 9})
    assert file_counts(log_pass=LogPass(counts=counts), fact_counts=rows(3, failed=1)) == {
        "transferred": 0,
        "verified": 3,
        "failed": 1,
    }


def test_verified_files_count_as_transferred_in_only_files_transferred_mode():
    assert an_execution(fact_counts=rows(3, transferred=1)).file_counts()["transferred"] == 3


def test_files_that_were_transferred_but_not_verified_count_as_transferred():
    assert an_execution(fact_counts=rows(3, transferred=5)).file_counts()["transferred"] == 5


def test_counts_include_every_outcome():
    counts = an_execution(outcome_counts={Outcome.PUBLISHED: 2, Outcome.MISSING: 1}).file_counts()
    assert {state: counts[state] for state in map(str, Outcome)} == {
        "published": 2,
        "unchanged": 0,
        "missing": 1,
        "superseded": 0,
    }


@pytest.mark.parametrize(("prefix", "key"), [("", "dir/a.csv"), ("in/", "in/dir/a.csv")])
def test_key_is_the_prefix_and_the_path(prefix, key):
    assert S3Location("bucket", prefix).key("dir/a.csv") == key


# Execution: progress of sending.

PROGRESS = SendProgress("z", ("id",))


def test_each_replay_starts_from_the_first_path_under_the_next_number():
    assert ReplayState(3, active=False, progress=PROGRESS).start_next() == ReplayState(4, active=True)


@pytest.mark.parametrize("active", [True, False])
def test_progress_of_sending_belongs_to_the_active_replay_or_to_the_first_sending(active):
    before = an_execution(progress=SendProgress("m"), replay=ReplayState(1, active=active))
    after = before.with_sending(PROGRESS)
    assert after.sending == PROGRESS
    assert (after.progress, after.replay.progress) == (
        (SendProgress("m"), PROGRESS) if active else (PROGRESS, SendProgress())
    )
