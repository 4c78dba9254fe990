"""An execution is released at each call in turn of the worker that publishes a later one of the same task."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from service.domain.options import OnIncomplete, WorkerOptions
from service.domain.phases import Phase
from service.operations.commands import OperatorCommands
from tests.fakes.stores import MemoryFactStore
from tests.fakes.world import Worker, World
from tests.simulation.faults import through

OPTIONS = WorkerOptions(settle_s=10, seal_deadline_s=60, on_incomplete=OnIncomplete.HOLD)
AGAIN = [f"[NOTICE] Verified file /{name}.csv, 3 bytes" for name in "abc"]


@dataclass
class Interrupted:
    """A link on which something else happens at one of the calls, before its effect or after it."""

    at: int = 0
    after: bool = False
    meanwhile: Callable[[], Awaitable[None]] | None = None
    calls: list[str] = field(default_factory=list)

    async def call(self, name, effect):
        self.calls.append(name)
        interrupts = self.meanwhile is not None and len(self.calls) == self.at
        if interrupts and not self.after:
            await self.meanwhile()
        result = await effect()
        if interrupts and self.after:
            await self.meanwhile()
        return result


class Story:
    """Files that wait in a held execution, and a later one that verifies most of them again."""

    def __init__(self) -> None:
        self.world = World(facts=MemoryFactStore(page_size=2))
        self.world.queue.batch_size = 1
        self.other = Worker(self.world, options=OPTIONS, owner="other")

    async def begin(self) -> None:
        self.held = self.world.start()
        self.world.copy(self.held, "a.csv", "b.csv", "c.csv", "d.csv")
        self.world.finish(self.held, files_verified=5)
        worker = Worker(self.world, options=OPTIONS, owner="before")
        await worker.work(until=lambda: self.phase is Phase.HELD)
        await worker.leases.release_all()
        self.later = self.world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
        self.world.copy(self.later, "e.csv")
        self.world.log(self.later, *AGAIN)
        self.world.finish(self.later)

    @property
    def phase(self) -> Phase | None:
        record = self.world.executions.records.get(self.held.split("/")[3])
        return record.phase if record else None

    async def release(self, progress: Callable[["Story"], bool]) -> None:
        """Release it, and let another worker come so far with it."""
        await OperatorCommands(self.world.executions, self.world.facts).release(self.held.split("/")[3])
        for _ in range(8):  # No time passes: nobody's lease comes into doubt.
            if not progress(self):
                await self.other.round()

    async def end(self, link: Interrupted) -> None:
        """Publish the later one on this link, then whatever is left."""
        worker = Worker(self.world, options=OPTIONS, owner="first", ports=through(link, self.world.ports()))
        for _ in range(8):
            await worker.work(until=self.is_done, seconds=18)
            await self.other.work(until=self.is_done, seconds=18)

    def is_done(self) -> bool:
        records = self.world.executions.records
        return len(records) == 2 and all(record.phase is Phase.PUBLISHED for record in records.values())


PROGRESS = {
    "released": lambda _: True,
    "planned": lambda story: story.world.execution(story.held).plan is not None,
    "begun": lambda story: story.world.sent() != [],
    "published": lambda story: story.phase is Phase.PUBLISHED,
}


async def calls_of_publishing() -> tuple[int, int]:
    """Which calls of the worker are those from the ruling on the later execution to its end."""
    story, link = Story(), Interrupted()
    await story.begin()
    await story.end(link)
    first = link.calls.index("executions.list_of_task")
    return first - 3, link.calls.index("leases.release", first)


@pytest.mark.parametrize("progress", PROGRESS)
async def test_release_at_any_moment_loses_no_file_and_sends_none_under_two_ids(progress):
    first, last = await calls_of_publishing()
    for at in range(first, last):
        for after in (False, True):
            story = Story()
            await story.begin()
            link = Interrupted(at, after)
            link.meanwhile = lambda story=story: story.release(PROGRESS[progress])
            await story.end(link)
            where = f"released {'after' if after else 'before'} call {at}, {link.calls[at - 1]}: {story.world.sent()}"
            assert story.is_done(), where
            assert Counter(story.world.names()) == Counter(f"/{name}.csv" for name in "abcde"), where
