"""The steps of one execution, and each action of the error policy. `test_held_retries.py` has the real steps."""

from dataclasses import replace

import pytest

from service.domain.error_policy import (
    MAX_PERMANENT_FAILURES,
    NOT_FOUND_PATIENCE_S,
    RESOURCE_OF,
    Resource,
    blocks,
)
from service.domain.errors import (
    ERROR_KINDS,
    AccessDeniedError,
    ConflictError,
    CredentialsError,
    NotFoundError,
    RequestRejectedError,
    TransientError,
)
from service.domain.observations import PhaseChanged, TickFailed, tick_failed
from service.domain.options import DAY_S, WorkerOptions
from service.domain.phases import ACTIVE_PHASES, Phase, PhaseEvent, Reason
from service.domain.reason_details import reason_detail
from service.leasing.leased_executions import LeasedExecutions
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock
from service.worker.execution_runner import ExecutionRunner
from service.worker.retention import RetentionExtension
from tests.domain.examples import START_MS, an_execution
from tests.fakes.stores import MemoryExecutionStore, MemoryFactStore, MemoryOutcomeStore

OPTIONS = WorkerOptions()
DEADLINE_S = OPTIONS.seal_deadline_s
PAUSE_S = 7.0
OPERATION_OF = {resource: operation for operation, resource in RESOURCE_OF.items()}
"""An operation on each kind of resource."""

DENIED = AccessDeniedError("logs.GetLogEvents", "no access to the log group; allow logs:GetLogEvents")


class Scene:
    """An execution, a worker that owns its lease, and a runner whose step does what the test says.

    Each step raises `error`, if that is set, and otherwise calls `change` with the leased execution.
    """

    def __init__(self, phase=Phase.FOLLOWING, **changes):
        self.execution = an_execution(phase=phase, **changes)
        self.id = self.execution.id
        self.store = MemoryExecutionStore({self.id: self.execution})
        self.now_ms = START_MS
        self.observed, self.steps = [], []
        self.error = self.change = None
        self.has_unsaved_sends = False
        self.clock = Clock(lambda: self.now_ms / 1000, lambda: self.now_ms)
        self.leases = OwnedLeases(
            self.store, owner="me", lease_s=1e9, clock_s=self.clock.monotonic_s, observe=self.observed.append
        )
        self.facts = MemoryFactStore()
        self.runner = None

    async def claim(self):
        """Acquire the lease and return the scene with a new runner."""
        assert await self.leases.acquire(await self.store.read(self.id))
        now_ms, observe = self.clock.now_ms, self.observed.append
        self.runner = ExecutionRunner(
            self.id,
            LeasedExecutions(self.store, self.leases, self.clock, observe),
            dict.fromkeys(ACTIVE_PHASES, self.step),
            RetentionExtension(
                self.store,
                self.facts,
                MemoryOutcomeStore(),
                retention_s=OPTIONS.retention_s,
                now_ms=now_ms,
                observe=observe,
            ),
            seal_deadline_s=OPTIONS.seal_deadline_s,
            has_unsaved_sends=lambda: self.has_unsaved_sends,
        )
        return self

    async def step(self, leased):
        self.steps.append(leased.current)
        if self.error:
            raise self.error.with_traceback(None)
        if self.change:
            await self.change(leased)
        return PAUSE_S

    async def fail(self, error):
        """Do a tick whose step raises; return whether the runner will retry it."""
        self.error = error
        try:
            pause_s = await self.runner.tick()
        except type(error):
            return True
        assert pause_s is None
        return False

    async def fail_for(self, error, seconds, *, interval_s=60.0):
        """Do ticks whose steps raise, until the runner ends or that time has passed; return the time that passed."""
        started_ms = self.now_ms
        while await self.fail(error) and self.now_ms - started_ms < seconds * 1000:
            self.now_ms += round(interval_s * 1000)
        return (self.now_ms - started_ms) / 1000

    async def succeed(self):
        self.error = None
        return await self.runner.tick()

    @property
    def stored(self):
        return self.store.records[self.id]

    def phase_changes(self):
        return [
            (o.previous_phase, o.phase, o.reason, o.reason_detail) for o in self.observed if isinstance(o, PhaseChanged)
        ]

    def failures(self):
        return [observation for observation in self.observed if isinstance(observation, TickFailed)]

    def final_failure(self, error):
        """Return the observation of an error after which the runner ends."""
        return tick_failed("execution", error, retry_in_s=None, execution_id=self.id)


