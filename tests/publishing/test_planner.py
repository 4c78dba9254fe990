"""Loading of a task's executions for a plan."""

from dataclasses import replace

from service.domain.execution import Outcome, PlanMember, PublishPlan, SendProgress
from service.domain.phases import Phase
from service.domain.port_types import TaskRecord
from service.publishing.planner import Planner
from tests.domain.examples import START_MS, an_execution
from tests.fakes.world import World

TASK = an_execution().task_id


def publishing(number, **changes):
    return an_execution(number, **{"phase": Phase.PUBLISHING, "reconciled": True} | changes)


def published(number, **changes):
    own = PublishPlan((PlanMember(f"exec-{number:017x}", 0, publishes=True),), None)
    done = {"phase": Phase.PUBLISHED, "published_at_ms": START_MS, "plan": own}
    return publishing(number, **done | changes)


class StoredTask:
    """A task whose whole history is registered."""

    def __init__(self, *executions):
        self.world = World()
        self.tasks = self.world.tasks
        self.tasks.records[TASK] = TaskRecord(TASK, 0, backlog_registered=True)
        for execution in executions:
            self.world.executions.records[execution.id] = execution

    async def plan(self, execution):
        return await Planner(self.tasks, self.world.executions, now_ms=self.world.clock.now_ms).plan(execution)


def numbers(planned):
    return [int(member.execution_id[5:], 16) for member in planned.plan.members]


async def test_execution_waits_for_an_older_active_one():
    for phase in (Phase.FOLLOWING, Phase.SEALING, Phase.PUBLISHING):
        assert await StoredTask(an_execution(1, phase=phase), publishing(2)).plan(publishing(2)) is None


async def test_execution_waits_until_the_backlog_of_its_task_is_registered():
    task = StoredTask(publishing(1))
    task.tasks.records[TASK] = TaskRecord(TASK, 0)
    assert await task.plan(publishing(1)) is None


async def test_execution_does_not_wait_for_a_later_one():
    task = StoredTask(publishing(1), an_execution(2, phase=Phase.FOLLOWING))
    assert numbers(await task.plan(publishing(1))) == [1]


async def test_execution_does_not_wait_for_one_of_another_task():
    other = an_execution(1, phase=Phase.FOLLOWING)
    task = StoredTask(replace(other, ids=other.ids._replace(task_id="task-other")), publishing(2))
    assert numbers(await task.plan(publishing(2))) == [2]


async def test_last_fully_published_execution_is_stored_for_the_next_plan():
    task = StoredTask(published(1), published(2), publishing(3))
    await task.plan(publishing(3))
    assert task.tasks.records[TASK].fully_published_start_ms == published(2).started_at_ms


async def test_superseded_execution_is_planned_with_all_that_started_before_it():
    before = published(1, ended_at_ms=START_MS + 10**9)
    task = StoredTask(before, publishing(2), published(3))
    await task.tasks.advance_fully_published(TASK, start_ms=published(3).started_at_ms)
    new = await task.plan(publishing(2))
    assert (numbers(new), new.plan.new_since_ms) == ([2, 3], START_MS + 10**9)


async def test_ids_that_another_execution_sent_ahead_of_its_cursor_are_part_of_the_plan():
    ahead = publishing(2, plan=PublishPlan((), 5), progress=SendProgress("m", ("id",)))
    planned = await StoredTask(publishing(1), ahead).plan(publishing(1))
    assert planned.progress.acknowledged_ahead == ("id",)


async def test_new_plan_keeps_what_was_sent_under_an_earlier_one():
    execution = publishing(1, progress=SendProgress("m", ("id",)), outcome_counts={Outcome.PUBLISHED: 3})
    planned = await StoredTask(execution).plan(execution)
    assert (planned.progress, planned.outcome_counts) == (execution.progress, execution.outcome_counts)
    assert numbers(planned) == [1]
