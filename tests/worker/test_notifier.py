"""Notifications of transitions: each at least once, in order, and without delaying the files."""

import json
from dataclasses import dataclass, field

import pytest

from service.domain.errors import (
    AccessDeniedError,
    CredentialsError,
    NotFoundError,
    RequestRejectedError,
    TransientError,
)
from service.domain.observations import NotificationSent, TickFailed
from service.domain.options import OnError
from service.domain.phases import ACTIVE_PHASES, Phase, PhaseEvent, Reason
from service.domain.views import execution_view
from service.operations.commands import OperatorCommands
from service.worker.notifier import MAX_PER_TICK, REJECTED_RETRY_S
from tests.domain.examples import an_execution
from tests.fakes.services import MemoryTopic
from tests.fakes.world import Worker, World

POLL_INTERVAL_S = 15.0
TOPIC_ERRORS = [TransientError, NotFoundError, AccessDeniedError, CredentialsError]


@dataclass
class FlakyTopic(MemoryTopic):
    """A topic that raises `error`, if that is set. `calls` are the execution ids of all calls."""

    error: Exception | None = None
    calls: list[str] = field(default_factory=list)

    async def publish(self, notification):
        self.calls.append(notification.attributes["execution_id"])
        if self.error:
            raise self.error
        await super().publish(notification)


@pytest.fixture
def topic():
    return FlakyTopic()


@pytest.fixture
def world(topic):
    return World(topic=topic)


@pytest.fixture
async def worker(world):
    """A worker that owns the discovery lease, and so notifies for all workers."""
    worker = Worker(world)
    assert await worker.leases.acquire_discovery()
    return worker


async def hold_executions(world, *numbers):
    """Hold executions one after the other and return their ids."""
    for number in numbers:
        execution = an_execution(number)
        await world.executions.register(execution)
        held = execution.apply(PhaseEvent.HOLD, Reason.LOG_INCOMPLETE)
        await world.executions.transition_unowned(held, expected_phase=Phase.SEALING)
    return [an_execution(number).id for number in numbers]


def notified_ids(world):
    return [execution_id for _, _, execution_id in world.notified()]


# Notified transitions.


async def test_published_execution_is_notified_once(world):
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    await Worker(world).work(seconds=120)
    assert world.notified() == [("PUBLISHED", None, arn.split("/")[3])]
    (notification,) = world.topic.notifications
    assert json.loads(notification.body) == execution_view(world.execution(arn))


async def test_carried_execution_is_notified_and_again_when_a_later_one_publishes_it(world):
    worker = Worker(world)
    first = world.start()
    world.copy(first, "a.csv")
    world.finish(first, "ERROR")
    await worker.work(seconds=60)
    second = world.start()
    world.finish(second)
    await worker.work(seconds=60)
    first_id, second_id = (arn.split("/")[3] for arn in (first, second))
    assert world.notified() == [
        ("CARRIED", "execution_error", first_id),
        ("PUBLISHED", "carried", first_id),
        ("PUBLISHED", None, second_id),
    ]


async def test_held_execution_is_notified_with_its_reason(world):
    arn = world.start(verify_mode="NONE")
    world.finish(arn)
    await Worker(world).work(seconds=120)
    assert world.notified() == [("HELD", "verify_mode_none", arn.split("/")[3])]
    (notification,) = world.topic.notifications
    assert "VerifyMode NONE" in json.loads(notification.body)["reason_detail"]


async def test_execution_whose_files_are_dropped_is_notified(world):
    arn = world.start()
    world.finish(arn, "ERROR")
    await Worker(world, on_error=OnError.DROP).work(seconds=120)
    assert world.notified() == [("DISCARDED", "execution_error", arn.split("/")[3])]


async def test_discard_by_a_person_is_notified_by_the_next_tick(world, worker):
    (execution_id,) = await hold_executions(world, 1)
    await OperatorCommands(world.executions, world.facts).discard(execution_id)
    await worker.notifier.tick()
    assert world.notified() == [
        ("HELD", "log_incomplete", execution_id),
        ("DISCARDED", "log_incomplete", execution_id),
    ]


async def test_release_is_not_notified(world, worker):
    (execution_id,) = await hold_executions(world, 1)
    await OperatorCommands(world.executions, world.facts).release(execution_id)
    await worker.notifier.tick()
    assert [phase for phase, _, _ in world.notified()] == ["HELD"]


async def test_no_notification_is_stored_without_a_topic():
    world = World()
    await hold_executions(world, 1)
    assert world.outbox.executions == {}
    assert Worker(world).notifier is None


async def test_active_phase_is_not_notified(world):
    execution = an_execution()
    await world.executions.register(execution)
    lease = await world.executions.acquire(await world.executions.read(execution.id), "me")
    for phase in ACTIVE_PHASES:
        await world.executions.save_owned(an_execution(phase=phase), lease, is_transition=True)
    assert world.outbox.executions == {}


# The order.


async def test_oldest_transition_is_notified_first_and_each_is_observed(world, worker):
    ids = await hold_executions(world, 3, 1, 2)
    assert await worker.notifier.tick() == POLL_INTERVAL_S
    assert notified_ids(world) == ids
    assert worker.observations == [
        NotificationSent(an_execution(n).ids, Phase.HELD, Reason.LOG_INCOMPLETE) for n in (3, 1, 2)
    ]
    assert world.outbox.executions == {}


async def test_many_notifications_are_published_a_few_at_a_time_without_a_pause(world, worker):
    ids = await hold_executions(world, *range(1, 2 * MAX_PER_TICK + 2))
    assert [await worker.notifier.tick() for _ in range(3)] == [0.0, 0.0, POLL_INTERVAL_S]
    assert notified_ids(world) == ids