# Steps.


@pytest.mark.parametrize("phase", sorted(ACTIVE_PHASES))
async def test_step_of_the_phase_is_taken_and_its_pause_returned(phase):
    scene = await Scene(phase).claim()
    assert await scene.runner.tick() == PAUSE_S
    assert [execution.phase for execution in scene.steps] == [phase]
    assert (scene.stored, scene.observed) == (scene.execution, [])


async def test_next_step_continues_with_what_the_last_one_saved_without_loading_it_again():
    scene = await Scene().claim()

    async def end(leased):
        await leased.save(leased.current.apply(PhaseEvent.ENDED))

    scene.change = end
    await scene.runner.tick()
    scene.store.records.clear()
    scene.change = None
    assert await scene.runner.tick() == PAUSE_S
    assert [execution.phase for execution in scene.steps] == [Phase.FOLLOWING, Phase.SEALING]


async def test_step_after_a_failure_starts_from_what_is_stored():
    scene = await Scene().claim()
    await scene.runner.tick()
    assert await scene.fail(TransientError("logs.GetLogEvents", "slow"))
    scene.store.records[scene.id] = an_execution(phase=Phase.HELD)
    assert await scene.succeed() is None
    assert len(scene.steps) == 2


@pytest.mark.parametrize("phase", [Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED])
async def test_execution_that_is_not_active_needs_no_step(phase):
    scene = await Scene(phase).claim()
    assert await scene.runner.tick() is None
    assert scene.steps == []


async def test_step_after_which_the_execution_is_not_active_is_the_last():
    scene = await Scene(Phase.SEALING).claim()

    async def carry(leased):
        await leased.transition(PhaseEvent.CARRY, Reason.EXECUTION_ERROR)

    scene.change = carry
    assert await scene.runner.tick() is None
    assert scene.stored.phase is Phase.CARRIED


async def test_execution_that_is_gone_needs_no_step():
    scene = await Scene().claim()
    scene.store.records.clear()
    assert await scene.runner.tick() is None
    assert scene.steps == []


async def test_execution_that_disappears_during_a_failed_step_ends_its_runner():
    scene = await Scene().claim()

    async def disappear(_):
        scene.store.records.clear()
        raise DENIED

    scene.change = disappear
    assert await scene.runner.tick() is None
    assert scene.observed == [scene.final_failure(DENIED)]


async def test_retention_is_extended_before_the_next_step():
    now_s = START_MS // 1000
    scene = await Scene(expires_at_s=now_s + 10 * DAY_S).claim()
    while not scene.steps:
        await scene.runner.tick()
    assert scene.stored.expires_at_s == scene.steps[0].expires_at_s == now_s + 30 * DAY_S
    assert replace(scene.stored, expires_at_s=scene.execution.expires_at_s) == scene.execution


async def test_unsaved_sends_are_those_of_the_publisher():
    scene = await Scene().claim()
    assert not scene.runner.has_unsaved_sends()
    scene.has_unsaved_sends = True
    assert scene.runner.has_unsaved_sends()


# LET_GO: another worker owns the execution.


async def test_runner_without_the_lease_ends_without_a_step():
    scene = await Scene().claim()
    await scene.leases.release(scene.id)
    assert await scene.runner.tick() is None
    assert scene.steps == []


async def test_runner_that_loses_the_lease_between_two_steps_ends():
    scene = await Scene().claim()
    await scene.runner.tick()
    await scene.leases.release(scene.id)
    assert await scene.runner.tick() is None
    assert len(scene.steps) == 1


async def test_conflict_ends_the_runner_and_stores_nothing():
    scene = await Scene().claim()
    assert not await scene.fail(ConflictError("dynamodb.UpdateItem", "another worker owns the lease"))
    assert (scene.stored, scene.observed) == (scene.execution, [])


async def test_conflict_on_another_execution_s_record_ends_the_runner_and_stores_nothing():
    scene = await Scene(
        Phase.PUBLISHING, blocked_since_ms=START_MS, blocked_reason=Reason.ACCESS_DENIED, reason_detail="no access"
    ).claim()
    assert not await scene.fail(ConflictError("dynamodb.TransactWriteItems", "the carried execution has changed"))
    assert (scene.stored, scene.observed) == (scene.execution, [])


