"""Create, update, describe, list and delete tasks."""

from typing import Any

from emulator.api.matching import matches, moment
from emulator.api.options import effective
from emulator.api.pages import page
from emulator.api.tags import as_tags
from emulator.api.world import World
from emulator.arns import last_id
from emulator.errors import invalid_request
from emulator.moments import now
from emulator.schedule import next_start
from emulator.state import Task

_ENDS = ("SourceLocationArn", "DestinationLocationArn")


class Tasks:
    """The operations on tasks."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateTask; both locations must be there."""
        for end in _ENDS:
            if request[end] not in self._world.state.locations:
                raise invalid_request(f"Location {request[end]} is not found.")
        tags = as_tags(request.pop("Tags", []))
        request.setdefault("TaskMode", "BASIC")
        request["Options"] = effective(request.get("Options", {}), enhanced=request["TaskMode"] == "ENHANCED")
        _check_schedule(request)
        arn = self._world.account.new_task()
        self._world.state.tasks[arn] = Task(arn, request, now())
        self._world.state.tags[arn] = tags
        return {"TaskArn": arn}

    async def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateTask: what is given replaces what was; options are replaced one by one."""
        task = find_task(self._world, request.pop("TaskArn"))
        if "Options" in request:
            below = task.request["Options"]
            request["Options"] = effective(request["Options"], enhanced=task.enhanced, below=below)
        _check_schedule(request)
        task.request |= request
        if "Schedule" in request:
            task.schedule_set_at = now()
        return {}

    async def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTask; CurrentTaskExecutionArn is the most recent execution."""
        task = find_task(self._world, request["TaskArn"])
        shown = self._world.members_described("DescribeTask")
        fields = {name: value for name, value in task.request.items() if name in shown}
        executions = self._world.state.executions_of(task.arn)
        if executions:
            fields["CurrentTaskExecutionArn"] = executions[-1].arn
        if "Schedule" in task.request:
            fields["ScheduleDetails"] = _schedule_details(task)
        return fields | {"TaskArn": task.arn, "Status": self._status(task), "CreationTime": task.created_at}

    async def list_all(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListTasks, with its filters."""
        found = [
            self._entry(task)
            for task in self._world.state.tasks.values()
            if matches(request.get("Filters", []), _attributes(task))
        ]
        some, more = page(found, request)
        return {"Tasks": some, **more}

    async def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteTask; its executions go with it. Refused while one of them runs."""
        task = find_task(self._world, request["TaskArn"])
        executions = self._world.state.executions_of(task.arn)
        if any(not each.ended for each in executions):
            raise invalid_request(f"Task {task.arn} has executions that have not ended")
        for arn in [each.arn for each in executions]:
            del self._world.state.executions[arn]
            self._world.state.tags.pop(arn, None)
        del self._world.state.tasks[task.arn]
        self._world.state.tags.pop(task.arn, None)
        return {}

    def _entry(self, task: Task) -> dict[str, Any]:
        entry = {"TaskArn": task.arn, "Status": self._status(task), "TaskMode": task.request["TaskMode"]}
        return entry | ({"Name": task.request["Name"]} if "Name" in task.request else {})

    def _status(self, task: Task) -> str:
        statuses = {each.status for each in self._world.state.executions_of(task.arn) if not each.ended}
        if not statuses:
            return "AVAILABLE"
        return "QUEUED" if statuses == {"QUEUED"} else "RUNNING"


def find_task(world: World, arn: str) -> Task:
    """The task; raises ApiError where there is none."""
    task = world.state.tasks.get(arn)
    if task is None:
        raise invalid_request(f"Task {arn} is not found.")
    return task


def _check_schedule(request: dict[str, Any]) -> None:
    if "Schedule" in request:
        present = now()
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
        "CreationTime": [moment(task.created_at)],
    }
