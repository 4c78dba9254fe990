"""Operations that create, update, describe, list and delete tasks."""

from typing import Any

from emulator.api.account import Account
from emulator.api.list_filters import filter_time, passes_filters
from emulator.api.options import effective_options
from emulator.api.pagination import paginate
from emulator.api.tags import as_tags
from emulator.arns import last_id
from emulator.clock import utc_now
from emulator.errors import invalid_request
from emulator.schedule import next_start
from emulator.state import Task

_ENDS = ("SourceLocationArn", "DestinationLocationArn")


class Tasks:
    """The operations on tasks."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle CreateTask, which fails unless both locations exist."""
        for end in _ENDS:
            if request[end] not in self._account.state.locations:
                raise invalid_request(f"Location {request[end]} is not found.")
        tags = as_tags(request.pop("Tags", []))
        request.setdefault("TaskMode", "BASIC")
        request["Options"] = effective_options(request.get("Options", {}), enhanced=request["TaskMode"] == "ENHANCED")
        _check_schedule(request)
        arn = self._account.arns.new_task()
        self._account.state.tasks[arn] = Task(arn, request, utc_now())
        self._account.state.tags[arn] = tags
        return {"TaskArn": arn}

    async def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle UpdateTask: replace the members in the request, and options one by one."""
        task = find_task(self._account, request.pop("TaskArn"))
        if "Options" in request:
            base = task.request["Options"]
            request["Options"] = effective_options(request["Options"], enhanced=task.enhanced, base=base)
        _check_schedule(request)
        task.request |= request
        if "Schedule" in request:
            task.schedule_set_at = utc_now()
        return {}

    async def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle DescribeTask; CurrentTaskExecutionArn is the most recent execution."""
        task = find_task(self._account, request["TaskArn"])
        shown = self._account.output_members("DescribeTask")
        fields = {name: value for name, value in task.request.items() if name in shown}
        executions = self._account.state.executions_of(task.arn)
        if executions:
            fields["CurrentTaskExecutionArn"] = executions[-1].arn
        if "Schedule" in task.request:
            fields["ScheduleDetails"] = _schedule_details(task)
        return fields | {"TaskArn": task.arn, "Status": self._status(task), "CreationTime": task.created_at}

    async def list_all(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle ListTasks, with its filters."""
        found = [
            self._entry(task)
            for task in self._account.state.tasks.values()
            if passes_filters(request.get("Filters", []), _attributes(task))
        ]
        entries, next_token = paginate(found, request)
        return {"Tasks": entries, **next_token}

    async def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle DeleteTask: delete the task and its executions. Fails while one of them runs."""
        task = find_task(self._account, request["TaskArn"])
        executions = self._account.state.executions_of(task.arn)
        if any(not each.ended for each in executions):
            raise invalid_request(f"Task {task.arn} has executions that have not ended")
        for arn in [each.arn for each in executions]:
            del self._account.state.executions[arn]
            self._account.state.tags.pop(arn, None)
        del self._account.state.tasks[task.arn]
        self._account.state.tags.pop(task.arn, None)
        return {}

    def _entry(self, task: Task) -> dict[str, Any]:
        entry = {"TaskArn": task.arn, "Status": self._status(task), "TaskMode": task.request["TaskMode"]}
        return entry | ({"Name": task.request["Name"]} if "Name" in task.request else {})

    def _status(self, task: Task) -> str:
        statuses = {each.status for each in self._account.state.executions_of(task.arn) if not each.ended}
        if not statuses:
            return "AVAILABLE"
        return "QUEUED" if statuses == {"QUEUED"} else "RUNNING"


def find_task(account: Account, arn: str) -> Task:
    """Return the task; raises ApiError if it does not exist."""
    task = account.state.tasks.get(arn)
    if task is None:
        raise invalid_request(f"Task {arn} is not found.")
    return task


def _check_schedule(request: dict[str, Any]) -> None:
    if "Schedule" in request:
        present = utc_now()
        try:
            next_start(request["Schedule"]["ScheduleExpression"], present, present)
        except ValueError as error:
            raise invalid_request(f"Invalid schedule: {error}") from None


def _schedule_details(task: Task) -> dict[str, Any]:
    details: dict[str, Any] = {"StatusUpdateTime": task.schedule_set_at or task.created_at}
    if task.request["Schedule"].get("Status") == "DISABLED":
        details["DisabledBy"] = "USER"
    return details


def _attributes(task: Task) -> dict[str, list[str]]:
    return {
        "LocationId": [last_id(task.request[end]) for end in _ENDS],
        "CreationTime": [filter_time(task.created_at)],
    }
