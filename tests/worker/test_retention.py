from collections import defaultdict
from dataclasses import dataclass, field, replace

import pytest

from service.domain.errors import RequestRejectedError, TransientError
from service.domain.execution import Outcome
from service.domain.observations import RetentionExtended, TickFailed
from service.domain.options import OnIncomplete, WorkerOptions
from service.domain.phases import Phase
from service.domain.port_types import OutcomeRange
from tests.domain.examples import an_execution, verified
from tests.fakes.stores import MemoryFactStore, MemoryOutcomeStore
from tests.fakes.world import Worker, World

DAY_S = 86_400
HOLD = WorkerOptions(seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)


@dataclass
class LastingFacts(MemoryFactStore):
    """Facts that know when they expire."""

    expiry_s: dict = field(default_factory=dict)

    async def add(self, execution, facts):
        await super().add(execution, facts)
        self.expiry_s |= {(execution.id, fact.kind, fact.path): execution.expires_at_s for fact in facts}


@dataclass
class LastingOutcomes(MemoryOutcomeStore):
    """Outcomes that know when they expire."""

    expiry_s: dict = field(default_factory=dict)

    async def write(self, execution, outcomes, *, expires_at_s):
        await super().write(execution, outcomes, expires_at_s=expires_at_s)
        self.expiry_s[execution, outcomes.last_path] = expires_at_s


class Scene:
    """A world whose rows expire, and a worker."""

    def __init__(self, **world):
        self.world = World(facts=LastingFacts(), outcomes=LastingOutcomes(), **world)
        self.worker = Worker(self.world, policy=HOLD)

    async def one(self, phase):
        """An execution with two good files that has come into this phase."""
        arn = self.world.start()
        self.world.copy(arn, "a.csv", "b.csv")
        if phase is Phase.CARRIED:
            self.world.finish(arn, "ERROR")
        elif phase is Phase.HELD:
            self.world.finish(arn, files_verified=9)
        await self.worker.work(seconds=120)
        assert self.world.execution(arn).phase is phase
        return arn

    async def days(self, days):
        self.world.clock.advance(days * DAY_S)
        await self.worker.work(seconds=60)

    def expiries_s(self):
        """When what is stored expires: by whose it is."""
        found = defaultdict(set)
        for rows in (self.world.facts.expiry_s, self.world.outcomes.expiry_s):
            for (name, *_), expiry_s in rows.items():
                found[name].add(expiry_s)
        for name, record in self.world.executions.records.items():
            found[name].add(record.expires_at_s)
        return found

    def kept(self):
        return [observation for observation in self.worker.observations if isinstance(observation, RetentionExtended)]


@pytest.mark.parametrize("phase", [Phase.CARRIED, Phase.HELD, Phase.FOLLOWING])
async def test_what_waits_is_given_its_whole_retention_once_more_when_half_of_it_is_over(phase):
    scene = Scene()
    arn = await scene.one(phase)
    before = scene.expiries_s()
    await scene.days(14.9)
    assert scene.expiries_s() == before
    await scene.days(0.2)
    ((expiry_s,),) = scene.expiries_s().values()
    assert expiry_s == pytest.approx(scene.world.clock.now_s() + 30 * DAY_S, abs=90)
    assert [(kept.name, kept.phase) for kept in scene.kept()] == [(scene.world.execution(arn).name, phase)]


async def test_what_is_published_or_discarded_expires():
    scene = Scene()
    arn = scene.world.start()
    scene.world.copy(arn, "a.csv")
    scene.world.finish(arn)
    await scene.worker.work(seconds=60)
    before = scene.expiries_s()
    await scene.days(20)
    assert (scene.expiries_s(), scene.kept()) == (before, [])


