"""Changes of an execution: each needs the lease, and each stored transition is observed once."""

from dataclasses import replace

import pytest

from service.domain.errors import (
    AccessDeniedError,
    ConflictError,
    CredentialsError,
    NotFoundError,
    RequestRejectedError,
    TransientError,
)
from service.domain.execution import PlanMember, PublishPlan, SendProgress
from service.domain.observations import PhaseChanged, UnknownStatusSeen
from service.domain.phases import ForbiddenTransitionError, Phase, PhaseEvent, Reason
from service.domain.reason_details import reason_detail
from service.leasing.leased_executions import LeasedExecution, LeasedExecutions
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock
from tests.domain.examples import START_MS, an_execution
from tests.fakes.stores import MemoryExecutionStore

MINUTE_MS = 60_000
PLAN = PublishPlan((PlanMember("exec-1", START_MS, publishes=True),), START_MS)
SLOW = TransientError("s3.ListObjectsV2", "slow down")
DENIED = AccessDeniedError("s3.ListObjectsV2", "no access to the bucket landing; allow s3:ListBucket")


class CountingStore(MemoryExecutionStore):
    """Counts what is saved. `error` is raised instead of saving."""

    saves = 0
    error = None

    async def save_owned(self, execution, lease, *, is_transition):
        if self.error:
            raise self.error
        await super().save_owned(execution, lease, is_transition=is_transition)
        self.saves += 1


class Scene:
    """One execution in the store and a worker that may own its lease."""

    def __init__(self, **changes):
        self.execution = an_execution(**changes)
        self.id = self.execution.id
        self.store = CountingStore({self.id: self.execution})
        self.now_ms = START_MS
        self.observed = []
        clock = Clock(lambda: self.now_ms / 1000, lambda: self.now_ms)
        self.leases = OwnedLeases(
            self.store, owner="me", lease_s=1e9, clock_s=clock.monotonic_s, observe=self.observed.append
        )
        self.leased_executions = LeasedExecutions(self.store, self.leases, clock, self.observed.append)

    async def load(self):
        """Acquire the lease unless it is owned, and load the execution."""
        if self.id not in self.leases.names:
            assert await self.leases.acquire(await self.store.read(self.id))
        return await self.leased_executions.load(self.id)

    async def claim_again(self):
        """Acquire the lease again, because an execution that is not active has none, and load the execution."""
        await self.leases.release(self.id)
        return await self.load()

    @property
    def stored(self):
        return self.store.records[self.id]

    def phase_changes(self):
        return [
            (o.previous_phase, o.phase, o.reason, o.reason_detail) for o in self.observed if isinstance(o, PhaseChanged)
        ]


def a_held_execution(*, held_from=Phase.PUBLISHING, reason=Reason.ACCESS_DENIED):
    """Return the changes of an execution that was held at START_MS and is retried a minute later."""
    return {
        "phase": Phase.HELD,
        "reason": reason,
        "reason_detail": "the first sentence",
        "blocked_since_ms": START_MS,
        "blocked_reason": reason,
        "held_from": held_from,
        "retry_at_ms": START_MS + MINUTE_MS,
    }


# load


async def test_execution_is_loaded_as_stored():
    scene = Scene()
    leased = await scene.load()
    assert (leased.id, leased.current, leased.is_resumed) == (scene.id, scene.execution, False)


async def test_unknown_execution_is_not_loaded():
    scene = Scene()
    scene.store.records.clear()
    assert await scene.load() is None


async def test_load_requires_the_lease():
    scene = Scene()
    with pytest.raises(ConflictError):
        await scene.leased_executions.load(scene.id)


# The lease.


CHANGES = {
    "save": lambda leased: leased.save(replace(leased.current, status="ERROR")),
    "save of a transition": lambda leased: leased.save(leased.current.apply(PhaseEvent.SEALED)),
    "transition": lambda leased: leased.transition(PhaseEvent.SEALED),
    "hold": lambda leased: leased.hold(Reason.ACCESS_DENIED, DENIED),
    "block": lambda leased: leased.block(DENIED, Reason.ACCESS_DENIED),
    "confirm": lambda leased: leased.confirm(),
}

