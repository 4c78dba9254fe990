"""Start, describe, list, update and cancel task executions."""

from typing import Any

from emulator.api.options import effective
from emulator.api.pages import page
from emulator.api.tags import as_tags
from emulator.api.tasks import find_task
from emulator.api.world import World
from emulator.arns import new_execution
from emulator.counters import described
from emulator.errors import invalid_request
from emulator.moments import now
from emulator.state import Execution, Step

MOST_QUEUED = 50  # per task; DataSync's quota
_CONFIGURATION = ("Includes", "Excludes", "ManifestConfig", "TaskReportConfig")
_STEPS = {"Prepare": "PREPARING", "Transfer": "TRANSFERRING", "Verify": "VERIFYING"}


class Executions:
    """The operations on task executions."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """StartTaskExecution: one runs at a time, 50 wait; what is given overrides the task's own configuration."""
        task = find_task(self._world, request["TaskArn"])
        given = request.get("OverrideOptions", {})
        options = effective(given, enhanced=task.enhanced, below=task.request["Options"])
        self._check_queue(task.arn, options)
        arn = new_execution(task.arn)
        configuration = {
            name: value for name in _CONFIGURATION if (value := request.get(name, task.request.get(name))) is not None
        }
        execution = Execution(arn, task.request["TaskMode"], {"Options": options, **configuration}, now())
        self._world.state.executions[arn] = execution
        self._world.state.tags[arn] = as_tags(request.get("Tags", []))
        self._world.runs.start(execution, task)
        return {"TaskExecutionArn": arn}

    async def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTaskExecution, with the counters of the execution's mode."""
        execution = self._find(request["TaskExecutionArn"])
        fields = {
            "TaskExecutionArn": execution.arn,
            "Status": self._status(execution),
            "TaskMode": execution.mode,
            "StartTime": execution.started_at,
            "LaunchTime": execution.launched_at,
            "EndTime": execution.ended_at,
            "Result": result(execution),
            **execution.request,
            **described(execution.counters, enhanced=execution.enhanced),
        }
        if execution.report_status:
            fields["ReportResult"] = _outcome(execution.report_status, *execution.report_error)
        for fault in self._world.faults.of("counters", execution.arn):
            for name, number in fault.parameters["add"].items():
                fields[name] = fields.get(name, 0) + number
        return {name: value for name, value in fields.items() if value is not None}

    async def list_all(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListTaskExecutions, oldest first; without a task, those of all tasks (both inferred)."""
        if "TaskArn" in request:
            executions = self._world.state.executions_of(find_task(self._world, request["TaskArn"]).arn)
        else:
            executions = list(self._world.state.executions.values())
        some, more = page(executions, request)
        entries = [{"TaskExecutionArn": each.arn, "Status": self._status(each), "TaskMode": each.mode} for each in some]
        return {"TaskExecutions": entries, **more}

    async def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateTaskExecution: only BytesPerSecond can be changed, and only before the end."""
        execution = self._find(request["TaskExecutionArn"])
        if execution.ended:
            raise invalid_request(f"Task execution {execution.arn} has ended")
        if set(request["Options"]) != {"BytesPerSecond"}:
            raise invalid_request("Only BytesPerSecond can be updated")
        execution.options.update(request["Options"])
        return {}

    async def cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        """CancelTaskExecution: CANCELLING at once, later ERROR."""
        execution = self._find(request["TaskExecutionArn"])
        if execution.ended:
            raise invalid_request(f"Task execution {execution.arn} has ended")
        self._world.runs.cancel(execution)
        return {}

    def _find(self, arn: str) -> Execution:
        execution = self._world.state.executions.get(arn)
        if execution is None:
            raise invalid_request(f"Task execution {arn} is not found.")
        return execution

    def _status(self, execution: Execution) -> str:
        for fault in self._world.faults.of("status", execution.arn):
            if fault.parameters["instead_of"] == execution.status:
                return str(fault.parameters["status"])
        return execution.status

    def _check_queue(self, task_arn: str, options: dict[str, Any]) -> None:
        open_ones = [each for each in self._world.state.executions_of(task_arn) if not each.ended]
        if open_ones and options["TaskQueueing"] == "DISABLED":
            raise invalid_request(f"Task {task_arn} is running and TaskQueueing is DISABLED")
        if sum(each.status == "QUEUED" for each in open_ones) >= MOST_QUEUED:
            raise invalid_request(f"Task {task_arn} has {MOST_QUEUED} queued executions already")


def result(execution: Execution) -> dict[str, Any]:
    """The member Result: statuses by step, durations in ms (0 in Enhanced mode but for the total), the error."""
    fields: dict[str, Any] = {"TotalDuration": Step("", execution.launched_at, execution.ended_at).duration_ms}
    for name, status in _STEPS.items():
        step = execution.steps[status]
        fields[f"{name}Status"] = step.status
        fields[f"{name}Duration"] = 0 if execution.enhanced else step.duration_ms
    return fields | _outcome("", execution.error_code, execution.error_detail)


def _outcome(status: str, error_code: str, error_detail: str) -> dict[str, str]:
    fields = {"Status": status, "ErrorCode": error_code, "ErrorDetail": error_detail}
    return {name: value for name, value in fields.items() if value}
