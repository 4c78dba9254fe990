"""The retention of executions that are not finished: extended when half of it has passed."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import pytest

from service.domain.errors import RequestRejectedError, TransientError
from service.domain.execution import Outcome
from service.domain.fact_runs import MAX_FACTS, pack
from service.domain.observations import RetentionExtended
from service.domain.options import DAY_S, OnIncomplete
from service.domain.phases import Phase
from service.domain.port_types import OutcomeRange
from service.worker.retention import SCAN_INTERVAL_S
from tests.domain.examples import an_execution, verified
from tests.fakes.stores import MemoryFactStore, MemoryOutcomeStore
from tests.fakes.world import Worker, World


@dataclass
class ExpiringFacts(MemoryFactStore):
    """Facts with the expiry of each run. `pages` are the numbers of runs that each extension has written again.

    `errors` are raised by the next extensions. `rejected` are ids of executions and the error of each extension.
    """

    expiry_s: dict = field(default_factory=dict)
    pages: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    rejected: dict[str, Exception] = field(default_factory=dict)

    async def add(self, execution, facts):
        await super().add(execution, facts)
        self.expiry_s |= {(execution.id, run.key): execution.expires_at_s for run in pack(facts)}

    async def extend_expiry(self, execution, *, after_key):
        if self.errors:
            raise self.errors.pop(0)
        if execution.id in self.rejected:
            raise self.rejected[execution.id].with_traceback(None)
        page = await self.read_page(execution, after_key=after_key)
        self.pages.append(len(page.runs))
        self.expiry_s |= {(execution.id, run.key): execution.expires_at_s for run in page.runs}
        return page.next_key


@dataclass
class ExpiringOutcomes(MemoryOutcomeStore):
    """Outcomes with their expiry."""

    expiry_s: dict = field(default_factory=dict)

    async def write(self, execution, outcomes, *, expires_at_s):
        await super().write(execution, outcomes, expires_at_s=expires_at_s)
        self.expiry_s[execution, outcomes.last_path] = expires_at_s


class Scene:
    """A world whose items expire, and a worker that owns the discovery lease."""

    def __init__(self):
        self.world = World(facts=ExpiringFacts(), outcomes=ExpiringOutcomes())
        self.worker = Worker(self.world, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)

    async def execution_in(self, phase):
        """Bring an execution with two verified files into this phase."""
        arn = self.world.start()
        self.world.copy(arn, "a.csv", "b.csv")
        if phase is Phase.CARRIED:
            self.world.finish(arn, "ERROR")
        elif phase is Phase.HELD:
            self.world.finish(arn, files_verified=9)
        await self.worker.work(seconds=120)
        assert self.world.execution(arn).phase is phase
        return arn

    async def pass_days(self, days):
        """Let days pass, and then the worker do all that is due."""
        self.world.clock.advance(days * DAY_S)
        await self.worker.work(seconds=60)
        await self.extend_all()

    async def extend_all(self):
        """Repeat the tick until nothing is due, as the loop does, and return the errors."""
        errors = []
        while True:
            try:
                if await self.worker.retention.tick():
                    return errors
            except Exception as error:  # noqa: BLE001  (the loop retries after any error)
                errors.append(error)

    def expiries_s(self):
        """Return the expiries of all that is stored, by execution id."""
        found = defaultdict(set)
        for rows in (self.world.facts.expiry_s, self.world.outcomes.expiry_s):
            for (execution_id, *_), expiry_s in rows.items():
                found[execution_id].add(expiry_s)
        for execution_id, record in self.world.executions.records.items():
            found[execution_id].add(record.expires_at_s)
        return found

    def extended(self):
        return [observation for observation in self.worker.observations if isinstance(observation, RetentionExtended)]

    def extended_ids(self):
        return [observation.ids.execution_id for observation in self.extended()]


PAGE_SIZE = MemoryFactStore.page_size


async def carried_with(scene, *, files):
    """Register a CARRIED execution with that many facts, which expires in a day."""
    expires_at_s = round(scene.world.clock.now_s()) + DAY_S
    execution = an_execution(phase=Phase.CARRIED, expires_at_s=expires_at_s)
    await scene.world.executions.register(execution)
    await scene.world.facts.add(execution, [verified(f"{number:05}.csv") for number in range(files)])
    return execution


@pytest.mark.parametrize("phase", [Phase.CARRIED, Phase.HELD, Phase.FOLLOWING])
async def test_retention_of_an_unfinished_execution_starts_again_when_half_of_it_has_passed(phase):
    scene = Scene()
    arn = await scene.execution_in(phase)
    before = scene.expiries_s()
    await scene.pass_days(14.9)
    assert scene.expiries_s() == before
    await scene.pass_days(0.2)
    ((expiry_s,),) = scene.expiries_s().values()
    assert expiry_s == pytest.approx(scene.world.clock.now_s() + 30 * DAY_S, abs=90)
    (extended,) = scene.extended()
    execution = scene.world.execution(arn)
    assert (extended.ids, extended.phase, extended.expires_at_s) == (execution.ids, phase, expiry_s)
    assert extended.started_at_ms == execution.started_at_ms


async def test_published_execution_expires():
    scene = Scene()
    arn = scene.world.start()
    scene.world.copy(arn, "a.csv")
    scene.world.finish(arn)
    await scene.worker.work(seconds=60)
    assert scene.world.execution(arn).phase is Phase.PUBLISHED
    before = scene.expiries_s()
    await scene.pass_days(20)
    assert (scene.expiries_s(), scene.extended()) == (before, [])


@pytest.mark.parametrize("phase", [Phase.PUBLISHED, Phase.DISCARDED])
async def test_finished_execution_is_not_extended(phase):
    scene = Scene()
    await carried_with(scene, files=2)
    (execution_id,) = scene.world.executions.records
    scene.world.executions.records[execution_id] = replace(
        scene.world.executions.records[execution_id], phase=phase, expires_at_s=0
    )
    await scene.worker.leases.acquire_discovery()
    assert (await scene.extend_all(), scene.extended()) == ([], [])


async def test_carried_files_are_published_months_later():
    scene = Scene()
    arn = await scene.execution_in(Phase.CARRIED)
    for _ in range(9):
        await scene.pass_days(14)
        assert all(min(expiries_s) > scene.world.clock.now_s() for expiries_s in scene.expiries_s().values())
    scene.world.finish(scene.world.start())
    await scene.worker.work(seconds=60)
    assert scene.world.names() == ["/a.csv", "/b.csv"]
    assert scene.world.execution(arn).phase is Phase.PUBLISHED


async def test_stored_outcomes_are_extended_too():
    scene = Scene()
    arn = await scene.execution_in(Phase.HELD)
    execution = scene.world.execution(arn)
    for number in range(250):
        outcomes = OutcomeRange(f"{number:03}", Outcome.PUBLISHED, {})
        await scene.world.outcomes.write(execution.id, outcomes, expires_at_s=execution.expires_at_s)
    await scene.pass_days(16)
    assert len(scene.expiries_s()[execution.id]) == 1
    assert scene.extended_ids() == [execution.id]


# The loop.


async def test_tick_writes_one_page():
    scene = Scene()
    execution = await carried_with(scene, files=25 * MAX_FACTS)
    await scene.worker.leases.acquire_discovery()
    pages = []
    while not scene.extended():
        assert await scene.worker.retention.tick() == 0.0
        pages.append(scene.world.facts.pages.copy())
        scene.world.facts.pages.clear()
    assert [page for page in pages if page] == [[PAGE_SIZE], [PAGE_SIZE], [5]]
    assert len(scene.expiries_s()[execution.id]) == 1
    assert await scene.worker.retention.tick() == scene.worker.options.poll_interval_s


async def test_execution_is_extended_only_after_its_facts():
    scene = Scene()
    execution = await carried_with(scene, files=25 * MAX_FACTS)
    await scene.worker.leases.acquire_discovery()
    ticks = 0
    while not scene.extended():
        assert scene.world.executions.records[execution.id].expires_at_s == execution.expires_at_s
        await scene.worker.retention.tick()
        ticks += 1
    # Three pages of runs, and the outcomes with the execution.
    assert ticks == 3 + 1
    assert scene.extended_ids() == [execution.id]
    assert len(scene.expiries_s()[execution.id]) == 1


async def test_only_the_worker_that_owns_the_discovery_lease_extends():
    scene = Scene()
    execution = await carried_with(scene, files=2)
    assert await scene.worker.retention.tick() == scene.worker.options.poll_interval_s
    other = Worker(scene.world, owner="worker-2")
    assert await other.leases.acquire_discovery()
    assert not await scene.worker.leases.acquire_discovery()
    assert (await scene.extend_all(), scene.extended(), scene.world.facts.pages) == ([], [], [])
    while not other.observations:
        assert await other.retention.tick() == 0.0
    assert [observation.ids for observation in other.observations] == [execution.ids]


async def test_extension_goes_on_when_the_discovery_lease_is_owned_again():
    scene = Scene()
    execution = await carried_with(scene, files=25 * MAX_FACTS)
    await scene.worker.leases.acquire_discovery()
    await scene.worker.retention.tick()
    await scene.worker.leases.release_all()
    assert await scene.worker.retention.tick() == scene.worker.options.poll_interval_s
    await scene.worker.leases.acquire_discovery()
    assert await scene.extend_all() == []
    assert scene.extended_ids() == [execution.id]
    assert scene.world.facts.pages == [PAGE_SIZE, PAGE_SIZE, 5]


async def test_page_that_was_not_stored_is_written_again_before_the_execution_is_extended():
    scene = Scene()
    arn = await scene.execution_in(Phase.CARRIED)
    errors = [TransientError("dynamodb.BatchWriteItem", "throttled") for _ in range(3)]
    scene.world.facts.errors = errors.copy()
    scene.world.clock.advance(16 * DAY_S)
    assert await scene.extend_all() == errors
    assert len(scene.expiries_s()[scene.world.execution(arn).id]) == 1
    assert scene.extended_ids() == [scene.world.execution(arn).id]


async def test_execution_that_is_gone_or_unreadable_does_not_keep_the_others_from_being_extended():
    scene = Scene()
    gone, unreadable, good = [scene.world.execution(await scene.execution_in(Phase.CARRIED)).id for _ in range(3)]
    get = scene.world.executions.get

    async def get_or_fail(execution_id):
        if execution_id == unreadable:
            raise RequestRejectedError("dynamodb.GetItem", "the record is of another version")
        execution = await get(execution_id)
        if execution_id == gone:
            scene.world.executions.records.pop(gone, None)
        return execution

    scene.world.executions.get = get_or_fail
    scene.world.clock.advance(16 * DAY_S)
    assert [type(error) for error in await scene.extend_all()] == [RequestRejectedError]
    assert scene.extended_ids() == [good]


REJECTED = RequestRejectedError("dynamodb.BatchWriteItem", "ValidationException: the item is too large")


@pytest.mark.parametrize("error", [REJECTED, KeyError("a bug")])
async def test_execution_whose_page_fails_every_time_does_not_keep_the_others_from_being_extended(error):
    scene = Scene()
    failing, *others = [scene.world.execution(await scene.execution_in(Phase.CARRIED)).id for _ in range(3)]
    before = scene.expiries_s()[failing]
    scene.world.facts.rejected[failing] = error
    scene.world.clock.advance(16 * DAY_S)
    assert await scene.extend_all() == [error]
    assert scene.extended_ids() == others
    assert scene.expiries_s()[failing] == before


async def test_execution_that_could_not_be_extended_is_due_again_at_the_next_scan():
    scene = Scene()
    failing = scene.world.execution(await scene.execution_in(Phase.CARRIED)).id
    scene.world.facts.rejected[failing] = REJECTED
    scene.world.clock.advance(16 * DAY_S)
    assert await scene.extend_all() == [REJECTED]
    scene.world.clock.advance(SCAN_INTERVAL_S - 1)
    assert await scene.extend_all() == []
    scene.world.clock.advance(1)
    assert await scene.extend_all() == [REJECTED]
    scene.world.facts.rejected.clear()
    scene.world.clock.advance(SCAN_INTERVAL_S)
    assert (await scene.extend_all(), scene.extended_ids()) == ([], [failing])
    assert len(scene.expiries_s()[failing]) == 1


async def test_execution_that_was_released_during_the_scan_is_not_extended_by_the_loop():
    scene = Scene()
    arn = await scene.execution_in(Phase.HELD)
    before = scene.expiries_s()
    get = scene.world.executions.get

    async def get_released(execution_id):
        return replace(await get(execution_id), phase=Phase.PUBLISHING)

    scene.world.executions.get = get_released
    scene.world.clock.advance(16 * DAY_S)
    assert (await scene.extend_all(), scene.extended(), scene.expiries_s()) == ([], [], before)
    assert scene.world.execution(arn).phase is Phase.HELD


async def test_table_is_scanned_once_an_hour():
    scene = Scene()
    await scene.execution_in(Phase.CARRIED)
    scanned, expiring_before = [], scene.world.executions.expiring_before

    async def count_scans(phase, *, before_s):
        scanned.append(phase)
        return await expiring_before(phase, before_s=before_s)

    scene.world.executions.expiring_before = count_scans
    scene.world.clock.advance(SCAN_INTERVAL_S)
    for _ in range(20):
        assert await scene.worker.retention.tick() == 15.0
        scene.world.clock.advance(15)
    assert scanned == [Phase.CARRIED, Phase.HELD]


async def test_failed_scan_is_repeated_by_the_next_tick():
    scene = Scene()
    execution = await carried_with(scene, files=2)
    await scene.worker.leases.acquire_discovery()
    expiring_before = scene.world.executions.expiring_before

    async def fail_once(phase, *, before_s):
        scene.world.executions.expiring_before = expiring_before
        raise TransientError("dynamodb.Query", "throttled")

    scene.world.executions.expiring_before = fail_once
    assert [type(error) for error in await scene.extend_all()] == [TransientError]
    assert scene.extended_ids() == [execution.id]
