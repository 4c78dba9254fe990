"""A crash before and after each call that a worker makes. A second worker finishes the work."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from orjson import loads

from service.domain.options import WorkerOptions
from service.domain.phases import ACTIVE_PHASES, Phase
from service.operations.commands import OperatorCommands
from tests.fakes.services import MemoryTopic
from tests.fakes.stores import MemoryFactStore
from tests.fakes.world import EPOCH_MS, Worker, World
from tests.simulation.faults import connect

pytestmark = pytest.mark.usefixtures("chunks_of_two_files")

OPTIONS = WorkerOptions(settle_s=10, seal_deadline_s=300)


class Killed(BaseException):
    """SIGKILL, as an exception."""


@dataclass
class CrashingConnection:
    """A connection whose process is killed at one of its calls, before its effect or after it.

    `crash_at` is the number of that call, counted from 1. With 0 the process is not killed.
    """

    crash_at: int = 0
    after_effect: bool = False
    calls: list[str] = field(default_factory=list)
    has_crashed: bool = False

    async def call(self, name, effect):
        if self.has_crashed:
            raise Killed
        self.calls.append(name)
        self.has_crashed = len(self.calls) == self.crash_at
        if self.has_crashed and not self.after_effect:
            raise Killed
        result = await effect()
        if self.has_crashed:
            raise Killed
        return result


class Scenario:
    """Two executions with carried and new files, a repeated line, batches of two messages, and a replay."""

    def __init__(self) -> None:
        self.world = world = World(facts=MemoryFactStore(page_size=2), topic=MemoryTopic())
        world.queue.batch_size = 2
        self.first = world.start(verify_mode="POINT_IN_TIME_CONSISTENT")
        self.second = None
        self.replayed = False
        world.copy(self.first, "a.csv", "b.csv", "c.csv")
        world.log(self.first, "[NOTICE] Verified file /a.csv, 3 bytes")

    async def cause_due_events(self) -> None:
        """Cause the events whose time has come."""
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
        """Do rounds of the worker until everything is published and replayed, or until the time has passed."""
        end_ms = self.world.clock.ms + seconds * 1000
        while self.world.clock.ms < end_ms:
            await self.cause_due_events()
            pause_s = await worker.round()
            self.world.clock.advance(min(max(pause_s, 0.1), 9.0))
            no_work_left = all(record.phase not in ACTIVE_PHASES for record in self.world.executions.records.values())
            if self.replayed and no_work_left and not self.world.outbox.executions:
                return

    def expected_messages(self) -> set[tuple[str, str]]:
        first, second = self.first.split("/")[3], self.second.split("/")[3]
        return {(first, "/a.csv"), *((second, f"/{name}.csv") for name in "bcde")}

    def notified(self) -> Counter[tuple[str, str | None, str]]:
        """Return the notifications of the topic without duplicates."""
        by_id = {
            each.id: sent for each, sent in zip(self.world.topic.notifications, self.world.notified(), strict=True)
        }
        return Counter(by_id.values())


async def run_scenario(connection: CrashingConnection) -> Scenario:
    """Run the scenario with a worker on this connection. If it is killed, a second worker finishes."""
    scenario = Scenario()
    first = Worker(scenario.world, options=OPTIONS, ports=connect(scenario.world.ports(), connection))
    try:
        await scenario.work(first, 400)
    except Killed:
        await scenario.work(Worker(scenario.world, options=OPTIONS, owner="worker-2"), 600)
    return scenario


def check(scenario: Scenario, crash: str, *, max_repeated: int, max_notified_again: int) -> None:
    """Check that every file is published and notified, and that no more messages are repeated than allowed.

    `crash` names the place of the crash in each error.
    """
    assert scenario.phase(scenario.first) is Phase.PUBLISHED, crash
    assert scenario.phase(scenario.second) is Phase.PUBLISHED, crash
    messages = scenario.world.queue.messages
    assert {(m.execution_id, loads(m.body)["fileName"]) for m in messages} == scenario.expected_messages(), crash
    copies = Counter(m.deduplication_id for m in messages)
    replayed_ids = {m.id for m in messages if m.deduplication_id != m.id}
    assert replayed_ids == {m.id for m in messages if m.execution_id == scenario.second.split("/")[3]}, crash
    assert len(copies) == len(scenario.expected_messages()) + len(replayed_ids), crash
    assert len(messages) - len(copies) <= max_repeated, crash
    assert scenario.world.execution(scenario.second).file_counts()["published"] == 4, crash
    assert scenario.world.execution(scenario.first).file_counts()["published"] == 1, crash
    first, second = scenario.first.split("/")[3], scenario.second.split("/")[3]
    assert scenario.notified() == {
        ("CARRIED", "verification_failed", first): 1,
        ("PUBLISHED", "carried", first): 1,
        ("PUBLISHED", None, second): 2,
    }, crash
    assert len(scenario.world.topic.notifications) - 4 <= max_notified_again, crash


async def test_each_message_is_sent_once_and_replayed_once_without_a_crash():
    check(await run_scenario(CrashingConnection()), "without a crash", max_repeated=0, max_notified_again=0)


async def test_crash_before_or_after_any_call_loses_nothing():
    undisturbed = CrashingConnection()
    await run_scenario(undisturbed)
    points = [(at, after) for at in range(1, len(undisturbed.calls) + 1) for after in (False, True)]
    for at, after in points:
        connection = CrashingConnection(at, after)
        scenario = await run_scenario(connection)
        crash = f"killed {'after' if after else 'before'} call {at}, {connection.calls[-1]}"
        assert connection.has_crashed, crash
        check(scenario, crash, max_repeated=16, max_notified_again=1)
    assert Counter(undisturbed.calls).keys() >= REQUIRED_CALLS
    assert len(points) > 500


REQUIRED_CALLS = {
    "datasync.list_tasks",
    "datasync.describe_task",
    "datasync.list_executions",
    "datasync.describe_execution",
    "logs.list_streams",
    "logs.read_page",
    "facts.add",
    "facts.write_seek_points",
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