# RETRY: the deployment's own resources, and everything that passes.

PASSING_KINDS = ("transient", "not_found", "credentials", "access_denied")


@pytest.mark.parametrize("phase", sorted(ACTIVE_PHASES))
@pytest.mark.parametrize("kind", PASSING_KINDS)
async def test_error_of_the_execution_s_own_item_never_holds_it_and_is_not_stored(kind, phase):
    scene = await Scene(phase).claim()
    error = ERROR_KINDS[kind]("dynamodb.UpdateItem", "no")
    await scene.fail_for(error, DAY_S)
    assert len(scene.steps) > 1000
    assert (scene.stored, scene.observed) == (scene.execution, [])
    assert await scene.succeed() == PAUSE_S


async def test_refused_write_of_the_facts_is_shown_and_holds_nothing():
    scene = await Scene().claim()
    error = ERROR_KINDS["access_denied"]("dynamodb.BatchWriteItem", "no access to the table")
    await scene.fail_for(error, DAY_S)
    assert (scene.stored.phase, scene.stored.reason_detail) == (Phase.FOLLOWING, "no access to the table")
    assert await scene.succeed() == PAUSE_S
    assert scene.stored.reason_detail is None


@pytest.mark.parametrize("resource", [Resource.TABLE, Resource.QUEUE])
@pytest.mark.parametrize("kind", PASSING_KINDS)
async def test_error_of_the_deployment_holds_nothing_even_if_a_refusal_has_lasted_longer_than_the_deadline(
    kind, resource
):
    scene = await Scene(
        blocked_since_ms=START_MS - 2 * round(DEADLINE_S * 1000),
        blocked_reason=Reason.ACCESS_DENIED,
        reason_detail="no access",
    ).claim()
    await scene.fail_for(ERROR_KINDS[kind](OPERATION_OF[resource], "no"), DEADLINE_S)
    assert scene.stored.phase is Phase.FOLLOWING
    assert scene.observed == []


@pytest.mark.parametrize("resource", [Resource.QUEUE, Resource.TASK_LIST, Resource.TOPIC])
@pytest.mark.parametrize("kind", ["not_found", "credentials", "access_denied"])
async def test_error_of_the_deployment_s_other_resources_is_shown_and_holds_nothing(resource, kind):
    scene = await Scene(Phase.PUBLISHING).claim()
    error = ERROR_KINDS[kind](OPERATION_OF[resource], "what a person must do")
    assert await scene.fail(error)
    blocked = replace(scene.execution, blocked_since_ms=START_MS, reason_detail="what a person must do")
    assert scene.stored == blocked
    await scene.fail_for(error, DAY_S)
    assert scene.stored == blocked
    assert await scene.succeed() == PAUSE_S
    assert (scene.stored, scene.observed) == (scene.execution, [])


@pytest.mark.parametrize("resource", Resource)
async def test_credentials_error_never_holds_an_execution(resource):
    scene = await Scene().claim()
    error = CredentialsError(OPERATION_OF[resource], "the credentials have expired")
    await scene.fail_for(error, DAY_S)
    assert (scene.stored.phase, scene.stored.reason) == (Phase.FOLLOWING, None)
    assert (scene.stored.reason_detail == error.detail) == blocks(error) == (resource is not Resource.TABLE)
    assert await scene.succeed() == PAUSE_S
    assert scene.stored == scene.execution


@pytest.mark.parametrize("resource", Resource)
async def test_transient_error_neither_holds_nor_shows(resource):
    scene = await Scene().claim()
    await scene.fail_for(TransientError(OPERATION_OF[resource], "slow down"), DAY_S)
    assert (scene.stored, scene.observed) == (scene.execution, [])


# HOLD_AFTER_DEADLINE: access to a task's own resources.