async def test_only_the_worker_that_owns_the_discovery_lease_notifies(world, worker):
    await hold_executions(world, 1)
    other = Worker(world, owner="worker-2")
    assert await other.notifier.tick() == POLL_INTERVAL_S
    assert (other.observations, notified_ids(world)) == ([], [])
    await worker.notifier.tick()
    assert len(notified_ids(world)) == 1


async def test_notification_whose_deletion_failed_is_published_again_with_the_same_id(world, worker):
    (execution_id,) = await hold_executions(world, 1)
    delete, lost = world.outbox.delete, TransientError("dynamodb.DeleteItem", "connection reset")

    async def fail(_):
        raise lost

    world.outbox.delete = fail
    with pytest.raises(TransientError) as raised:
        await worker.notifier.tick()
    assert (raised.value, worker.observations) == (lost, [])
    world.outbox.delete = delete
    await worker.notifier.tick()
    assert notified_ids(world) == [execution_id, execution_id]
    assert len({notification.id for notification in world.topic.notifications}) == 1
    assert world.outbox.executions == {}


async def test_notification_that_another_worker_has_already_published_is_skipped(world, worker):
    await hold_executions(world, 1)
    listed = await world.outbox.pending(after="", limit=9)
    await world.outbox.delete(listed[0])

    async def pending(**_):
        return listed

    world.outbox.pending = pending
    await worker.notifier.tick()
    assert (worker.observations, notified_ids(world)) == ([], [])


# A topic that fails.


@pytest.mark.parametrize("error", TOPIC_ERRORS)
async def test_notifications_stay_in_order_until_the_topic_accepts_them(world, worker, error):
    ids = await hold_executions(world, 1, 2)
    world.topic.error = error("sns.Publish", "no")
    with pytest.raises(error):
        await worker.notifier.tick()
    assert worker.observations == []
    assert world.topic.calls == ids[:1]
    world.topic.error = None
    await worker.notifier.tick()
    assert notified_ids(world) == ids


async def test_notification_before_a_failure_is_observed_and_not_repeated(world, worker):
    ids = await hold_executions(world, 1, 2)
    publish = world.topic.publish

    async def publish_once(notification):
        world.topic.publish = publish
        await publish(notification)
        world.topic.error = TransientError("sns.Publish", "throttled")

    world.topic.publish = publish_once
    with pytest.raises(TransientError) as raised:
        await worker.notifier.tick()
    assert raised.value is world.topic.error
    assert [observation.ids.execution_id for observation in worker.observations] == ids[:1]
    world.topic.error = None
    await worker.notifier.tick()
    assert notified_ids(world) == ids


async def test_tick_after_a_failure_starts_with_the_oldest_again(world, worker):
    ids = await hold_executions(world, *range(1, MAX_PER_TICK + 2))
    world.topic.refuses = dict.fromkeys(ids[:MAX_PER_TICK], "InvalidParameter")
    await worker.notifier.tick()
    world.topic.refuses, world.topic.error = {}, TransientError("sns.Publish", "throttled")
    with pytest.raises(TransientError):
        await worker.notifier.tick()
    world.topic.error = None
    world.clock.advance(REJECTED_RETRY_S)
    await worker.notifier.tick()
    assert notified_ids(world) == ids[:MAX_PER_TICK]


async def test_rejected_notification_is_observed_and_does_not_delay_the_others(world, worker):
    first, rejected, last = await hold_executions(world, 1, 2, 3)
    world.topic.refuses = {rejected: "InvalidParameter"}
    await worker.notifier.tick()
    assert notified_ids(world) == [first, last]
    (failure,) = [observation for observation in worker.observations if isinstance(observation, TickFailed)]
    assert (failure.loop, failure.kind) == ("notify", "rejected")
    assert rejected in failure.detail
    assert "InvalidParameter" in failure.detail
    assert [execution.id for execution in world.outbox.executions.values()] == [rejected]


async def test_rejected_notification_is_observed_once_and_retried_after_an_hour(world, worker):
    (rejected,) = await hold_executions(world, 1)
    world.topic.refuses = {rejected: "InvalidParameter"}
    await worker.notifier.tick()
    worker.observations.clear()
    world.clock.advance(REJECTED_RETRY_S - 1)
    await worker.notifier.tick()
    assert worker.observations == []
    assert world.topic.calls == [rejected]
    world.clock.advance(1)
    world.topic.refuses = {}
    await worker.notifier.tick()
    assert notified_ids(world) == [rejected]


async def test_many_rejected_notifications_do_not_hide_later_ones(world, worker):
    ids = await hold_executions(world, *range(1, MAX_PER_TICK + 2))
    world.topic.refuses = dict.fromkeys(ids[:-1], "InvalidParameter")
    for _ in range(2):
        await worker.notifier.tick()
    assert notified_ids(world) == ids[-1:]


async def test_notification_of_a_later_version_stays_and_does_not_delay_the_others(world, worker):
    newer, readable = await hold_executions(world, 1, 2)
    read = world.outbox.get

    async def get(outbox_id):
        if newer in outbox_id:
            raise RequestRejectedError("dynamodb.GetItem", "another version")
        return await read(outbox_id)

    world.outbox.get = get
    await worker.notifier.tick()
    assert notified_ids(world) == [readable]
    assert [type(observation) for observation in worker.observations] == [TickFailed, NotificationSent]
    assert [execution.id for execution in world.outbox.executions.values()] == [newer]


@pytest.mark.parametrize("error", TOPIC_ERRORS)
async def test_topic_that_fails_does_not_delay_the_files(world, error):
    world.topic.error = error("sns.Publish", "no")
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    await Worker(world).work(seconds=120)
    assert world.names() == ["/a.csv"]
    assert world.execution(arn).phase is Phase.PUBLISHED
    assert len(world.outbox.executions) == 1
