from dataclasses import replace

from service.domain.execution import Outcome, Publishing, Source
from service.domain.phases import Phase
from service.domain.records import TaskRecord
from service.worker.planning import Planner
from tests.domain.examples import START_MS, an_execution
from tests.worker.world import World

TASK = an_execution().name.task_id


def publishing(number, **changes):
    return an_execution(number, **{"phase": Phase.PUBLISHING, "reconciled": True} | changes)


def published(number, **changes):
    own = Publishing((Source(f"exec-{number:017x}", 0, publishes=True),), None)
    done = {"phase": Phase.PUBLISHED, "published_at_ms": START_MS, "publishing": own}
    return publishing(number, **done | changes)


class Table:
    """What is stored of a task."""

    def __init__(self, *executions):
        self.world = World()
        self.tasks = self.world.tasks
        self.tasks.records[TASK] = TaskRecord(TASK, 0, is_complete=True)
        for execution in executions:
            self.world.executions.records[execution.name.execution_id] = execution

    async def plan(self, execution):
        return await Planner(self.world.ports(), self.world.clock.both()).plan(execution)


def numbers(planned):
    return [int(source.execution_id[5:], 16) for source in planned.sources]


async def test_an_execution_waits_for_an_older_one_that_is_open():
    for phase in (Phase.FOLLOWING, Phase.SEALING, Phase.PUBLISHING):
        assert await Table(an_execution(1, phase=phase), publishing(2)).plan(publishing(2)) is None


async def test_it_waits_until_all_that_the_task_had_at_first_sight_is_known():
    table = Table(publishing(1))
    table.tasks.records[TASK] = TaskRecord(TASK, 0)
    assert await table.plan(publishing(1)) is None


async def test_it_waits_for_no_later_one():
    table = Table(publishing(1), an_execution(2, phase=Phase.FOLLOWING))
    assert numbers(await table.plan(publishing(1))) == [1]


async def test_it_waits_for_no_execution_of_another_task():
    other = an_execution(1, phase=Phase.FOLLOWING)
    table = Table(replace(other, name=other.name._replace(task_id="task-other")), publishing(2))
    assert numbers(await table.plan(publishing(2))) == [2]


async def test_what_is_settled_is_remembered_so_that_the_next_plan_looks_no_further_back():
    table = Table(published(1), published(2), publishing(3))
    await table.plan(publishing(3))
    assert table.tasks.records[TASK].reconciled_start_ms == published(2).started_at_ms


async def test_an_execution_that_was_overtaken_still_looks_behind_itself():
    before = published(1, ended_at_ms=START_MS + 10**9)
    table = Table(before, publishing(2), published(3))
    await table.tasks.remember(TASK, seen_at_ms=0)
    await table.tasks.reconcile(TASK, start_ms=published(3).started_at_ms)
    planned = await table.plan(publishing(2))
    assert (numbers(planned), planned.fresh_since_ms) == ([2, 3], START_MS + 10**9)


async def test_a_new_plan_keeps_what_the_earlier_one_has_sent():
    earlier = Publishing((), 5, "m", ("id",), {"exec-1": {Outcome.PUBLISHED: 3}})
    execution = publishing(1, publishing=earlier)
    planned = await Table(execution).plan(execution)
    assert (planned.cursor, planned.ahead, planned.outcomes) == ("m", ("id",), earlier.outcomes)
    assert numbers(planned) == [1]