@pytest.mark.parametrize("resource", [Resource.EXECUTION, Resource.LOG, Resource.BUCKET])
async def test_access_denied_is_shown_from_the_first_refusal_on_and_held_after_the_deadline(resource):
    scene = await Scene().claim()
    denied = AccessDeniedError(OPERATION_OF[resource], "no access; allow it")
    assert await scene.fail(denied)
    assert (scene.stored.phase, scene.stored.reason_detail) == (Phase.FOLLOWING, "no access; allow it")
    scene.now_ms += round(DEADLINE_S * 1000) - 1
    assert await scene.fail(denied)
    assert (scene.stored.phase, scene.observed) == (Phase.FOLLOWING, [])
    scene.now_ms += 1
    assert not await scene.fail(denied)
    assert (scene.stored.phase, scene.stored.reason) == (Phase.HELD, Reason.ACCESS_DENIED)
    assert (scene.stored.held_from, scene.stored.blocked_since_ms) == (Phase.FOLLOWING, START_MS)
    assert scene.stored.retry_at_ms > scene.now_ms
    assert scene.failures() == [scene.final_failure(denied)]
    assert scene.phase_changes() == [(Phase.FOLLOWING, Phase.HELD, Reason.ACCESS_DENIED, "no access; allow it")]


async def test_success_between_two_refusals_restarts_the_deadline():
    scene = await Scene().claim()
    assert await scene.fail(DENIED)
    scene.now_ms += round(DEADLINE_S * 1000) - 1
    await scene.succeed()
    assert scene.stored == scene.execution
    scene.now_ms += 1
    assert await scene.fail(DENIED)
    assert (scene.stored.phase, scene.stored.blocked_since_ms) == (Phase.FOLLOWING, scene.now_ms)


OTHER_REFUSALS = [
    CredentialsError("logs.GetLogEvents", "the credentials have expired"),
    CredentialsError("sqs.SendMessageBatch", "the credentials have expired"),
    AccessDeniedError("sqs.SendMessageBatch", "no access to the queue"),
    NotFoundError("sqs.SendMessageBatch", "there is no queue"),
]


@pytest.mark.parametrize("other", OTHER_REFUSALS)
async def test_deadline_counts_from_the_first_refusal_of_access_to_the_task_s_resources(other):
    scene = await Scene().claim()
    assert await scene.fail_for(other, 20 * 60) == 20 * 60
    assert await scene.fail(DENIED)
    assert (scene.stored.phase, scene.stored.reason_detail) == (Phase.FOLLOWING, DENIED.detail)
    assert (scene.stored.blocked_since_ms, scene.stored.blocked_reason) == (scene.now_ms, Reason.ACCESS_DENIED)
    assert await scene.fail_for(DENIED, 2 * DEADLINE_S) == DEADLINE_S
    assert (scene.stored.phase, scene.stored.reason) == (Phase.HELD, Reason.ACCESS_DENIED)


async def test_refusals_of_different_kinds_hold_together():
    scene = await Scene().claim()
    expired = CredentialsError(DENIED.operation, "the credentials have expired")
    for error in (DENIED, expired, NOT_FOUND) * 4:
        scene.now_ms += round(DEADLINE_S * 1000 / 12)
        if not await scene.fail(error):
            break
    assert scene.stored.phase is Phase.HELD
    assert scene.now_ms - START_MS <= DEADLINE_S * 1000


async def test_deadline_goes_on_when_another_worker_takes_over():
    scene = await Scene().claim()
    assert await scene.fail(DENIED)
    scene.now_ms += round(DEADLINE_S * 1000)
    await scene.leases.release(scene.id)
    await scene.claim()
    assert not await scene.fail(DENIED)
    assert (scene.stored.phase, scene.stored.reason) == (Phase.HELD, Reason.ACCESS_DENIED)


# HOLD_AFTER_PATIENCE: an execution that DataSync does not know.

NOT_FOUND = NotFoundError("datasync.DescribeTaskExecution", "there is no such execution")


async def test_execution_that_datasync_does_not_know_is_held_after_five_minutes():
    scene = await Scene().claim()
    assert await scene.fail(NOT_FOUND)
    assert (scene.stored.phase, scene.stored.reason_detail) == (Phase.FOLLOWING, NOT_FOUND.detail)
    scene.now_ms += round(NOT_FOUND_PATIENCE_S * 1000) - 1
    assert await scene.fail(NOT_FOUND)
    assert scene.stored.phase is Phase.FOLLOWING
    scene.now_ms += 1
    assert not await scene.fail(NOT_FOUND)
    assert scene.stored.retry_at_ms is not None
    assert scene.failures() == [scene.final_failure(NOT_FOUND)]
    assert scene.phase_changes() == [
        (Phase.FOLLOWING, Phase.HELD, Reason.EXECUTION_NOT_FOUND, "there is no such execution")
    ]
    assert NOT_FOUND_PATIENCE_S == 300.0


