"""Runs of one execution through the real runner: each ends, and the task's next execution runs."""

import asyncio
from dataclasses import dataclass, field

import pytest

from emulator.clock import utc_now
from emulator.execution.execution_run import PreparedExecution
from emulator.execution.runner import Runner
from emulator.faults import Faults
from emulator.logs.templates import Templates
from emulator.state import Execution, Task
from emulator.transfer.locations import LocationUnavailableError

TASK = Task("arn:task/task-1", {}, utc_now())
OPTIONS = {"VerifyMode": "ONLY_FILES_TRANSFERRED"}


async def nothing(*_):
    pass


@dataclass
class FakeSteps:
    """Steps that do what the test gives; nothing by default."""

    prepare: object = nothing
    transfer: object = nothing
    verify: object = nothing


@dataclass
class FakeLog:
    """A log that keeps the status with which it was closed."""

    flush: object = nothing
    closed_with: list = field(default_factory=list)

    async def open(self, *, create_group):
        assert not create_group

    async def close(self, status):
        self.closed_with.append(status)


@dataclass
class FakeSetup:
    """Prepares executions from the parts that the test gives; templates and faults are real."""

    steps: FakeSteps = field(default_factory=FakeSteps)
    log: FakeLog = field(default_factory=FakeLog)
    write_report: object = nothing
    prepare_error: Exception | None = None
    templates: Templates = field(default_factory=Templates)
    faults: Faults = field(default_factory=Faults)

    async def prepare(self, _execution, _task):
        if self.prepare_error:
            raise self.prepare_error
        return PreparedExecution(self.steps, self.log, self.write_report)


@pytest.fixture
async def run():
    """Run one execution of a setup to its end and return it."""
    runners = []

    async def run(setup, on_status=nothing):
        runner = Runner(setup, 0, on_status)
        runners.append(runner)
        execution = Execution("arn:task/task-1/execution/exec-1", "BASIC", {"Options": dict(OPTIONS)}, utc_now())
        runner.start(execution, TASK)
        await end_of(execution)
        return execution

    yield run
    for runner in runners:
        await runner.close()


async def end_of(*executions):
    """Return once the asyncio tasks of these executions, which are named by their ARNs, are done."""
    arns = {execution.arn for execution in executions}
    await asyncio.wait_for(asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() in arns)), 5)


def failing(error):
    async def fail(*_):
        raise error

    return fail


async def test_execution_without_errors_succeeds(run):
    setup = FakeSetup()
    execution = await run(setup)
    assert (execution.status, setup.log.closed_with) == ("SUCCESS", ["SUCCESS"])
    assert [step.status for step in execution.steps.values()] == ["SUCCESS"] * 3


@pytest.mark.parametrize("step", ["prepare", "transfer", "verify", "flush"])
async def test_defect_in_a_step_ends_the_execution_in_error_and_is_shown(run, step):
    fails = {step: failing(RuntimeError("defect"))}
    setup = FakeSetup(log=FakeLog(**fails)) if step == "flush" else FakeSetup(steps=FakeSteps(**fails))
    execution = await run(setup)
    assert (execution.status, setup.log.closed_with) == ("ERROR", ["ERROR"])
    assert (execution.error_code, execution.error_detail) == ("InternalError", "RuntimeError('defect')")
    assert "ERROR" in [step.status for step in execution.steps.values()]


async def test_unavailable_location_ends_the_execution_in_error(run):
    execution = await run(FakeSetup(prepare_error=LocationUnavailableError("x40016: mount.nfs")))
    assert (execution.status, execution.error_detail) == ("ERROR", "x40016: mount.nfs")


async def test_defect_while_writing_the_report_leaves_the_execution_ended(run):
    execution = await run(FakeSetup(write_report=failing(RuntimeError("defect"))))
    assert execution.status == "SUCCESS"


async def test_defect_in_the_status_listener_ends_the_execution_in_error(run):
    execution = await run(FakeSetup(), on_status=failing(RuntimeError("defect")))
    assert (execution.status, execution.error_code, execution.ended_at is None) == ("ERROR", "InternalError", False)


async def test_next_execution_of_a_task_runs_after_a_failed_one():
    prepared = []

    async def fail_the_first(*_):
        prepared.append(None)
        if len(prepared) == 1:
            raise RuntimeError("defect")

    runner = Runner(FakeSetup(steps=FakeSteps(prepare=fail_the_first)), 0, nothing)
    executions = [
        Execution(f"arn:task/task-1/execution/exec-{n}", "BASIC", {"Options": OPTIONS}, utc_now()) for n in range(2)
    ]
    for execution in executions:
        runner.start(execution, TASK)
    await end_of(*executions)

    assert [execution.status for execution in executions] == ["ERROR", "SUCCESS"]