async def test_months_later_a_success_still_takes_the_carried_files_along():
    scene = Scene()
    arn = await scene.one(Phase.CARRIED)
    for _ in range(9):
        await scene.days(14)
        assert all(min(expiries_s) > scene.world.clock.now_s() for expiries_s in scene.expiries_s().values())
    scene.world.finish(scene.world.start())
    await scene.worker.work(seconds=60)
    assert scene.world.names() == ["/a.csv", "/b.csv"]
    assert scene.world.execution(arn).phase is Phase.PUBLISHED


async def test_what_became_of_its_files_is_kept_with_them():
    scene = Scene()
    arn = await scene.one(Phase.HELD)
    name = scene.world.execution(arn).id
    for number in range(250):
        outcomes = OutcomeRange(f"{number:03}", Outcome.PUBLISHED, {})
        await scene.world.outcomes.write(name, outcomes, expires_at_s=scene.world.execution(arn).expires_at_s)
    await scene.days(16)
    assert len(scene.expiries_s()[name]) == 1


async def test_one_with_many_files_is_kept_in_several_sweeps():
    scene = Scene()
    execution = an_execution(phase=Phase.CARRIED, shards=4, expires_at_s=round(scene.world.clock.now_s()) + DAY_S)
    await scene.world.executions.register(execution)
    await scene.world.facts.add(execution, [verified(f"{number}.csv") for number in range(50)])
    await scene.worker.round()
    assert scene.kept() == []
    await scene.worker.work(seconds=120)
    assert [kept.name for kept in scene.kept()] == [execution.name]
    assert len(scene.expiries_s()[execution.id]) == 1


async def test_a_page_that_is_not_taken_is_written_again_before_the_execution_is_kept():
    scene = Scene()
    arn = await scene.one(Phase.CARRIED)
    add, times = scene.world.facts.add, 3

    async def throttled(execution, facts):
        nonlocal times
        if facts and times:
            times -= 1
            raise TransientError("dynamodb.BatchWriteItem", "throttled")
        await add(execution, facts)

    scene.world.facts.add = throttled
    await scene.days(16)
    setbacks = [observation for observation in scene.worker.observations if isinstance(observation, TickFailed)]
    assert [(setback.loop, setback.kind) for setback in setbacks] == [("sweep", "transient")] * 3
    assert len(scene.expiries_s()[scene.world.execution(arn).id]) == 1
    assert len(scene.kept()) == 1


async def test_one_that_is_gone_or_cannot_be_read_keeps_no_other_from_being_kept():
    scene = Scene()
    gone, broken, good = [await scene.one(Phase.CARRIED) for _ in range(3)]
    records, get = scene.world.executions.records, scene.world.executions.get
    names = [scene.world.execution(arn).id for arn in (gone, broken, good)]

    async def read(name):
        if name == names[1]:
            raise RequestRejectedError("dynamodb.GetItem", "the record is of another version")
        record = await get(name)
        if name == names[0]:
            records.pop(name, None)
        return record

    scene.world.executions.get = read
    await scene.days(16)
    assert [kept.id for kept in scene.kept()] == [names[2]]


async def test_one_that_was_released_in_the_meantime_is_left_to_its_worker():
    scene = Scene()
    arn = await scene.one(Phase.HELD)
    name = scene.world.execution(arn).id
    get = scene.world.executions.get

    async def released(wanted):
        return replace(await get(wanted), phase=Phase.PUBLISHING)

    scene.world.executions.get = released
    await scene.days(16)
    assert (scene.kept(), scene.world.execution(arn).id) == ([], name)


async def test_the_table_is_asked_once_an_hour():
    scene = Scene()
    await scene.one(Phase.CARRIED)
    asked, expiring = [], scene.world.executions.expiring

    async def counted(phase, *, before_s):
        asked.append(phase)
        return await expiring(phase, before_s=before_s)

    scene.world.executions.expiring = counted
    scene.world.clock.advance(3601)
    for _ in range(20):
        await scene.worker.round()
        scene.world.clock.advance(15)
    assert asked == [Phase.CARRIED, Phase.HELD]
