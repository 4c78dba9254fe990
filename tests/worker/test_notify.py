"""Announcing transitions: each at least once, in the order in which they came, and never in the way of the files."""

import json
from dataclasses import dataclass, field

import pytest

from service.adapters.memory.world import MemoryTopic
from service.domain.errors import Absent, Denied, Rejected, Transient
from service.domain.phases import OPEN, Event, Phase, Reason
from service.domain.reports import Notified, Setback
from service.domain.sealing import OnError, Policy
from service.domain.views import execution_view
from service.worker.lease import SWEEP
from service.worker.notify import PER_TICK, REFUSED_FOR_S
from service.worker.operator import Operator
from tests.domain.examples import an_execution
from tests.worker.world import Worker, World

POLL_S = 15.0


@dataclass
class Topic(MemoryTopic):
    """A topic that can be away."""

    away: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def publish(self, notification):
        self.asked.append(notification.attributes["execution_id"])
        if self.away:
            raise self.away
        await super().publish(notification)


@pytest.fixture
def topic():
    return Topic()


@pytest.fixture
def world(topic):
    return World(topic=topic)


@pytest.fixture
async def worker(world):
    """A worker that holds the sweep's lease, and so announces for all."""
    worker = Worker(world)
    await worker.keeper.claim(await world.executions.read(SWEEP))
    return worker


async def held(world, *numbers):
    """Executions that have just been set aside, in this order."""
    for number in numbers:
        execution = an_execution(number)
        await world.executions.register(execution)
        await world.executions.move(execution.on(Event.HOLD, Reason.LOG_INCOMPLETE), Phase.SEALING)
    return [an_execution(number).name.execution_id for number in numbers]


def told(world):
    return [execution_id for _, _, execution_id in world.told()]


# What is announced.


async def test_a_published_execution_is_announced_once(world):
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    await Worker(world).work(seconds=120)
    assert world.told() == [("PUBLISHED", None, arn.split("/")[3])]
    (told,) = world.topic.notifications
    assert json.loads(told.body) == execution_view(world.execution(arn))


async def test_a_carried_execution_is_announced_and_again_when_it_is_taken_along(world):
    worker = Worker(world)
    first = world.start()
    world.copy(first, "a.csv")
    world.finish(first, "ERROR")
    await worker.work(seconds=60)
    second = world.start()
    world.finish(second)
    await worker.work(seconds=60)
    first_id, second_id = (arn.split("/")[3] for arn in (first, second))
    assert world.told() == [
        ("CARRIED", "execution_error", first_id),
        ("PUBLISHED", "carried", first_id),
        ("PUBLISHED", None, second_id),
    ]


async def test_a_held_execution_is_announced_with_its_reason(world):
    arn = world.start(verify_mode="NONE")
    world.finish(arn)
    await Worker(world).work(seconds=120)
    assert world.told() == [("HELD", "verify_mode_none", arn.split("/")[3])]


async def test_an_execution_whose_files_are_dropped_is_announced(world):
    arn = world.start()
    world.finish(arn, "ERROR")
    await Worker(world, policy=Policy(on_error=OnError.DROP)).work(seconds=120)
    assert world.told() == [("DISCARDED", "execution_error", arn.split("/")[3])]


async def test_what_a_person_discards_is_announced_by_the_next_tick(world, worker):
    (name,) = await held(world, 1)
    await Operator(world.ports()).discard(name)
    await worker.notifier.tick()
    assert world.told() == [("HELD", "log_incomplete", name), ("DISCARDED", "log_incomplete", name)]


async def test_a_release_is_not_announced(world, worker):
    (name,) = await held(world, 1)
    await Operator(world.ports()).release(name)
    await worker.notifier.tick()
    assert [phase for phase, _, _ in world.told()] == ["HELD"]


async def test_without_a_topic_nothing_is_kept_to_be_announced():
    world = World()
    await held(world, 1)
    assert world.outbox.executions == {}
    assert Worker(world).notifier is None


async def test_no_open_phase_is_announced(world):
    execution = an_execution()
    await world.executions.register(execution)
    lease = await world.executions.take(await world.executions.read(execution.name.execution_id), "me")
    for phase in OPEN:
        await world.executions.save(an_execution(phase=phase), lease)
    assert world.outbox.executions == {}


# How.


async def test_the_oldest_is_announced_first_and_each_is_reported(world, worker):
    names = await held(world, 3, 1, 2)
    tick = await worker.notifier.tick()
    assert told(world) == names
    assert tick.reports == [Notified(an_execution(n).name, Phase.HELD, Reason.LOG_INCOMPLETE) for n in (3, 1, 2)]
    assert tick.pause_s == POLL_S
    assert world.outbox.executions == {}


async def test_many_are_announced_a_few_at_a_time_without_a_pause(world, worker):
    names = await held(world, *range(1, 2 * PER_TICK + 2))
    pauses_s = [(await worker.notifier.tick()).pause_s for _ in range(3)]
    assert pauses_s == [0.0, 0.0, POLL_S]
    assert told(world) == names


async def test_only_the_worker_that_sweeps_announces(world, worker):
    await held(world, 1)
    idle = await Worker(world, owner="worker-2").notifier.tick()
    assert (idle.reports, idle.pause_s, told(world)) == ((), POLL_S, [])
    await worker.notifier.tick()
    assert len(told(world)) == 1


