"""Who decides for a file, and is it new: one file at a time, as the sayings of a task's executions."""

import pytest

from service.domain.execution import Outcome, Source
from service.domain.facts import Fact, FactKind
from service.domain.freshness import Decision, Ruling, Saying, decide, is_fresh, majority, said
from tests.domain.examples import MINUTE_MS, START_MS, verified

FILE = verified()
SINCE_MS = START_MS + 1


def source(number, *, publishes=True):
    return Source(f"exec-{number}", START_MS + number * MINUTE_MS, publishes)


def decided(*sayings, sources, transfers=False):
    return decide(sayings, sources, [transfers] * len(sources), SINCE_MS)


OURS = source(0)
WITNESS = source(0, publishes=False)
GONE_OUT = [Outcome.PUBLISHED, Outcome.UNCHANGED]
NOT_GONE_OUT = [Outcome.MISSING, Outcome.SUPERSEDED, None]


def test_a_verified_file_of_an_execution_that_verifies_only_what_it_transferred_is_new():
    assert decided(Saying(0, FILE), sources=[OURS], transfers=True) == Decision(Ruling.CANDIDATE, 0, (), fresh=True)


def test_a_transferred_line_makes_a_verified_file_new():
    decision = decided(Saying(0, FILE, transferred=True), sources=[OURS])
    assert decision == Decision(Ruling.CANDIDATE, 0, (), fresh=True)


def test_a_file_that_was_only_verified_is_new_if_s3_wrote_it_since_the_last_publishing():
    assert decided(Saying(0, FILE), sources=[OURS]) == Decision(Ruling.CANDIDATE, 0, (), fresh_since_ms=SINCE_MS)


@pytest.mark.parametrize("saying", [Saying(0, FILE, failed=True), Saying(0, failed=True)])
def test_failed_wins_over_verified(saying):
    assert decided(saying, sources=[OURS], transfers=True).ruling is Ruling.FAILED


@pytest.mark.parametrize(
    "saying", [Saying(0, transferred=True), Saying(0, deleted=True), Saying(0, FILE, deleted=True)]
)
def test_a_file_that_was_not_verified_or_was_deleted_is_not_published(saying):
    assert decided(saying, sources=[OURS], transfers=True).ruling is Ruling.NOT_OURS


@pytest.mark.parametrize(
    ("newest", "ruling"),
    [
        (Saying(1, failed=True), Ruling.FAILED),
        (Saying(1, deleted=True), Ruling.NOT_OURS),
        (Saying(1, transferred=True), Ruling.NOT_OURS),
        (Saying(1, FILE), Ruling.CANDIDATE),
    ],
)
def test_the_newest_execution_decides_for_a_carried_file(newest, ruling):
    decision = decided(Saying(0, FILE), newest, sources=[source(0), source(1)], transfers=True)
    assert (decision.ruling, decision.owner, decision.superseded) == (ruling, 1, (0,))


def test_a_carried_file_of_which_nothing_newer_is_said_stays_its_execution_s():
    decision = decided(Saying(0, FILE), sources=[source(0), source(1)], transfers=True)
    assert decision == Decision(Ruling.CANDIDATE, 0, (), fresh=True)


def test_of_several_executions_that_verified_a_file_the_newest_one_owns_it_and_the_others_are_overtaken():
    sources = [source(0), source(1), source(2)]
    decision = decided(Saying(0, FILE), Saying(1, failed=True), Saying(2, FILE), sources=sources, transfers=True)
    assert decision == Decision(Ruling.CANDIDATE, 2, (0,), fresh=True)


def test_a_file_that_was_transferred_in_a_carried_execution_and_verified_again_is_new():
    sayings = [Saying(0, FILE, transferred=True), Saying(1, FILE)]
    assert decided(*sayings, sources=[source(0), source(1)]).fresh is True


def test_a_file_that_was_transferred_unverified_and_then_verified_is_new():
    assert decided(Saying(0, transferred=True), Saying(1, FILE), sources=[source(0), source(1)]).fresh is True


@pytest.mark.parametrize("before", GONE_OUT)
def test_a_file_that_has_gone_out_and_is_verified_again_is_new_only_if_s3_wrote_it_since(before):
    sources = [WITNESS, source(1), source(2)]
    decision = decided(Saying(0, FILE, transferred=True, before=before), Saying(2, FILE), sources=sources)
    assert decision == Decision(Ruling.CANDIDATE, 2, (), fresh_since_ms=sources[1].started_at_ms)


