"""Operations that start, describe, list, update and cancel task executions."""

from typing import Any

from emulator.api.account import Account
from emulator.api.options import effective_options
from emulator.api.pagination import paginate
from emulator.api.tags import as_tags
from emulator.api.tasks import find_task
from emulator.arns import new_execution
from emulator.clock import utc_now
from emulator.counters import describe_counters
from emulator.errors import invalid_request
from emulator.state import Execution, Step

MAX_QUEUED = 50  # per task: DataSync's quota
_CONFIGURATION = ("Includes", "Excludes", "ManifestConfig", "TaskReportConfig")
_STEPS = {"Prepare": "PREPARING", "Transfer": "TRANSFERRING", "Verify": "VERIFYING"}


class Executions:
    """The operations on task executions."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle StartTaskExecution.

        One execution of a task runs, 50 wait. Members of the request override the task's configuration.
        """
        task = find_task(self._account, request["TaskArn"])
        overrides = request.get("OverrideOptions", {})
        options = effective_options(overrides, enhanced=task.enhanced, base=task.request["Options"])
        self._check_queue(task.arn, options)
        arn = new_execution(task.arn)
        configuration = {
            name: value for name in _CONFIGURATION if (value := request.get(name, task.request.get(name))) is not None
        }
        execution = Execution(arn, task.request["TaskMode"], {"Options": options, **configuration}, utc_now())
        self._account.state.executions[arn] = execution
        self._account.state.tags[arn] = as_tags(request.get("Tags", []))
        self._account.queue.start(execution, task)
        return {"TaskExecutionArn": arn}

    async def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle DescribeTaskExecution, with the counters of the execution's mode."""
        execution = self._find(request["TaskExecutionArn"])
        fields = {
            "TaskExecutionArn": execution.arn,
            "Status": self._status(execution),
            "TaskMode": execution.mode,
            "StartTime": execution.started_at,
            "LaunchTime": execution.launched_at,
            "EndTime": execution.ended_at,
            "Result": result_fields(execution),
            **execution.request,
            **describe_counters(execution.counters, enhanced=execution.enhanced),
        }
        if execution.report_status:
            fields["ReportResult"] = _status_fields(execution.report_status, *execution.report_error)
        for fault in self._account.faults.matching("counters", execution.arn):
            for name, number in fault.parameters["add"].items():
                fields[name] = fields.get(name, 0) + number
        return {name: value for name, value in fields.items() if value is not None}

    async def list_all(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle ListTaskExecutions: oldest first, of all tasks if no task is given.

        Both are inferred.
        """
        if "TaskArn" in request:
            executions = self._account.state.executions_of(find_task(self._account, request["TaskArn"]).arn)
        else:
            executions = list(self._account.state.executions.values())
        page, next_token = paginate(executions, request)
        entries = [{"TaskExecutionArn": each.arn, "Status": self._status(each), "TaskMode": each.mode} for each in page]
        return {"TaskExecutions": entries, **next_token}

    async def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle UpdateTaskExecution, which can change only BytesPerSecond, and only before the end."""
        execution = self._find(request["TaskExecutionArn"])
        if execution.ended:
            raise invalid_request(f"Task execution {execution.arn} has ended")
        if set(request["Options"]) != {"BytesPerSecond"}:
            raise invalid_request("Only BytesPerSecond can be updated")
        execution.options.update(request["Options"])
        return {}

    async def cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle CancelTaskExecution: set CANCELLING at once; the execution ends in ERROR later."""
        execution = self._find(request["TaskExecutionArn"])
        if execution.ended:
            raise invalid_request(f"Task execution {execution.arn} has ended")
        self._account.queue.cancel(execution)
        return {}

    def _find(self, arn: str) -> Execution:
        execution = self._account.state.executions.get(arn)
        if execution is None:
            raise invalid_request(f"Task execution {arn} is not found.")
        return execution

    def _status(self, execution: Execution) -> str:
        for fault in self._account.faults.matching("status", execution.arn):
            if fault.parameters["instead_of"] == execution.status:
                return str(fault.parameters["status"])
        return execution.status

    def _check_queue(self, task_arn: str, options: dict[str, Any]) -> None:
        unfinished = [each for each in self._account.state.executions_of(task_arn) if not each.ended]
        if unfinished and options["TaskQueueing"] == "DISABLED":
            raise invalid_request(f"Task {task_arn} is running and TaskQueueing is DISABLED")
        if sum(each.status == "QUEUED" for each in unfinished) >= MAX_QUEUED:
            raise invalid_request(f"Task {task_arn} has {MAX_QUEUED} queued executions already")


def result_fields(execution: Execution) -> dict[str, Any]:
    """Return the member Result: status and duration of each step, and the error.

    Durations are in milliseconds. In Enhanced mode all but the total are 0.
    """
    fields: dict[str, Any] = {"TotalDuration": Step("", execution.launched_at, execution.ended_at).duration_ms}
    for name, status in _STEPS.items():
        step = execution.steps[status]
        fields[f"{name}Status"] = step.status
        fields[f"{name}Duration"] = 0 if execution.enhanced else step.duration_ms
    return fields | _status_fields("", execution.error_code, execution.error_detail)


def _status_fields(status: str, error_code: str, error_detail: str) -> dict[str, str]:
    fields = {"Status": status, "ErrorCode": error_code, "ErrorDetail": error_detail}
    return {name: value for name, value in fields.items() if value}
