"""The execution that decides about a file, and whether the file is new."""

import pytest

from service.domain.execution import Outcome, PlanMember
from service.domain.facts import Fact, FactKind
from service.domain.file_decision import FileDecision, FileEvidence, FileVerdict, decide_file, fold_facts, is_new
from tests.domain.examples import MINUTE_MS, START_MS, verified

FILE = verified()
FAILURE = FILE._replace(kind=FactKind.FAILED)
SINCE_MS = START_MS + 1


def member(number, *, publishes=True):
    return PlanMember(f"exec-{number}", START_MS + number * MINUTE_MS, publishes)


def decide(*evidence, members, only_transferred=False):
    return decide_file(evidence, members, [only_transferred] * len(members), SINCE_MS)


PUBLISHING = member(0)
EVIDENCE_ONLY = member(0, publishes=False)
PUBLISHED_OUTCOMES = [Outcome.PUBLISHED, Outcome.UNCHANGED]
OTHER_OUTCOMES = [Outcome.MISSING, Outcome.SUPERSEDED, None]


def test_verified_file_is_new_in_only_files_transferred_mode():
    assert decide(FileEvidence(0, FILE), members=[PUBLISHING], only_transferred=True) == FileDecision(
        FileVerdict.CANDIDATE, 0, (), is_new=True
    )


def test_verified_file_with_a_transferred_fact_is_new():
    decision = decide(FileEvidence(0, FILE, transferred=True), members=[PUBLISHING])
    assert decision == FileDecision(FileVerdict.CANDIDATE, 0, (), is_new=True)


def test_file_that_was_only_verified_is_new_if_s3_wrote_it_since_the_last_publishing():
    decision = decide(FileEvidence(0, FILE), members=[PUBLISHING])
    assert decision == FileDecision(FileVerdict.CANDIDATE, 0, (), new_since_ms=SINCE_MS)


@pytest.mark.parametrize("evidence", [FileEvidence(0, FILE, failed=FAILURE), FileEvidence(0, failed=FAILURE)])
def test_failed_fact_takes_precedence_over_a_verified_one(evidence):
    assert decide(evidence, members=[PUBLISHING], only_transferred=True).verdict is FileVerdict.FAILED


@pytest.mark.parametrize(
    "evidence", [FileEvidence(0, transferred=True), FileEvidence(0, deleted=True), FileEvidence(0, FILE, deleted=True)]
)
def test_file_that_was_not_verified_or_was_deleted_is_skipped(evidence):
    assert decide(evidence, members=[PUBLISHING], only_transferred=True).verdict is FileVerdict.SKIP


@pytest.mark.parametrize(
    ("newest", "verdict"),
    [
        (FileEvidence(1, failed=FAILURE), FileVerdict.FAILED),
        (FileEvidence(1, deleted=True), FileVerdict.SKIP),
        (FileEvidence(1, transferred=True), FileVerdict.SKIP),
        (FileEvidence(1, FILE), FileVerdict.CANDIDATE),
    ],
)
def test_newest_execution_decides_about_a_carried_file(newest, verdict):
    decision = decide(FileEvidence(0, FILE), newest, members=[member(0), member(1)], only_transferred=True)
    assert (decision.verdict, decision.deciding_member, decision.superseded) == (verdict, 1, (0,))


def test_carried_execution_decides_if_no_newer_one_has_evidence():
    decision = decide(FileEvidence(0, FILE), members=[member(0), member(1)], only_transferred=True)
    assert decision == FileDecision(FileVerdict.CANDIDATE, 0, (), is_new=True)


def test_newest_of_several_executions_that_verified_a_file_decides_and_the_others_are_superseded():
    decision = decide(
        FileEvidence(0, FILE),
        FileEvidence(1, failed=FAILURE),
        FileEvidence(2, FILE),
        members=[member(0), member(1), member(2)],
        only_transferred=True,
    )
    assert decision == FileDecision(FileVerdict.CANDIDATE, 2, (0,), is_new=True)


@pytest.mark.parametrize("earlier", [FileEvidence(0, FILE, transferred=True), FileEvidence(0, transferred=True)])
def test_file_that_a_carried_execution_transferred_is_new_when_a_later_one_verifies_it(earlier):
    assert decide(earlier, FileEvidence(1, FILE), members=[member(0), member(1)]).is_new is True


@pytest.mark.parametrize("outcome", PUBLISHED_OUTCOMES)
def test_published_file_that_is_verified_again_is_new_only_if_s3_wrote_it_since(outcome):
    members = [EVIDENCE_ONLY, member(1), member(2)]
    published = FileEvidence(0, FILE, transferred=True, previous_outcome=outcome)
    decision = decide(published, FileEvidence(2, FILE), members=members)
    assert decision == FileDecision(FileVerdict.CANDIDATE, 2, (), new_since_ms=members[1].started_at_ms)


