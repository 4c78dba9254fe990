"""Whatever goes wrong in an execution, it ends and its task goes on."""

import asyncio
from dataclasses import dataclass, field

import pytest

from emulator.execution.runner import Runner
from emulator.execution.walk import Opened
from emulator.faults import Faults
from emulator.logs.forms import Forms
from emulator.moments import now
from emulator.state import Execution, Task
from emulator.transfer.places import Unreachable

TASK = Task("arn:task/task-1", {}, now())
OPTIONS = {"VerifyMode": "ONLY_FILES_TRANSFERRED"}


async def nothing(*_):
    pass


@dataclass
class World:
    """A workshop whose executions do as the test says; everything else is real."""

    forms: Forms = field(default_factory=Forms)
    faults: Faults = field(default_factory=Faults)
    closed_with: list = field(default_factory=list)
    prepare: object = nothing
    transfer: object = nothing
    verify: object = nothing
    flush: object = nothing
    afterwards: object = nothing
    opening_error: Exception | None = None

    async def open(self, *_, **options):
        if options:
            return None
        if self.opening_error:
            raise self.opening_error
        return Opened(self, self, self.afterwards)

    async def close(self, status):
        self.closed_with.append(status)


@pytest.fixture
async def run():
    """Runs one execution of a world to its end, and gives it."""
    runners = []

    async def run(world, announce=nothing):
        runner = Runner(world, 0, announce)
        runners.append(runner)
        execution = Execution("arn:task/task-1/execution/exec-1", "BASIC", {"Options": dict(OPTIONS)}, now())
        runner.start(execution, TASK)
        await end_of(execution)
        return execution

    yield run
    for runner in runners:
        await runner.close()


async def end_of(*executions):
    """Returns once the asyncio tasks of these executions, which bear their ARNs, are done."""
    arns = {execution.arn for execution in executions}
    await asyncio.wait_for(asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() in arns)), 5)


def failing(error):
    async def fail(*_):
        raise error

    return fail


async def test_an_execution_without_trouble_succeeds(run):
    world = World()
    execution = await run(world)
    assert (execution.status, world.closed_with) == ("SUCCESS", ["SUCCESS"])
    assert [step.status for step in execution.steps.values()] == ["SUCCESS"] * 3


@pytest.mark.parametrize("step", ["prepare", "transfer", "verify", "flush"])
async def test_a_defect_in_a_step_ends_it_in_error_and_is_told(run, step):
    world = World(**{step: failing(RuntimeError("defect"))})
    execution = await run(world)
    assert (execution.status, world.closed_with) == ("ERROR", ["ERROR"])
    assert (execution.error_code, execution.error_detail) == ("InternalError", "RuntimeError('defect')")
    assert "ERROR" in [step.status for step in execution.steps.values()]


async def test_a_place_that_cannot_be_reached_ends_it_in_error(run):
    execution = await run(World(opening_error=Unreachable("x40016: mount.nfs")))
    assert (execution.status, execution.error_detail) == ("ERROR", "x40016: mount.nfs")


async def test_a_defect_after_the_end_leaves_it_ended(run):
    execution = await run(World(afterwards=failing(RuntimeError("defect"))))
    assert execution.status == "SUCCESS"


async def test_a_defect_in_announcing_leaves_nothing_stuck(run):
    execution = await run(World(), announce=failing(RuntimeError("defect")))
    assert (execution.status, execution.error_code, execution.ended_at is None) == ("ERROR", "InternalError", False)


async def test_after_one_that_failed_the_next_one_of_the_task_runs():
    turns = []

    async def first_fails(*_):
        turns.append("prepare")
        if len(turns) == 1:
            raise RuntimeError("defect")

    runner = Runner(World(prepare=first_fails), 0, nothing)
    executions = [
        Execution(f"arn:task/task-1/execution/exec-{n}", "BASIC", {"Options": OPTIONS}, now()) for n in range(2)
    ]
    for execution in executions:
        runner.start(execution, TASK)
    await end_of(*executions)

    assert [execution.status for execution in executions] == ["ERROR", "SUCCESS"]