async def test_one_wrong_answer_holds_nothing():
    scene = await Scene().claim()
    assert await scene.fail(NOT_FOUND)
    scene.now_ms += 60_000
    assert await scene.succeed() == PAUSE_S
    assert (scene.stored, scene.observed) == (scene.execution, [])


# HOLD_NOW: no retry can help.


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RequestRejectedError("sqs.SendMessageBatch", "InvalidMessageContents: #x1"), Reason.MESSAGE_REJECTED),
        (NotFoundError("s3.ListObjectsV2", "there is no bucket landing"), Reason.BUCKET_NOT_FOUND),
    ],
)
async def test_error_that_no_retry_can_cure_holds_at_once_with_its_own_sentence(error, reason):
    scene = await Scene(Phase.PUBLISHING).claim()
    assert not await scene.fail(error)
    assert (scene.stored.phase, scene.stored.reason, scene.stored.retry_at_ms) == (Phase.HELD, reason, None)
    assert scene.phase_changes() == [(Phase.PUBLISHING, Phase.HELD, reason, error.detail)]
    assert scene.failures() == [scene.final_failure(error)]
    assert (await scene.store.read(scene.id)).owner is None


# HOLD_WHEN_REPEATED: bugs.

BUGS = [ValueError("x"), KeyError("y"), RequestRejectedError("dynamodb.PutItem", "ValidationException")]


@pytest.mark.parametrize("bug", BUGS)
async def test_five_bugs_in_a_row_hold_the_execution(bug):
    scene = await Scene().claim()
    assert [await scene.fail(bug) for _ in range(5)] == [True] * 4 + [False]
    assert (scene.stored.phase, scene.stored.reason, scene.stored.retry_at_ms) == (
        Phase.HELD,
        Reason.INTERNAL_ERROR,
        None,
    )
    ((previous_phase, phase, reason, detail),) = scene.phase_changes()
    assert (previous_phase, phase, reason) == (Phase.FOLLOWING, Phase.HELD, Reason.INTERNAL_ERROR)
    assert detail == getattr(bug, "detail", f"internal error: {bug!r}; the log has the traceback")
    (failure,) = scene.failures()
    assert failure == scene.final_failure(bug)
    assert failure.kind == getattr(bug, "kind", "internal")
    assert failure.error.__traceback__ is not None
    assert MAX_PERMANENT_FAILURES == 5


@pytest.mark.parametrize("bug", BUGS[:2])
async def test_bug_is_not_shown_before_it_holds(bug):
    scene = await Scene().claim()
    for _ in range(4):
        await scene.fail(bug)
    assert (scene.stored, scene.observed) == (scene.execution, [])


async def test_success_between_bugs_restarts_their_count():
    scene = await Scene().claim()
    for _ in range(4):
        assert await scene.fail(BUGS[0])
    await scene.succeed()
    for _ in range(4):
        assert await scene.fail(BUGS[0])
    assert not await scene.fail(BUGS[0])
    assert scene.stored.reason is Reason.INTERNAL_ERROR


@pytest.mark.parametrize("between", [TransientError("logs.GetLogEvents", "slow"), DENIED])
async def test_other_errors_between_bugs_do_not_restart_their_count(between):
    scene = await Scene().claim()
    for _ in range(4):
        assert await scene.fail(BUGS[0])
        assert await scene.fail(between)
    assert not await scene.fail(BUGS[0])
    assert scene.stored.reason is Reason.INTERNAL_ERROR


async def test_bug_in_loading_an_execution_is_raised():
    scene = await Scene().claim()

    async def fail(_):
        raise KeyError("x")

    scene.store.get = fail
    with pytest.raises(KeyError):
        await scene.runner.tick()


# A HELD execution that is retried.


def a_held_scene(held_from=Phase.PUBLISHING, reason_before_hold=None):
    return Scene(
        Phase.HELD,
        reason=Reason.ACCESS_DENIED,
        reason_before_hold=reason_before_hold,
        reason_detail="no access; allow it",
        blocked_since_ms=START_MS - 900_000,
        blocked_reason=Reason.ACCESS_DENIED,
        held_from=held_from,
        retry_at_ms=START_MS,
    )


