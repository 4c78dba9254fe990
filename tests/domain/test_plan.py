"""Who takes part in publishing an execution, and since when a file is new."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import Publishing, Source
from service.domain.freshness import Ruling, Saying, decide
from service.domain.phases import Phase
from service.domain.plan import MAX_SENT_SOURCES, last_settled, plan
from tests.domain.examples import MINUTE_MS, START_MS, an_execution, verified

PIT = "POINT_IN_TIME_CONSISTENT"


def success(number, **changes):
    return an_execution(number, **{"phase": Phase.PUBLISHING, "reconciled": True, "verify_mode": PIT} | changes)


def published(number, **changes):
    own = Publishing((Source(f"exec-{number:017x}", 0, publishes=True),), None)
    return success(
        number,
        **{"phase": Phase.PUBLISHED, "published_at_ms": START_MS, "publishing": own, "reconciled": False} | changes,
    )


def carried(number, **changes):
    return success(number, **{"phase": Phase.CARRIED, "status": "ERROR"} | changes)


def held(number, **changes):
    return success(number, **{"phase": Phase.HELD} | changes)


def roles(publishing):
    """Who takes part, as number: whether its files go out."""
    return {int(s.execution_id.removeprefix("exec-"), 16): s.publishes for s in publishing.sources}


def took_part(execution, *others, publishes):
    """The execution with a plan in which others took part behind it."""
    sources = tuple(Source(o.name.execution_id, o.started_at_ms, publishes=publishes) for o in others)
    own = Source(execution.name.execution_id, execution.started_at_ms, publishes=True)
    return replace(execution, publishing=Publishing((own, *sources), None, cursor="m"))


def test_an_execution_alone_publishes_itself_and_what_was_written_since_it_began():
    assert plan(success(1), []) == Publishing(
        (Source(success(1).name.execution_id, success(1).started_at_ms, publishes=True),), success(1).started_at_ms
    )


def test_carried_executions_are_published_along_in_the_order_in_which_they_started():
    publishing = plan(success(3), [carried(2), carried(1)])
    assert list(roles(publishing).items()) == [(1, True), (2, True), (3, True)]
    assert publishing.fresh_since_ms == carried(1).started_at_ms


def test_a_carried_execution_that_started_later_has_a_say_and_keeps_its_files():
    assert roles(plan(success(1), [carried(2)])) == {1: True, 2: False}


def test_what_was_published_from_a_log_that_never_added_up_is_looked_at_again():
    assert roles(plan(success(2), [published(1)])) == {1: False, 2: True}


def test_only_so_many_of_them_are_looked_at_again():
    siblings = [published(n) for n in range(1, 30)]
    publishing = plan(success(30), siblings)
    assert list(roles(publishing)) == [*range(30 - MAX_SENT_SOURCES, 30), 30]


def test_where_only_transferred_files_are_verified_nothing_published_needs_another_look():
    mode = {"verify_mode": "ONLY_FILES_TRANSFERRED"}
    assert roles(plan(success(3, **mode), [published(1, **mode), carried(2, **mode)])) == {2: True, 3: True}


def test_a_carried_execution_of_another_mode_needs_that_look():
    assert 1 in roles(plan(success(3, verify_mode="ONLY_FILES_TRANSFERRED"), [published(1), carried(2)]))


def test_what_a_reconciled_success_has_published_is_behind_us():
    publishing = plan(success(3), [published(1, reconciled=True), carried(2)])
    assert roles(publishing) == {2: True, 3: True}
    assert publishing.fresh_since_ms == carried(2).started_at_ms


@pytest.mark.parametrize(
    "changes", [{"reconciled": False}, {"reconciled": None}, {"status": "ERROR", "reconciled": True}]
)
def test_only_a_reconciled_success_puts_others_behind_us(changes):
    execution = published(1, **{"reconciled": True} | changes)
    assert last_settled([execution]) is None
    assert plan(success(2), [execution]).fresh_since_ms == execution.started_at_ms


@pytest.mark.parametrize("waiting", [published(1, reconciled=False), held(1), carried(1)])
def test_a_reconciled_success_puts_nothing_behind_us_that_still_waits(waiting):
    # It need not verify again what the one before it has transferred, and a third one may.
    assert last_settled([waiting, published(2, reconciled=True)]) is None
    publishing = plan(success(3), [waiting, published(2, reconciled=True)])
    assert publishing.fresh_since_ms == waiting.started_at_ms


def test_behind_a_discarded_execution_a_reconciled_success_settles_what_went_before():
    newest = published(3, reconciled=True)
    assert last_settled([published(1, reconciled=True), held(2, phase=Phase.DISCARDED), newest]) is newest


@pytest.mark.parametrize("phase", [Phase.HELD, Phase.DISCARDED])
def test_held_and_discarded_executions_have_a_say_and_send_nothing(phase):
    assert roles(plan(success(2), [held(1, phase=phase), held(3, phase=phase)])) == {
        1: False,
        2: True,
        3: False,
    }


def test_messages_that_the_queue_took_from_a_held_execution_ahead_of_its_cursor_are_remembered():
    stuck = took_part(held(2), carried(1), publishes=True)
    stuck = replace(stuck, publishing=replace(stuck.publishing, ahead=("id-1", "id-2")))
    assert plan(success(3), [carried(1), stuck]).ahead == ("id-1", "id-2")


def test_carried_files_that_another_execution_is_just_sending_are_left_to_it():
    sending = took_part(success(3), carried(1), publishes=True)
    assert roles(plan(success(2), [carried(1), sending])) == {1: False, 2: True, 3: False}


def test_what_a_later_execution_has_sent_before_it_was_held_and_released_is_left_to_it():
    released = success(3, publishing=Publishing((), None, cursor="m", ahead=("id-1",)))
    publishing = plan(success(2), [released])
    assert (roles(publishing), publishing.ahead) == ({2: True, 3: False}, ("id-1",))


def test_a_later_execution_that_has_not_begun_to_publish_waits_and_has_no_say():
    assert roles(plan(success(2), [success(3)])) == {2: True}


def test_open_executions_that_are_not_sealed_have_no_say():
    following = [an_execution(n, phase=phase) for n, phase in ((3, Phase.FOLLOWING), (4, Phase.SEALING))]
    assert roles(plan(success(2), following)) == {2: True}


def test_executions_that_started_at_the_same_time_are_told_apart_by_their_names():
    at = {"started_at_ms": START_MS}
    assert list(roles(plan(success(2, **at), [carried(3, **at), carried(1, **at)])).items()) == [
        (1, True),
        (2, True),
        (3, False),
    ]


def test_the_one_that_is_planned_may_be_among_its_siblings_as_it_was_before():
    assert plan(success(1), [success(1, reason="other")]) == plan(success(1), [])


# Executions that were queued: they start, in DataSync's words, when they are asked for.


def test_a_queued_execution_writes_only_once_the_one_before_it_has_ended():
    first = published(1, reconciled=True, ended_at_ms=START_MS + 30 * MINUTE_MS)
    assert plan(success(2), [first]).fresh_since_ms == START_MS + 30 * MINUTE_MS


def test_behind_an_unreconciled_execution_a_queued_one_begins_with_its_end():
    first = published(1, ended_at_ms=START_MS + 30 * MINUTE_MS)
    assert [s.started_at_ms for s in plan(success(2), [first]).sources] == [
        first.started_at_ms,
        START_MS + 30 * MINUTE_MS,
    ]


def test_an_execution_whose_end_is_not_known_shortens_nothing():
    first = published(1, reconciled=True, ended_at_ms=None)
    assert plan(success(2), [first]).fresh_since_ms == success(2).started_at_ms


def test_an_execution_that_left_files_to_a_later_one_does_not_settle_freshness():
    later = carried(2)
    execution = took_part(published(1, reconciled=True), later, publishes=False)
    assert last_settled([execution]) is None
    assert roles(plan(success(3), [execution, later])) == {1: False, 2: True, 3: True}


# Whatever the history, the newest word counts.

PHASES = st.sampled_from([Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED])
SAYINGS = st.builds(
    Saying,
    source=st.just(0),
    verified=st.sampled_from([None, verified()]),
    transferred=st.booleans(),
    failed=st.booleans(),
    deleted=st.booleans(),
).filter(lambda s: any(s[1:]))
HISTORIES = st.lists(
    st.tuples(PHASES, st.sampled_from([PIT, "ONLY_FILES_TRANSFERRED"]), st.booleans(), st.none() | SAYINGS),
    min_size=1,
    max_size=6,
)


@given(HISTORIES, st.data())
def test_no_file_goes_out_that_a_newer_execution_failed_deleted_or_transferred_unverified(history, data):
    ours = data.draw(st.integers(min_value=0, max_value=len(history) - 1))
    executions = [
        success(n, phase=phase, verify_mode=mode, reconciled=reconciled, published_at_ms=START_MS)
        for n, (phase, mode, reconciled, _) in enumerate(history)
    ]
    executions[ours] = replace(executions[ours], phase=Phase.PUBLISHING, published_at_ms=None)
    publishing = plan(executions[ours], executions)
    by_id = {e.name.execution_id: saying for e, (*_, saying) in zip(executions, history, strict=True)}
    sayings = [
        saying._replace(source=place)
        for place, source in enumerate(publishing.sources)
        if (saying := by_id[source.execution_id])
    ]
    if not sayings:
        return
    transfers = [False] * len(publishing.sources)
    decision = decide(sayings, publishing.sources, transfers, publishing.fresh_since_ms)
    newest = sayings[-1]
    assert decision.owner == newest.source
    if decision.ruling is Ruling.CANDIDATE:
        assert newest.verified
        assert not newest.failed
        assert not newest.deleted
        assert publishing.sources[newest.source].publishes
