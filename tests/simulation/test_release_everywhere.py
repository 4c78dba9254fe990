"""The release of an execution at each call of the worker that publishes a later one of the same task."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from service.domain.options import OnIncomplete, WorkerOptions
from service.domain.phases import Phase
from service.operations.commands import OperatorCommands
from tests.fakes.stores import MemoryFactStore
from tests.fakes.world import Worker, World
from tests.simulation.faults import connect

pytestmark = pytest.mark.usefixtures("chunks_of_two_files")

OPTIONS = WorkerOptions(settle_s=10, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
VERIFIED_AGAIN = [f"[NOTICE] Verified file /{name}.csv, 3 bytes" for name in "abc"]


@dataclass
class InterruptedConnection:
    """A connection that runs `interruption` at one of its calls, before its effect or after it.

    `interrupt_at` is the number of that call, counted from 1.
    """

    interrupt_at: int = 0
    after_effect: bool = False
    interruption: Callable[[], Awaitable[None]] | None = None
    calls: list[str] = field(default_factory=list)

    async def call(self, name, effect):
        self.calls.append(name)
        interrupts = self.interruption is not None and len(self.calls) == self.interrupt_at
        if interrupts and not self.after_effect:
            await self.interruption()
        result = await effect()
        if interrupts and self.after_effect:
            await self.interruption()
        return result


class Scenario:
    """A held execution, and a later one that verifies most of its files again."""

    def __init__(self) -> None:
        self.world = World(facts=MemoryFactStore(page_size=2))
        self.world.queue.batch_size = 1
        self.other = Worker(self.world, options=OPTIONS, owner="other")

    async def prepare(self) -> None:
        """Bring the first execution to HELD, and end the later one."""
        self.held = self.world.start()
        self.world.copy(self.held, "a.csv", "b.csv", "c.csv", "d.csv")
        self.world.finish(self.held, files_verified=5)
        worker = Worker(self.world, options=OPTIONS, owner="before")
        await worker.work(until=lambda: self.phase is Phase.HELD)
        await worker.leases.release_all()
        self.later = self.world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
        self.world.copy(self.later, "e.csv")
        self.world.log(self.later, *VERIFIED_AGAIN)
        self.world.finish(self.later)

    @property
    def phase(self) -> Phase | None:
        record = self.world.executions.records.get(self.held.split("/")[3])
        return record.phase if record else None

    async def release(self, is_far_enough: Callable[["Scenario"], bool]) -> None:
        """Release the held execution, and let the other worker process it up to this progress."""
        await OperatorCommands(self.world.executions, self.world.facts).release(self.held.split("/")[3])
        for _ in range(8):  # No time passes, so no lease can expire.
            if not is_far_enough(self):
                await self.other.round()

    async def publish(self, connection: InterruptedConnection) -> None:
        """Publish the later execution over this connection, and then the rest with both workers."""
        worker = Worker(self.world, options=OPTIONS, owner="first", ports=connect(self.world.ports(), connection))
        for _ in range(8):
            await worker.work(until=self.is_done, seconds=18)
            await self.other.work(until=self.is_done, seconds=18)

    def is_done(self) -> bool:
        records = self.world.executions.records
        return len(records) == 2 and all(record.phase is Phase.PUBLISHED for record in records.values())


PROGRESS = {
    "released": lambda _: True,
    "planned": lambda scenario: scenario.world.execution(scenario.held).plan is not None,
    "sending": lambda scenario: scenario.world.sent() != [],
    "published": lambda scenario: scenario.phase is Phase.PUBLISHED,
}


async def publishing_calls() -> tuple[int, int]:
    """Return the first and the last of the calls by which the worker seals and publishes the later execution."""
    scenario, connection = Scenario(), InterruptedConnection()
    await scenario.prepare()
    await scenario.publish(connection)
    first = connection.calls.index("executions.list_of_task")
    return first - 3, connection.calls.index("leases.release", first)


@pytest.mark.parametrize("progress", PROGRESS)
async def test_release_at_any_moment_loses_no_file_and_sends_none_under_two_ids(progress):
    first, last = await publishing_calls()
    for at in range(first, last):
        for after in (False, True):
            scenario = Scenario()
            await scenario.prepare()
            connection = InterruptedConnection(at, after)
            connection.interruption = lambda scenario=scenario: scenario.release(PROGRESS[progress])
            await scenario.publish(connection)
            call = f"call {at}, {connection.calls[at - 1]}"
            point = f"released {'after' if after else 'before'} {call}: {scenario.world.sent()}"
            assert scenario.is_done(), point
            assert Counter(scenario.world.names()) == Counter(f"/{name}.csv" for name in "abcde"), point