HELD_CHANGES = {
    "postpone_retry": lambda leased: leased.postpone_retry(DENIED, None),
    "resume and confirm": lambda leased: leased.resume() or leased.confirm(),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_stolen", [False, True])
async def test_every_change_requires_the_lease(change, is_stolen):
    scene = Scene(blocked_since_ms=START_MS, reason_detail="no access")
    leased = await scene.load()
    if is_stolen:  # The worker does not know it yet; the store does.
        await scene.store.acquire(await scene.store.read(scene.id), "other")
    else:
        await scene.leases.release(scene.id)
    with pytest.raises(ConflictError):
        await CHANGES[change](leased)
    assert (scene.stored, scene.store.saves, scene.observed) == (scene.execution, 0, [])


@pytest.mark.parametrize("change", HELD_CHANGES)
@pytest.mark.parametrize("is_stolen", [False, True])
async def test_every_change_of_a_held_execution_requires_the_lease(change, is_stolen):
    scene = Scene(**a_held_execution())
    leased = await scene.load()
    if is_stolen:
        await scene.store.acquire(await scene.store.read(scene.id), "other")
    else:
        await scene.leases.release(scene.id)
    with pytest.raises(ConflictError):
        await HELD_CHANGES[change](leased)
    assert (scene.stored, scene.store.saves, scene.observed) == (scene.execution, 0, [])


@pytest.mark.parametrize("change", CHANGES)
async def test_change_that_was_not_stored_is_not_observed_and_not_current(change):
    scene = Scene(blocked_since_ms=START_MS, reason_detail="no access")
    leased = await scene.load()
    scene.store.error = TransientError("dynamodb.UpdateItem", "throttled")
    with pytest.raises(TransientError):
        await CHANGES[change](leased)
    assert (scene.stored, scene.observed) == (scene.execution, [])
    assert leased.current.phase is scene.execution.phase


async def test_require_lease_raises_once_the_lease_is_lost():
    scene = Scene()
    leased = await scene.load()
    leased.require_lease()
    await scene.leases.release(scene.id)
    with pytest.raises(ConflictError):
        leased.require_lease()


# save, transition, observe, adopt


async def test_save_without_a_transition_is_not_observed():
    scene = Scene()
    leased = await scene.load()
    changed = replace(scene.execution, files_verified=7)
    await leased.save(changed)
    assert scene.stored == leased.current == changed
    assert scene.observed == []


async def test_transition_is_stored_and_observed_once_with_a_sentence_about_its_reason():
    scene = Scene(files_verified=4)
    leased = await scene.load()
    await leased.transition(PhaseEvent.SEALED, Reason.LOG_INCOMPLETE)
    detail = reason_detail(Reason.LOG_INCOMPLETE, scene.execution)
    assert (scene.stored.phase, scene.stored.reason, scene.stored.reason_detail) == (
        Phase.PUBLISHING,
        Reason.LOG_INCOMPLETE,
        detail,
    )
    assert leased.current == scene.stored
    assert scene.phase_changes() == [(Phase.SEALING, Phase.PUBLISHING, Reason.LOG_INCOMPLETE, detail)]
    assert "FilesVerified 4" in detail
    await leased.save(replace(leased.current, files_verified=5))
    assert len(scene.observed) == 1


async def test_transition_that_is_saved_is_observed_once():
    scene = Scene()
    leased = await scene.load()
    await leased.save(scene.execution.apply(PhaseEvent.SEALED))
    assert scene.phase_changes() == [(Phase.SEALING, Phase.PUBLISHING, None, None)]


async def test_observations_of_a_save_are_reported_once_it_is_stored():
    scene = Scene()
    leased = await scene.load()
    observation = UnknownStatusSeen(scene.execution.ids, "WAITING")
    scene.store.error = TransientError("dynamodb.UpdateItem", "throttled")
    with pytest.raises(TransientError):
        await leased.save(scene.execution.apply(PhaseEvent.SEALED), observation)
    assert scene.observed == []
    scene.store.error = None
    await leased.save(scene.execution.apply(PhaseEvent.SEALED), observation)
    assert scene.observed[0] == observation
    assert [type(each) for each in scene.observed] == [UnknownStatusSeen, PhaseChanged]


async def test_transition_is_observed_with_the_counts_of_what_was_stored():
    scene = Scene(reconciled=True)
    leased = await scene.load()
    await leased.transition(PhaseEvent.SEALED)
    (observation,) = scene.observed
    assert isinstance(observation, PhaseChanged)
    assert (observation.ids, observation.status, observation.reconciled, observation.files) == (
        scene.execution.ids,
        "SUCCESS",
        True,
        scene.stored.file_counts(),
    )


async def test_forbidden_transition_stores_nothing():
    scene = Scene()
    leased = await scene.load()
    with pytest.raises(ForbiddenTransitionError):
        await leased.transition(PhaseEvent.ALL_SENT)
    assert (scene.stored, scene.observed) == (scene.execution, [])


async def test_transition_to_a_final_phase_frees_the_lease():
    scene = Scene()
    leased = await scene.load()
    await leased.transition(PhaseEvent.CARRY, Reason.EXECUTION_ERROR)
    assert (await scene.store.read(scene.id)).owner is None


async def test_other_observations_are_passed_on():
    scene = Scene()
    leased = await scene.load()
    observation = UnknownStatusSeen(scene.execution.ids, "WAITING")
    leased.observe(observation)
    assert scene.observed == [observation]


async def test_adopted_change_is_current_and_stored_already():
    scene = Scene()
    leased = await scene.load()
    extended = replace(scene.execution, expires_at_s=5_000_000_000)
    leased.adopt(extended)
    assert leased.current == extended
    await leased.confirm()
    assert (scene.store.saves, scene.observed) == (0, [])


# hold


@pytest.mark.parametrize(
    ("reason", "error", "is_retried"),
    [
        (Reason.ACCESS_DENIED, DENIED, True),
        (Reason.EXECUTION_NOT_FOUND, NotFoundError("datasync.DescribeTaskExecution", "there is no exec-1"), True),
        (Reason.BUCKET_NOT_FOUND, NotFoundError("s3.ListObjectsV2", "there is no bucket landing"), False),
        (Reason.MESSAGE_REJECTED, RequestRejectedError("sqs.SendMessageBatch", "InvalidMessageContents"), False),
    ],
)
async def test_held_execution_has_the_error_s_own_sentence_and_a_retry_only_if_it_may_help(reason, error, is_retried):
    scene = Scene()
    leased = await scene.load()
    await leased.hold(reason, error)
    assert (scene.stored.phase, scene.stored.reason) == (Phase.HELD, reason)
    assert (scene.stored.reason_detail, scene.stored.held_from) == (error.detail, Phase.SEALING)
    assert scene.stored.blocked_since_ms == START_MS
    assert scene.stored.retry_at_ms == (START_MS + MINUTE_MS if is_retried else None)
    assert scene.phase_changes() == [(Phase.SEALING, Phase.HELD, reason, error.detail)]


async def test_execution_that_is_held_for_a_bug_names_the_error():
    scene = Scene()
    leased = await scene.load()
    await leased.hold(Reason.INTERNAL_ERROR, KeyError("x"))
    assert scene.stored.reason_detail == "internal error: KeyError('x'); the log has the traceback"
    assert scene.stored.retry_at_ms is None


async def test_hold_keeps_the_time_of_the_first_refusal_and_retries_later_the_longer_it_lasts():
    scene = Scene(blocked_since_ms=START_MS - 20 * MINUTE_MS, blocked_reason=Reason.ACCESS_DENIED)
    leased = await scene.load()
    await leased.hold(Reason.ACCESS_DENIED, DENIED)
    assert (scene.stored.blocked_since_ms, scene.stored.blocked_reason) == (
        START_MS - 20 * MINUTE_MS,
        Reason.ACCESS_DENIED,
    )
    assert scene.stored.retry_at_ms == START_MS + 5 * MINUTE_MS


async def test_hold_remembers_the_reason_that_the_execution_had_before():
    scene = Scene(phase=Phase.PUBLISHING, reason=Reason.LOG_INCOMPLETE)
    leased = await scene.load()
    await leased.hold(Reason.ACCESS_DENIED, DENIED)
    assert (scene.stored.reason, scene.stored.reason_before_hold) == (Reason.ACCESS_DENIED, Reason.LOG_INCOMPLETE)


# block


async def test_block_stores_the_error_s_sentence_its_reason_and_the_time_of_the_first_refusal():
    scene = Scene()
    leased = await scene.load()
    await leased.block(DENIED, Reason.ACCESS_DENIED)
    assert scene.stored == replace(
        scene.execution,
        blocked_since_ms=START_MS,
        blocked_reason=Reason.ACCESS_DENIED,
        reason_detail=DENIED.detail,
    )
    assert leased.current == scene.stored
    assert scene.observed == []


@pytest.mark.parametrize("reason", [Reason.ACCESS_DENIED, None])
async def test_block_saves_nothing_if_nothing_has_changed(reason):
    scene = Scene()
    leased = await scene.load()
    for minute in range(5):
        scene.now_ms = START_MS + minute * MINUTE_MS
        await leased.block(DENIED, reason)
    assert scene.store.saves == 1
    assert scene.stored.blocked_since_ms == START_MS


async def test_block_by_another_error_with_the_same_reason_keeps_the_time_of_the_first_refusal():
    scene = Scene()
    leased = await scene.load()
    await leased.block(DENIED, Reason.ACCESS_DENIED)
    scene.now_ms += MINUTE_MS
    await leased.block(AccessDeniedError("s3.HeadObject", "no access to the object"), Reason.ACCESS_DENIED)
    assert (scene.stored.blocked_since_ms, scene.stored.reason_detail) == (START_MS, "no access to the object")
    assert leased.blocked_s == 60.0


@pytest.mark.parametrize("between", [None, Reason.EXECUTION_NOT_FOUND])
async def test_time_of_refusals_goes_on_when_other_errors_come_between(between):
    scene = Scene()
    leased = await scene.load()
    await leased.block(DENIED, Reason.ACCESS_DENIED)
    scene.now_ms += MINUTE_MS
    await leased.block(CredentialsError("s3.HeadObject", "the credentials have expired"), between)
    scene.now_ms += MINUTE_MS
    await leased.block(DENIED, Reason.ACCESS_DENIED)
    assert (scene.stored.blocked_since_ms, scene.stored.reason_detail) == (START_MS, DENIED.detail)
    assert leased.blocked_s == 120.0


async def test_time_before_the_first_refusal_that_holds_is_not_counted():
    scene = Scene()
    leased = await scene.load()
    await leased.block(CredentialsError("s3.HeadObject", "the credentials have expired"), None)
    scene.now_ms += 20 * MINUTE_MS
    assert leased.blocked_s == 0.0
    await leased.block(DENIED, Reason.ACCESS_DENIED)
    scene.now_ms += MINUTE_MS
    assert leased.blocked_s == 60.0


async def test_execution_that_is_not_blocked_has_been_blocked_for_no_time():
    scene = Scene()
    leased = await scene.load()
    scene.now_ms += MINUTE_MS
    assert leased.blocked_s == 0.0


# Retries of a HELD execution.


async def test_held_execution_is_due_from_the_time_of_its_retry_on():
    scene = Scene(**a_held_execution())
    leased = await scene.load()
    scene.now_ms = START_MS + MINUTE_MS - 1
    assert not leased.is_due_for_retry
    scene.now_ms += 1
    assert leased.is_due_for_retry


@pytest.mark.parametrize("changes", [{}, {**a_held_execution(), "retry_at_ms": None}])
async def test_execution_without_a_time_of_a_retry_is_never_due(changes):
    scene = Scene(**changes)
    leased = await scene.load()
    scene.now_ms += 1000 * MINUTE_MS
    assert not leased.is_due_for_retry


async def test_postponed_execution_is_due_later_and_keeps_its_sentence():
    scene = Scene(**a_held_execution())
    leased = await scene.load()
    scene.now_ms = START_MS + 20 * MINUTE_MS
    assert leased.is_due_for_retry
    await leased.postpone_retry(SLOW, None)
    assert scene.stored == leased.current == replace(scene.execution, retry_at_ms=START_MS + 25 * MINUTE_MS)
    assert not leased.is_due_for_retry
    assert scene.observed == []


@pytest.mark.parametrize(
    ("blocked_min", "pause_min"), [(0, 1), (1, 1), (4, 1), (8, 2), (20, 5), (60, 15), (24 * 60, 15)]
)
async def test_pause_before_a_held_execution_is_retried_grows_from_one_to_fifteen_minutes(blocked_min, pause_min):
    scene = Scene(**a_held_execution())
    leased = await scene.load()
    scene.now_ms = START_MS + blocked_min * MINUTE_MS
    await leased.postpone_retry(SLOW, None)
    assert scene.stored.retry_at_ms - scene.now_ms == pause_min * MINUTE_MS


async def test_execution_that_is_not_held_is_not_postponed():
    scene = Scene()
    leased = await scene.load()
    await leased.postpone_retry(SLOW, None)
    assert (scene.stored, scene.store.saves) == (scene.execution, 0)


async def test_retry_that_fails_for_another_reason_shows_that_one():
    scene = Scene(**a_held_execution())
    leased = await scene.load()
    other = AccessDeniedError("logs.GetLogEvents", "no access; allow logs:GetLogEvents")
    await leased.postpone_retry(other, Reason.ACCESS_DENIED)
    assert (scene.stored.reason, scene.stored.reason_detail) == (Reason.ACCESS_DENIED, other.detail)
    gone = NotFoundError("s3.ListObjectsV2", "there is no bucket landing")
    await scene.leases.release(scene.id)
    leased = await scene.load()
    await leased.postpone_retry(gone, Reason.BUCKET_NOT_FOUND)
    assert (scene.stored.reason, scene.stored.reason_detail) == (Reason.BUCKET_NOT_FOUND, gone.detail)
    assert scene.stored.retry_at_ms is None


# resume


@pytest.mark.parametrize("held_from", [Phase.FOLLOWING, Phase.SEALING, Phase.PUBLISHING])
async def test_resumed_execution_stays_held_in_the_store_until_it_is_confirmed(held_from):
    scene = Scene(**a_held_execution(held_from=held_from))
    leased = await scene.load()
    leased.resume()
    assert (leased.current.phase, leased.is_resumed) == (held_from, True)
    observation = UnknownStatusSeen(scene.execution.ids, "WAITING")
    await leased.save(replace(leased.current, files_verified=7), observation)
    assert (leased.current.files_verified, leased.is_resumed) == (7, True)
    assert (scene.stored, scene.observed) == (scene.execution, [])
    await leased.confirm()
    assert (scene.stored.phase, scene.stored.files_verified, leased.is_resumed) == (held_from, 7, False)
    assert (scene.stored.held_from, scene.stored.retry_at_ms, scene.stored.reason) == (None, None, None)
    assert (scene.stored.blocked_since_ms, scene.stored.reason_detail) == (None, None)
    assert scene.observed[0] is observation
    assert [change[:2] for change in scene.phase_changes()] == [(Phase.HELD, held_from)]


async def test_resumed_execution_that_is_over_is_stored_at_once():
    scene = Scene(**a_held_execution(held_from=Phase.PUBLISHING))
    leased = await scene.load()
    leased.resume()
    await leased.transition(PhaseEvent.ALL_SENT)
    assert scene.stored.phase is Phase.PUBLISHED
    assert [change[:2] for change in scene.phase_changes()] == [(Phase.HELD, Phase.PUBLISHED)]


async def test_resumed_execution_publishes_with_a_new_plan():
    scene = Scene(**a_held_execution(held_from=Phase.PUBLISHING), plan=PLAN, progress=SendProgress("m"))
    leased = await scene.load()
    leased.resume()
    assert (leased.current.plan, leased.current.progress) == (None, SendProgress("m"))


async def test_resumed_replay_keeps_its_plan():
    held = {**a_held_execution(held_from=Phase.PUBLISHING), "plan": PLAN, "replay": an_execution().replay.start_next()}
    scene = Scene(**held)
    leased = await scene.load()
    leased.resume()
    assert leased.current.plan == PLAN


async def test_resumed_execution_keeps_the_reason_that_it_had_before_to_the_end():
    scene = Scene(phase=Phase.PUBLISHING, reason=Reason.LOG_INCOMPLETE, files_verified=4)
    detail = reason_detail(Reason.LOG_INCOMPLETE, scene.execution)
    leased = await scene.load()
    await leased.hold(Reason.ACCESS_DENIED, DENIED)
    leased = await scene.claim_again()
    leased.resume()
    assert (leased.current.reason, leased.current.reason_detail) == (Reason.LOG_INCOMPLETE, detail)
    await leased.confirm()
    assert (scene.stored.phase, scene.stored.reason, scene.stored.reason_detail) == (
        Phase.PUBLISHING,
        Reason.LOG_INCOMPLETE,
        detail,
    )
    assert scene.stored.reason_before_hold is None
    assert scene.phase_changes() == [
        (Phase.PUBLISHING, Phase.HELD, Reason.ACCESS_DENIED, DENIED.detail),
        (Phase.HELD, Phase.PUBLISHING, Reason.LOG_INCOMPLETE, detail),
    ]


async def test_execution_that_was_never_held_is_not_resumed():
    scene = Scene()
    leased = await scene.load()
    leased.resume()
    assert (leased.current, leased.is_resumed) == (scene.execution, False)


# confirm


async def test_confirm_clears_the_refusal():
    scene = Scene(blocked_since_ms=START_MS, blocked_reason=Reason.ACCESS_DENIED, reason_detail="no access")
    leased = await scene.load()
    await leased.confirm()
    assert scene.stored == replace(scene.execution, blocked_since_ms=None, blocked_reason=None, reason_detail=None)
    assert leased.current == scene.stored
    assert scene.observed == []


async def test_confirm_restores_the_sentence_about_the_reason():
    scene = Scene(phase=Phase.PUBLISHING, reason=Reason.LOG_INCOMPLETE, files_verified=4)
    leased = await scene.load()
    await leased.block(DENIED, Reason.ACCESS_DENIED)
    assert scene.stored.reason_detail == DENIED.detail
    await leased.confirm()
    assert scene.stored.reason_detail == reason_detail(Reason.LOG_INCOMPLETE, scene.execution)


async def test_transition_of_a_blocked_execution_keeps_the_sentence_about_its_reason():
    scene = Scene(blocked_since_ms=START_MS, reason_detail="no access", files_verified=4)
    leased = await scene.load()
    await leased.transition(PhaseEvent.SEALED, Reason.LOG_INCOMPLETE)
    await leased.confirm()
    assert scene.stored.reason_detail == reason_detail(Reason.LOG_INCOMPLETE, scene.execution)
    assert scene.stored.blocked_since_ms is None


async def test_confirm_stores_that_a_resumed_execution_goes_on():
    scene = Scene(**a_held_execution())
    leased = await scene.load()
    leased.resume()
    await leased.confirm()
    assert (scene.stored.phase, scene.stored.reason, scene.stored.reason_detail) == (Phase.PUBLISHING, None, None)
    assert (scene.stored.held_from, scene.stored.retry_at_ms, scene.stored.blocked_since_ms) == (None, None, None)
    assert scene.phase_changes() == [(Phase.HELD, Phase.PUBLISHING, None, None)]


async def test_confirm_saves_nothing_if_nothing_was_blocked():
    scene = Scene(reason_detail="a sentence that stays")
    leased = await scene.load()
    await leased.confirm()
    assert (scene.stored, scene.store.saves) == (scene.execution, 0)


async def test_confirm_leaves_a_held_execution_as_it_is():
    scene = Scene()
    leased = await scene.load()
    await leased.hold(Reason.ACCESS_DENIED, DENIED)
    held, saves = scene.stored, scene.store.saves
    await LeasedExecution(held, scene.leased_executions).confirm()
    assert (scene.stored, scene.store.saves) == (held, saves)