@pytest.mark.parametrize("held_from", sorted(ACTIVE_PHASES))
async def test_retried_execution_takes_the_step_of_the_phase_in_which_it_was_held(held_from):
    scene = await a_held_scene(held_from).claim()
    assert await scene.succeed() == PAUSE_S
    assert [execution.phase for execution in scene.steps] == [held_from]
    assert (scene.stored.phase, scene.stored.reason, scene.stored.reason_detail) == (held_from, None, None)
    assert (scene.stored.blocked_since_ms, scene.stored.retry_at_ms, scene.stored.held_from) == (None, None, None)
    assert scene.phase_changes() == [(Phase.HELD, held_from, None, None)]


async def test_retried_execution_has_the_reason_again_that_it_had_before_it_was_held():
    scene = await a_held_scene(reason_before_hold=Reason.LOG_INCOMPLETE).claim()
    assert await scene.succeed() == PAUSE_S
    assert (scene.stored.phase, scene.stored.reason) == (Phase.PUBLISHING, Reason.LOG_INCOMPLETE)
    assert scene.stored.reason_detail == reason_detail(Reason.LOG_INCOMPLETE, scene.execution)


async def test_held_execution_whose_retry_is_not_due_needs_no_step():
    scene = await a_held_scene().claim()
    scene.now_ms = START_MS - 1
    assert await scene.succeed() is None
    assert (scene.steps, scene.stored, scene.observed) == ([], scene.execution, [])
    scene.now_ms = START_MS
    assert await scene.succeed() == PAUSE_S
    assert len(scene.steps) == 1


RETRY_ERRORS = [
    DENIED,
    TransientError("s3.ListObjectsV2", "slow down"),
    TransientError("dynamodb.Query", "throttled"),
    CredentialsError("s3.ListObjectsV2", "the credentials have expired"),
    NotFoundError("s3.ListObjectsV2", "there is no bucket"),
    ValueError("x"),
]


@pytest.mark.parametrize("error", RETRY_ERRORS)
async def test_retry_that_fails_leaves_the_execution_held_and_shows_why(error):
    scene = await a_held_scene().claim()
    assert not await scene.fail(error)
    retry_at_ms = START_MS + 225_000  # A quarter of the time for which it has been refused.
    is_shown = isinstance(error, AccessDeniedError | CredentialsError | NotFoundError)
    assert scene.stored.reason_detail == (error.detail if is_shown else scene.execution.reason_detail)
    if isinstance(error, NotFoundError):  # A person must act.
        assert (scene.stored.reason, scene.stored.retry_at_ms) == (Reason.BUCKET_NOT_FOUND, None)
    else:
        assert (scene.stored.reason, scene.stored.retry_at_ms) == (Reason.ACCESS_DENIED, retry_at_ms)
    assert scene.observed == [scene.final_failure(error)]
    assert scene.observed[0].kind == getattr(error, "kind", "internal")


async def test_retry_ends_when_another_worker_owns_the_execution():
    scene = await a_held_scene().claim()
    assert not await scene.fail(ConflictError("dynamodb.UpdateItem", "another worker owns the lease"))
    assert (scene.stored, scene.observed) == (scene.execution, [])


async def test_retry_that_fails_after_a_save_stores_nothing_of_it():
    scene = await a_held_scene(Phase.FOLLOWING).claim()

    async def save_and_fail(leased):
        await leased.save(leased.current.apply(PhaseEvent.ENDED))
        raise DENIED

    scene.change = save_and_fail
    assert await scene.runner.tick() is None
    assert scene.failures() == [scene.final_failure(DENIED)]
    assert (scene.stored.phase, scene.stored.held_from) == (Phase.HELD, Phase.FOLLOWING)
    assert scene.phase_changes() == []


async def test_error_whose_treatment_cannot_be_stored_is_retried():
    scene = await Scene().claim()
    await scene.runner.tick()
    save_owned = scene.store.save_owned

    async def fail(*_, **__):
        raise TransientError("dynamodb.UpdateItem", "throttled")

    scene.store.save_owned, scene.error = fail, DENIED
    with pytest.raises(TransientError):
        await scene.runner.tick()
    assert scene.stored == scene.execution
    scene.store.save_owned = save_owned
    assert await scene.fail(DENIED)
    assert scene.stored.reason_detail == DENIED.detail
