"""The members of a publishing's plan, and the time since which a written object is new."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import PlanMember, PublishPlan, SendProgress
from service.domain.file_decision import FileEvidence, FileVerdict, decide_file
from service.domain.phases import Phase
from service.domain.publish_plan import MAX_UNRECONCILED_PREDECESSORS, last_fully_published, make_plan, with_plan
from tests.domain.examples import MINUTE_MS, START_MS, an_execution, number_of, verified

PIT = "POINT_IN_TIME_CONSISTENT"


def sealed(number, **changes):
    return an_execution(number, **{"phase": Phase.PUBLISHING, "reconciled": True, "verify_mode": PIT} | changes)


def published(number, **changes):
    own_plan = PublishPlan((PlanMember(f"exec-{number:017x}", 0, publishes=True),), None)
    return sealed(
        number,
        **{"phase": Phase.PUBLISHED, "published_at_ms": START_MS, "plan": own_plan, "reconciled": False} | changes,
    )


def carried(number, **changes):
    return sealed(number, **{"phase": Phase.CARRIED, "status": "ERROR"} | changes)


def held(number, **changes):
    return sealed(number, **{"phase": Phase.HELD} | changes)


def plan_of(execution, siblings):
    return make_plan(execution, siblings).plan


def roles(plan):
    """Return whether each member publishes, by its number."""
    return {number_of(member.execution_id): member.publishes for member in plan.members}


def publishing_with(execution, *others, publishes):
    """Return the execution with a plan of itself and the others, of which it has sent some files."""
    members = tuple(PlanMember(o.id, o.started_at_ms, publishes=publishes) for o in others)
    own = PlanMember(execution.id, execution.started_at_ms, publishes=True)
    return replace(execution, plan=PublishPlan((own, *members), None), progress=SendProgress("m"))


def test_plan_of_a_single_execution_publishes_what_was_written_since_it_started():
    execution = sealed(1)
    assert plan_of(execution, []) == PublishPlan(
        (PlanMember(execution.id, execution.started_at_ms, publishes=True),), execution.started_at_ms
    )


def test_carried_executions_are_published_too_in_start_order():
    plan = plan_of(sealed(3), [carried(2), carried(1)])
    assert list(roles(plan).items()) == [(1, True), (2, True), (3, True)]
    assert plan.new_since_ms == carried(1).started_at_ms


def test_carried_execution_that_started_later_only_gives_evidence():
    assert roles(plan_of(sealed(1), [carried(2)])) == {1: True, 2: False}


def test_published_execution_with_an_incomplete_log_gives_evidence():
    assert roles(plan_of(sealed(2), [published(1)])) == {1: False, 2: True}


def test_number_of_published_executions_that_give_evidence_is_limited():
    siblings = [published(n) for n in range(1, 30)]
    plan = plan_of(sealed(30), siblings)
    assert list(roles(plan)) == [*range(30 - MAX_UNRECONCILED_PREDECESSORS, 30), 30]


ONLY_TRANSFERRED = {"verify_mode": "ONLY_FILES_TRANSFERRED"}


def test_published_execution_gives_no_evidence_if_everything_verified_is_new():
    siblings = [published(1, **ONLY_TRANSFERRED), carried(2, **ONLY_TRANSFERRED)]
    assert roles(plan_of(sealed(3, **ONLY_TRANSFERRED), siblings)) == {2: True, 3: True}


def test_published_execution_gives_evidence_if_a_carried_one_verified_more_than_it_transferred():
    assert 1 in roles(plan_of(sealed(3, **ONLY_TRANSFERRED), [published(1), carried(2)]))


def test_plan_starts_after_the_last_fully_published_execution():
    plan = plan_of(sealed(3), [published(1, reconciled=True), carried(2)])
    assert roles(plan) == {2: True, 3: True}
    assert plan.new_since_ms == carried(2).started_at_ms


@pytest.mark.parametrize(
    "changes", [{"reconciled": False}, {"reconciled": None}, {"status": "ERROR", "reconciled": True}]
)
def test_only_a_reconciled_success_is_fully_published(changes):
    execution = published(1, **{"reconciled": True} | changes)
    assert last_fully_published([execution]) is None
    assert plan_of(sealed(2), [execution]).new_since_ms == execution.started_at_ms


@pytest.mark.parametrize("waiting", [published(1, reconciled=False), held(1), carried(1)])
def test_reconciled_success_is_not_fully_published_while_an_older_execution_is_not(waiting):
    # It need not verify again what the older one has transferred, and a third one may.
    assert last_fully_published([waiting, published(2, reconciled=True)]) is None
    plan = plan_of(sealed(3), [waiting, published(2, reconciled=True)])
    assert plan.new_since_ms == waiting.started_at_ms


def test_discarded_execution_does_not_keep_a_later_one_from_being_fully_published():
    newest = published(3, reconciled=True)
    assert last_fully_published([published(1, reconciled=True), held(2, phase=Phase.DISCARDED), newest]) is newest


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.DISCARDED])
def test_held_and_discarded_executions_only_give_evidence(phase):
    assert roles(plan_of(sealed(2), [held(1, phase=phase), held(3, phase=phase)])) == {
        1: False,
        2: True,
        3: False,
    }


def test_plan_keeps_the_ids_of_messages_that_a_held_execution_has_sent():
    stuck = replace(publishing_with(held(2), carried(1), publishes=True), progress=SendProgress("m", ("id-1", "id-2")))
    assert make_plan(sealed(3), [carried(1), stuck]).acknowledged == ("id-1", "id-2")


def test_execution_gets_its_plan_and_keeps_the_messages_that_it_has_sent():
    stuck = replace(publishing_with(held(2), carried(1), publishes=True), progress=SendProgress("m", ("id-2",)))
    execution = sealed(3, progress=SendProgress("c", ("id-1",)))
    planned = with_plan(execution, [carried(1), stuck])
    assert planned.plan == plan_of(execution, [carried(1), stuck])
    assert planned.progress == SendProgress("c", ("id-1", "id-2"))


def test_carried_files_that_another_execution_is_publishing_are_not_published_twice():
    publishing = publishing_with(sealed(3), carried(1), publishes=True)
    assert roles(plan_of(sealed(2), [carried(1), publishing])) == {1: False, 2: True, 3: False}


def test_later_execution_that_was_released_after_it_had_sent_files_gives_evidence():
    released = sealed(3, progress=SendProgress("m", ("id-1",)))
    plan, acknowledged = make_plan(sealed(2), [released])
    assert (roles(plan), acknowledged) == ({2: True, 3: False}, ("id-1",))


def test_later_execution_that_has_not_started_to_publish_is_not_a_member():
    assert roles(plan_of(sealed(2), [sealed(3)])) == {2: True}


def test_executions_that_are_not_sealed_are_not_members():
    siblings = [an_execution(n, phase=phase) for n, phase in ((3, Phase.FOLLOWING), (4, Phase.SEALING))]
    assert roles(plan_of(sealed(2), siblings)) == {2: True}


def test_executions_that_started_at_the_same_time_are_ordered_by_id():
    same_start = {"started_at_ms": START_MS}
    plan = plan_of(sealed(2, **same_start), [carried(3, **same_start), carried(1, **same_start)])
    assert list(roles(plan).items()) == [(1, True), (2, True), (3, False)]


def test_planned_execution_may_be_among_its_siblings_in_an_earlier_state():
    assert make_plan(sealed(1), [sealed(1, reason="other")]) == make_plan(sealed(1), [])


# Queued executions: DataSync dates their start when they are requested.


def test_queued_execution_can_write_only_after_the_end_of_the_one_before_it():
    first = published(1, reconciled=True, ended_at_ms=START_MS + 30 * MINUTE_MS)
    assert plan_of(sealed(2), [first]).new_since_ms == START_MS + 30 * MINUTE_MS


def test_queued_execution_after_an_unreconciled_one_starts_with_its_end():
    first = published(1, ended_at_ms=START_MS + 30 * MINUTE_MS)
    assert [member.started_at_ms for member in plan_of(sealed(2), [first]).members] == [
        first.started_at_ms,
        START_MS + 30 * MINUTE_MS,
    ]


def test_execution_without_a_known_end_delays_no_later_start():
    first = published(1, reconciled=True, ended_at_ms=None)
    assert plan_of(sealed(2), [first]).new_since_ms == sealed(2).started_at_ms


def test_execution_that_left_files_to_a_later_one_is_not_fully_published():
    later = carried(2)
    execution = publishing_with(published(1, reconciled=True), later, publishes=False)
    assert last_fully_published([execution]) is None
    assert roles(plan_of(sealed(3), [execution, later])) == {1: False, 2: True, 3: True}


# In every history the newest evidence decides.

PHASES = st.sampled_from([Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED])
EVIDENCE = st.builds(
    FileEvidence,
    member=st.just(0),
    verified=st.sampled_from([None, verified()]),
    transferred=st.booleans(),
    failed=st.booleans(),
    deleted=st.booleans(),
).filter(lambda evidence: any(evidence[1:]))
HISTORIES = st.lists(
    st.tuples(PHASES, st.sampled_from([PIT, "ONLY_FILES_TRANSFERRED"]), st.booleans(), st.none() | EVIDENCE),
    min_size=1,
    max_size=6,
)


@given(HISTORIES, st.data())
def test_no_file_is_published_that_a_newer_execution_failed_deleted_or_did_not_verify(history, data):
    planned = data.draw(st.integers(min_value=0, max_value=len(history) - 1))
    executions = [
        sealed(n, phase=phase, verify_mode=mode, reconciled=reconciled, published_at_ms=START_MS)
        for n, (phase, mode, reconciled, _) in enumerate(history)
    ]
    executions[planned] = replace(executions[planned], phase=Phase.PUBLISHING, published_at_ms=None)
    plan = plan_of(executions[planned], executions)
    by_id = {e.id: evidence for e, (*_, evidence) in zip(executions, history, strict=True)}
    evidence = [
        of_member._replace(member=index)
        for index, member in enumerate(plan.members)
        if (of_member := by_id[member.execution_id])
    ]
    if not evidence:
        return
    decision = decide_file(evidence, plan.members, [False] * len(plan.members), plan.new_since_ms)
    newest = evidence[-1]
    assert decision.deciding_member == newest.member
    if decision.verdict is FileVerdict.CANDIDATE:
        assert newest.verified
        assert not newest.failed
        assert not newest.deleted
        assert plan.members[newest.member].publishes