@pytest.mark.parametrize("before", NOT_GONE_OUT)
def test_a_file_that_was_transferred_and_has_not_gone_out_is_new_to_whoever_verifies_it_next(before):
    sayings = [Saying(0, FILE, transferred=True, before=before), Saying(1, FILE)]
    assert decided(*sayings, sources=[WITNESS, source(1)]).fresh is True


def test_a_file_that_has_gone_out_and_is_transferred_again_is_new():
    sayings = [Saying(0, FILE, before=Outcome.PUBLISHED), Saying(1, FILE, transferred=True)]
    assert decided(*sayings, sources=[WITNESS, source(1)]).fresh is True


def test_a_file_that_failed_in_a_published_execution_has_not_gone_out_with_it():
    sayings = [Saying(0, FILE, transferred=True, failed=True, before=Outcome.PUBLISHED), Saying(1, FILE)]
    assert decided(*sayings, sources=[WITNESS, source(1)]).fresh is True


def test_a_file_of_which_a_published_execution_says_nothing_has_not_gone_out_with_it():
    decision = decided(Saying(1, FILE), sources=[WITNESS, source(1)])
    assert decision.fresh_since_ms == SINCE_MS


@pytest.mark.parametrize("before", GONE_OUT + NOT_GONE_OUT)
def test_what_another_execution_sends_or_keeps_is_not_ours(before):
    sources = [source(0), source(1, publishes=False)]
    decision = decided(Saying(0, FILE), Saying(1, FILE, before=before), sources=sources)
    assert decision == Decision(Ruling.NOT_OURS, 1, (0,))


def test_a_witness_that_was_overtaken_has_nothing_to_be_superseded():
    assert decided(Saying(0, FILE), Saying(1, FILE), sources=[WITNESS, source(1)]).superseded == ()


@pytest.mark.parametrize("before", GONE_OUT)
def test_a_carried_file_that_has_gone_out_with_an_earlier_publishing_is_not_sent_again(before):
    decision = decided(Saying(0, FILE, before=before), sources=[source(0), source(1)], transfers=True)
    assert decision.ruling is Ruling.NOT_OURS


SINCE = Decision(Ruling.CANDIDATE, 0, (), fresh_since_ms=START_MS + 999)


@pytest.mark.parametrize(
    ("last_modified_ms", "fresh"),
    [
        (START_MS + 1000, True),
        (START_MS + 999, True),
        (START_MS, True),
        (START_MS - 1, False),
        (START_MS - 1000, False),
    ],
)
def test_s3_rounds_to_seconds_so_that_within_the_second_a_file_is_fresh(last_modified_ms, fresh):
    assert is_fresh(SINCE, last_modified_ms, logs_transfers=False) is fresh


def test_when_nothing_was_ever_published_every_file_is_fresh():
    assert is_fresh(Decision(Ruling.CANDIDATE, 0, ()), 0, logs_transfers=False)


@pytest.mark.parametrize("fresh", [True, False])
def test_what_the_logs_prove_s3_does_not_change(fresh):
    decision = Decision(Ruling.CANDIDATE, 0, (), fresh=fresh, fresh_since_ms=START_MS)
    assert {is_fresh(decision, at_ms, logs_transfers=True) for at_ms in (None, 0, 2 * START_MS)} == {fresh}


def test_without_s3_a_log_that_tells_what_was_transferred_decides():
    assert not is_fresh(SINCE, None, logs_transfers=True)


def test_without_s3_and_without_such_a_log_a_file_is_fresh_because_a_person_released_it():
    assert is_fresh(SINCE, None, logs_transfers=False)


def test_the_facts_of_one_execution_about_a_file_fold_into_one_saying():
    facts = {kind: Fact(kind, "a.csv", None, START_MS) for kind in FactKind}
    assert said(3, facts) == Saying(3, facts[FactKind.VERIFIED], transferred=True, failed=True, deleted=True)
    assert said(3, {}) == Saying(3)


def test_the_majority_is_the_most_frequent_outcome():
    outcomes = {"a": Outcome.MISSING, "b": Outcome.UNCHANGED, "c": Outcome.UNCHANGED}
    assert majority(outcomes) is Outcome.UNCHANGED