@pytest.mark.parametrize("outcome", OTHER_OUTCOMES)
def test_file_that_was_transferred_and_not_published_is_new_to_the_next_execution_that_verifies_it(outcome):
    evidence = [FileEvidence(0, FILE, transferred=True, previous_outcome=outcome), FileEvidence(1, FILE)]
    assert decide(*evidence, members=[EVIDENCE_ONLY, member(1)]).is_new is True


def test_published_file_that_is_transferred_again_is_new():
    evidence = [FileEvidence(0, FILE, previous_outcome=Outcome.PUBLISHED), FileEvidence(1, FILE, transferred=True)]
    assert decide(*evidence, members=[EVIDENCE_ONLY, member(1)]).is_new is True


def test_file_that_failed_in_a_published_execution_was_not_published_with_it():
    failed = FileEvidence(0, FILE, transferred=True, failed=FAILURE, previous_outcome=Outcome.PUBLISHED)
    assert decide(failed, FileEvidence(1, FILE), members=[EVIDENCE_ONLY, member(1)]).is_new is True


def test_file_without_evidence_of_a_published_execution_was_not_published_with_it():
    decision = decide(FileEvidence(1, FILE), members=[EVIDENCE_ONLY, member(1)])
    assert decision.new_since_ms == SINCE_MS


@pytest.mark.parametrize("outcome", PUBLISHED_OUTCOMES + OTHER_OUTCOMES)
def test_file_whose_newest_evidence_comes_from_another_publishing_is_skipped(outcome):
    members = [member(0), member(1, publishes=False)]
    decision = decide(FileEvidence(0, FILE), FileEvidence(1, FILE, previous_outcome=outcome), members=members)
    assert decision == FileDecision(FileVerdict.SKIP, 1, (0,))


def test_member_that_only_gives_evidence_is_not_superseded():
    assert decide(FileEvidence(0, FILE), FileEvidence(1, FILE), members=[EVIDENCE_ONLY, member(1)]).superseded == ()


@pytest.mark.parametrize("outcome", PUBLISHED_OUTCOMES)
def test_carried_file_that_was_published_earlier_is_skipped(outcome):
    evidence = FileEvidence(0, FILE, previous_outcome=outcome)
    decision = decide(evidence, members=[member(0), member(1)], only_transferred=True)
    assert decision.verdict is FileVerdict.SKIP


NEW_SINCE = FileDecision(FileVerdict.CANDIDATE, 0, (), new_since_ms=START_MS + 999)


@pytest.mark.parametrize(
    ("last_modified_ms", "expected"),
    [
        (START_MS + 1000, True),
        (START_MS + 999, True),
        (START_MS, True),
        (START_MS - 1, False),
        (START_MS - 1000, False),
    ],
)
def test_file_is_new_if_s3_wrote_it_within_the_same_second_or_later(last_modified_ms, expected):
    assert is_new(NEW_SINCE, last_modified_ms, logs_transfers=False) is expected


def test_every_file_is_new_if_nothing_was_ever_published():
    assert is_new(FileDecision(FileVerdict.CANDIDATE, 0, ()), 0, logs_transfers=False)


@pytest.mark.parametrize("proven", [True, False])
def test_s3_does_not_change_what_the_logs_prove(proven):
    decision = FileDecision(FileVerdict.CANDIDATE, 0, (), is_new=proven, new_since_ms=START_MS)
    assert {is_new(decision, at_ms, logs_transfers=True) for at_ms in (None, 0, 2 * START_MS)} == {proven}


@pytest.mark.parametrize(("logs_transfers", "expected"), [(True, False), (False, True)])
def test_file_is_new_without_s3_unless_the_log_states_transfers(logs_transfers, expected):
    assert is_new(NEW_SINCE, None, logs_transfers=logs_transfers) is expected


def test_facts_of_one_execution_about_a_file_are_folded():
    facts = {kind: Fact(kind, "a.csv", None, START_MS) for kind in FactKind}
    folded = FileEvidence(3, facts[FactKind.VERIFIED], transferred=True, failed=facts[FactKind.FAILED], deleted=True)
    assert fold_facts(3, facts) == folded
    assert fold_facts(3, {}) == FileEvidence(3)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (FileEvidence(0, FILE, previous_outcome=Outcome.PUBLISHED), True),
        (FileEvidence(0, FILE, previous_outcome=Outcome.UNCHANGED), True),
        (FileEvidence(0, FILE, previous_outcome=Outcome.MISSING), False),
        (FileEvidence(0, FILE, previous_outcome=Outcome.SUPERSEDED), False),
        (FileEvidence(0, FILE), False),
        (FileEvidence(0, previous_outcome=Outcome.PUBLISHED), False),
        (FileEvidence(0, FILE, failed=FAILURE, previous_outcome=Outcome.PUBLISHED), False),
    ],
)
def test_file_is_already_published_if_it_was_verified_and_its_outcome_is_published_or_unchanged(evidence, expected):
    assert evidence.already_published is expected