async def test_what_could_not_be_noted_as_announced_is_announced_again_under_the_same_id(world, worker):
    (name,) = await held(world, 1)
    done, lost = world.outbox.done, Transient("dynamodb.DeleteItem", "connection reset")

    async def fails(_):
        raise lost

    world.outbox.done = fails
    tick = await worker.notifier.tick()
    assert (tick.trouble, tick.reports) == (lost, [])
    world.outbox.done = done
    await worker.notifier.tick()
    assert told(world) == [name, name]
    assert len({notification.id for notification in world.topic.notifications}) == 1
    assert world.outbox.executions == {}


async def test_what_another_worker_has_announced_meanwhile_is_passed_over(world, worker):
    await held(world, 1)
    listed = await world.outbox.pending(after="", limit=9)
    await world.outbox.done(listed[0])

    async def pending(**_):
        return listed

    world.outbox.pending = pending
    assert (await worker.notifier.tick()).reports == []
    assert told(world) == []


# A topic in trouble.


@pytest.mark.parametrize("kind", [Transient, Absent, Denied])
async def test_what_a_broken_topic_did_not_take_stays_in_order_until_it_does(world, worker, kind):
    names = await held(world, 1, 2)
    world.topic.away = kind("sns.Publish", "no")
    tick = await worker.notifier.tick()
    assert (tick.trouble, tick.reports) == (world.topic.away, [])
    assert world.topic.asked == names[:1]
    world.topic.away = None
    await worker.notifier.tick()
    assert told(world) == names


async def test_what_was_announced_before_the_topic_broke_is_reported_and_not_repeated(world, worker):
    names = await held(world, 1, 2)
    publish = world.topic.publish

    async def once(notification):
        world.topic.publish = publish
        await publish(notification)
        world.topic.away = Transient("sns.Publish", "throttled")

    world.topic.publish = once
    tick = await worker.notifier.tick()
    assert [report.name.execution_id for report in tick.reports] == names[:1]
    assert tick.trouble is world.topic.away
    world.topic.away = None
    await worker.notifier.tick()
    assert told(world) == names


async def test_after_a_failure_the_next_tick_begins_with_the_oldest_again(world, worker):
    names = await held(world, *range(1, PER_TICK + 2))
    world.topic.refuses = dict.fromkeys(names[:PER_TICK], "InvalidParameter")
    await worker.notifier.tick()
    world.topic.refuses, world.topic.away = {}, Transient("sns.Publish", "throttled")
    assert (await worker.notifier.tick()).trouble
    world.topic.away = None
    world.clock.advance(REFUSED_FOR_S)
    await worker.notifier.tick()
    assert told(world) == names[:PER_TICK]


async def test_one_that_is_refused_for_good_does_not_keep_the_others_and_is_told(world, worker):
    first, bad, last = await held(world, 1, 2, 3)
    world.topic.refuses = {bad: "InvalidParameter"}
    tick = await worker.notifier.tick()
    assert told(world) == [first, last]
    assert tick.trouble is None
    (setback,) = [report for report in tick.reports if isinstance(report, Setback)]
    assert (setback.loop, setback.kind) == ("notify", "rejected")
    assert bad in setback.detail
    assert "InvalidParameter" in setback.detail
    assert [execution.name.execution_id for execution in world.outbox.executions.values()] == [bad]


async def test_one_that_is_refused_for_good_is_told_once_and_tried_again_after_an_hour(world, worker):
    (bad,) = await held(world, 1)
    world.topic.refuses = {bad: "InvalidParameter"}
    await worker.notifier.tick()
    world.clock.advance(REFUSED_FOR_S - 1)
    assert (await worker.notifier.tick()).reports == []
    assert world.topic.asked == [bad]
    world.clock.advance(1)
    world.topic.refuses = {}
    await worker.notifier.tick()
    assert told(world) == [bad]


async def test_many_that_are_refused_for_good_do_not_hide_those_behind_them(world, worker):
    names = await held(world, *range(1, PER_TICK + 2))
    world.topic.refuses = dict.fromkeys(names[:-1], "InvalidParameter")
    for _ in range(2):
        await worker.notifier.tick()
    assert told(world) == names[-1:]


async def test_one_that_a_later_version_wrote_is_left_to_it_and_does_not_keep_the_others(world, worker):
    newer, plain = await held(world, 1, 2)
    read = world.outbox.get

    async def get(announcement):
        if newer in announcement:
            raise Rejected("dynamodb.GetItem", "another version")
        return await read(announcement)

    world.outbox.get = get
    tick = await worker.notifier.tick()
    assert told(world) == [plain]
    assert [type(report) for report in tick.reports] == [Setback, Notified]
    assert [execution.name.execution_id for execution in world.outbox.executions.values()] == [newer]


@pytest.mark.parametrize("kind", [Transient, Absent, Denied])
async def test_a_broken_topic_is_not_in_the_way_of_the_files(world, kind):
    world.topic.away = kind("sns.Publish", "no")
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    await Worker(world).work(seconds=120)
    assert world.names() == ["/a.csv"]
    assert world.execution(arn).phase is Phase.PUBLISHED
    assert len(world.outbox.executions) == 1
