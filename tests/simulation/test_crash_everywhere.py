"""A crash before and after each call of the whole path, after which a second worker finishes."""

from collections import Counter
from dataclasses import dataclass, field

from orjson import loads

from service.domain.options import WorkerOptions
from service.domain.phases import ACTIVE_PHASES, Phase
from service.operations.commands import OperatorCommands
from tests.fakes.services import MemoryTopic
from tests.fakes.stores import MemoryFactStore
from tests.fakes.world import EPOCH_MS, Worker, World
from tests.simulation.faults import through

OPTIONS = WorkerOptions(settle_s=10, seal_deadline_s=300)


class Killed(BaseException):
    """SIGKILL, as an exception."""


@dataclass
class Fuse:
    """A link that breaks at one of its calls: no later call goes through."""

    at: int = 0
    after: bool = False
    calls: list[str] = field(default_factory=list)
    broken: bool = False

    async def call(self, name, effect):
        if self.broken:
            raise Killed
        self.calls.append(name)
        self.broken = len(self.calls) == self.at
        if self.broken and not self.after:
            raise Killed
        result = await effect()
        if self.broken:
            raise Killed
        return result


class Story:
    """A story with carried files and new ones, a repeated line, a queue that takes two at a time, and a replay."""

    def __init__(self) -> None:
        self.world = world = World(facts=MemoryFactStore(page_size=2), topic=MemoryTopic())
        world.queue.batch_size = 2
        self.first = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
        self.second = None
        self.replayed = False
        world.copy(self.first, "a.csv", "b.csv", "c.csv")
        world.log(self.first, "[NOTICE] Verified file /a.csv, 3 bytes")

    async def go_on(self) -> None:
        """Let the next events of the story happen."""
        world, at_s = self.world, (self.world.clock.ms - EPOCH_MS) / 1000
        if at_s >= 30 and world.datasync.described[self.first].ended_at_ms is None:
            world.log(self.first, "[NOTICE] Verification failed <> /c.csv")
            world.finish(self.first, "ERROR")
        if at_s >= 60 and self.second is None:
            self.second = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
            world.copy(self.second, "c.csv", "d.csv", "e.csv")
            world.log(self.second, "[NOTICE] Verified file /b.csv, 3 bytes")
            world.finish(self.second)
        if self.second and not self.replayed and self.phase(self.second) is Phase.PUBLISHED:
            await OperatorCommands(world.executions, world.facts).replay(world.execution(self.second).id)
            self.replayed = True

    def phase(self, arn):
        record = self.world.executions.records.get(arn.split("/")[3])
        return record.phase if record else None

    async def work(self, worker: Worker, seconds: float) -> None:
        end_ms = self.world.clock.ms + seconds * 1000
        while self.world.clock.ms < end_ms:
            await self.go_on()
            pause_s = await worker.round()
            self.world.clock.advance(min(max(pause_s, 0.1), 9.0))
            closed = all(record.phase not in ACTIVE_PHASES for record in self.world.executions.records.values())
            if self.replayed and closed and not self.world.outbox.executions:
                return

    def expected(self) -> set[tuple[str, str]]:
        first, second = self.first.split("/")[3], self.second.split("/")[3]
        return {(first, "/a.csv"), *((second, f"/{name}.csv") for name in "bcde")}

    def notified(self) -> Counter[tuple[str, str | None, str]]:
        """Return the notifications of the topic without duplicates."""
        once = {each.id: sent for each, sent in zip(self.world.topic.notifications, self.world.notified(), strict=True)}
        return Counter(once.values())


async def played(fuse: Fuse) -> Story:
    """Play the story with a worker on this fuse, and a second one that finishes it."""
    story = Story()
    first = Worker(story.world, options=OPTIONS, ports=through(fuse, story.world.ports()))
    try:
        await story.work(first, 400)
    except Killed:
        await story.work(Worker(story.world, options=OPTIONS, owner="worker-2"), 600)
    return story


def judge(story: Story, where: str, *, twice: int, notified_twice: int) -> None:
    """Demand that nothing is lost, wrong or early, and that at most one batch and one notification are repeated."""
    assert story.phase(story.first) is Phase.PUBLISHED, where
    assert story.phase(story.second) is Phase.PUBLISHED, where
    messages = story.world.queue.messages
    assert {(m.execution_id, loads(m.body)["fileName"]) for m in messages} == story.expected(), where
    copies = Counter(m.deduplication_id for m in messages)
    replayed = {m.id for m in messages if m.deduplication_id != m.id}
    assert replayed == {m.id for m in messages if m.execution_id == story.second.split("/")[3]}, where
    assert len(copies) == len(story.expected()) + len(replayed), where
    assert len(messages) - len(copies) <= twice, where
    assert story.world.execution(story.second).file_counts()["published"] == 4, where
    assert story.world.execution(story.first).file_counts()["published"] == 1, where
    first, second = story.first.split("/")[3], story.second.split("/")[3]
    assert story.notified() == {
        ("CARRIED", "verification_failed", first): 1,
        ("PUBLISHED", "carried", first): 1,
        ("PUBLISHED", None, second): 2,
    }, where
    assert len(story.world.topic.notifications) - 4 <= notified_twice, where


async def test_each_message_is_sent_once_and_replayed_once_without_a_crash():
    judge(await played(Fuse()), "without a crash", twice=0, notified_twice=0)


async def test_crash_before_or_after_any_call_loses_nothing():
    counted = Fuse()
    await played(counted)
    points = [(at, after) for at in range(1, len(counted.calls) + 1) for after in (False, True)]
    for at, after in points:
        fuse = Fuse(at, after)
        story = await played(fuse)
        where = f"killed {'after' if after else 'before'} call {at}, {fuse.calls[-1]}"
        assert fuse.broken, where
        judge(story, where, twice=16, notified_twice=1)
    assert Counter(counted.calls).keys() >= EVERY_CALL
    assert len(points) > 500


EVERY_CALL = {
    "datasync.list_tasks",
    "datasync.describe_task",
    "datasync.list_executions",
    "datasync.describe_execution",
    "logs.list_streams",
    "logs.read_page",
    "facts.add",
    "facts.write_seek_points",
    "facts.read_seek_points",
    "facts.read_page",
    "outcomes.write",
    "outcomes.read",
    "executions.register",
    "executions.get",
    "executions.save_owned",
    "executions.transition_unowned",
    "executions.list_of_task",
    "outbox.pending",
    "outbox.get",
    "outbox.delete",
    "overview.active_executions",
    "overview.held_to_retry",
    "overview.counts",
    "leases.read",
    "leases.acquire",
    "leases.renew",
    "leases.release",
    "tasks.get_or_create",
    "tasks.known_execution_ids",
    "queue.send",
    "objects.list_page",
    "topic.publish",
}
