from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import Outcome, Position, Reading, Replay, Tally, Target
from service.domain.facts import Fact, FactKind, Known, Unknown
from service.domain.phases import Event, ForbiddenTransitionError, Phase, Reason
from tests.domain.examples import START_MS, an_execution, rows, verified

LINES = st.one_of(
    st.builds(Fact, st.sampled_from(FactKind), st.text(max_size=5), st.none() | st.integers(0, 3), st.integers(0, 9)),
    st.sampled_from(Known),
    st.sampled_from(Unknown),
)


@given(st.lists(LINES, max_size=20), st.randoms(use_true_random=False))
def test_a_tally_does_not_depend_on_the_order_of_lines_or_on_the_pages_they_came_in(lines, chance):
    shuffled = list(lines)
    chance.shuffle(shuffled)
    cut = chance.randint(0, len(lines))
    assert Tally().with_lines(shuffled[:cut]).with_lines(shuffled[cut:]) == Tally().with_lines(lines)


@given(st.lists(LINES, max_size=20), LINES.filter(lambda line: isinstance(line, Fact)))
def test_a_further_fact_makes_another_print(lines, further):
    before = Tally().with_lines(lines)
    assert before.with_lines([further]).print != before.print


def test_a_tally_counts_lines_and_facts_twice_when_they_come_twice():
    tally = Tally().with_lines([verified(), Known.STARTED, verified(), Unknown.FORM])
    assert (tally.lines, tally.kinds, tally.finish_seen) == (4, {FactKind.VERIFIED: 2}, False)


def test_a_print_stays_within_64_bits():
    assert Tally(print=(1 << 64) - 1).with_lines([verified()]).print < 1 << 64


def test_the_finish_line_is_remembered_wherever_it_stands():
    tally = Tally().with_lines([Known.FINISHED]).with_lines([verified(), Known.STARTED])
    assert tally.finish_seen


READ = Reading(
    2, {"stream": Position("token", START_MS)}, Tally(3), Tally(2), {FactKind.VERIFIED: 2}, ended_at_ms=START_MS
)


def test_a_restarted_reading_begins_at_every_head_and_remembers_what_it_compares_with():
    again = READ.restarted({FactKind.VERIFIED: 3}, now_ms=START_MS + 1)
    assert again == Reading(3, {}, Tally(), Tally(3), {FactKind.VERIFIED: 3}, began_at_ms=START_MS + 1)


def test_an_abandoned_reading_begins_the_same_pass_again():
    assert READ.abandoned() == replace(READ, positions={}, tally=Tally(), ended_at_ms=None)


@pytest.mark.parametrize(
    ("reading", "lines", "grown"),
    [
        (Reading(), 0, False),
        (Reading(tally=Tally(1)), 1, True),
        (Reading(tally=Tally(1)), 0, True),  # read by an earlier look
        (Reading(ended_at_ms=START_MS), 0, False),
        (Reading(ended_at_ms=START_MS), 1, True),
        (Reading(2, tally=Tally(3, print=7), previous=Tally(3, print=7)), 3, False),  # the same lines once more
        (Reading(2, tally=Tally(4, print=8), previous=Tally(3, print=7)), 4, True),
        (Reading(2, tally=Tally(4, print=8), previous=Tally(3, print=7)), 0, True),
        (Reading(2, tally=Tally(3, print=7), previous=Tally(3, print=7), ended_at_ms=START_MS), 1, True),
        (Reading(2, tally=Tally(4, print=8), previous=Tally(3, print=7), ended_at_ms=START_MS), 0, False),
    ],
)
def test_a_log_has_grown_when_it_says_more_than_the_last_time(reading, lines, grown):
    assert reading.grown(lines=lines) is grown


def test_an_event_moves_the_execution_and_leaves_its_reason():
    held = an_execution().on(Event.HOLD, Reason.LOG_INCOMPLETE)
    assert (held.phase, held.reason) == (Phase.HELD, Reason.LOG_INCOMPLETE)
    assert held.on(Event.RELEASE).reason is None


def test_a_forbidden_event_does_not_move_it():
    with pytest.raises(ForbiddenTransitionError):
        an_execution().on(Event.SENT)


@pytest.mark.parametrize(
    ("status", "ended"), [("SUCCESS", True), ("ERROR", True), ("VERIFYING", False), ("NEW", False)]
)
def test_an_execution_has_ended_with_a_terminal_status(status, ended):
    assert an_execution(status=status).ended is ended


PIT = {"verify_mode": "POINT_IN_TIME_CONSISTENT"}


def counted(**changes):
    files = an_execution(**PIT | changes).files()
    return {state: files[state] for state in ("transferred", "verified", "failed")}


def test_files_are_counted_by_line_while_the_log_is_read():
    tally = Tally(9, {FactKind.VERIFIED: 3, FactKind.TRANSFERRED: 4, FactKind.FAILED: 1, FactKind.DIRECTORY: 9})
    assert counted(reading=Reading(tally=tally)) == {"transferred": 4, "verified": 3, "failed": 1}


def test_a_further_pass_does_not_make_the_counts_begin_again():
    read = Tally(3, {FactKind.VERIFIED: 3})
    assert counted(reading=Reading(2, tally=Tally(1, {FactKind.VERIFIED: 1}), previous=read))["verified"] == 3
    assert counted(reading=Reading(2, tally=Tally(4, {FactKind.VERIFIED: 4}), previous=read))["verified"] == 4


def test_files_are_counted_exactly_once_the_facts_are_counted():
    tally = Tally(9, {FactKind.VERIFIED: 9})
    assert counted(reading=Reading(tally=tally), rows=rows(3, failed=1)) == {
        "transferred": 0,
        "verified": 3,
        "failed": 1,
    }


def test_what_is_verified_because_it_was_transferred_counts_as_transferred():
    assert an_execution(rows=rows(3, transferred=1)).files()["transferred"] == 3


def test_files_that_were_transferred_and_not_verified_count_too():
    assert an_execution(rows=rows(3, transferred=5)).files()["transferred"] == 5


def test_the_counts_tell_every_outcome():
    files = an_execution(outcomes={Outcome.PUBLISHED: 2, Outcome.MISSING: 1}).files()
    assert {state: files[state] for state in map(str, Outcome)} == {
        "published": 2,
        "unchanged": 0,
        "missing": 1,
        "superseded": 0,
    }


@pytest.mark.parametrize(("prefix", "key"), [("", "dir/a.csv"), ("in/", "in/dir/a.csv")])
def test_a_key_is_the_prefix_and_the_path(prefix, key):
    assert Target("bucket", prefix).key("dir/a.csv") == key


def test_each_replay_begins_anew_under_the_next_number():
    assert Replay(3, under_way=False, cursor="z", ahead=("id",)).next() == Replay(4, under_way=True)
