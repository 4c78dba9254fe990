"""DataSync's names: ARNs, the ids inside them, and the words of its API that the service acts on."""

import re
from enum import StrEnum
from typing import NamedTuple, NewType

ExecutionArn = NewType("ExecutionArn", str)
ExecutionId = NewType("ExecutionId", str)
TaskArn = NewType("TaskArn", str)
TaskId = NewType("TaskId", str)

# Wider than the API model's patterns on purpose: partitions and id lengths have grown before.
_EXECUTION_ARN = re.compile(
    r"(?P<task>arn:[a-z0-9-]+:datasync:[a-z0-9-]+:\d{12}:task/(?P<task_id>task-[0-9a-z]+))"
    r"/execution/(?P<execution_id>exec-[0-9a-z]+)",
)
_EXECUTION_ID = re.compile(r"exec-[0-9a-z]+")
_TASK_ARN = re.compile(r"arn:[a-z0-9-]+:datasync:[a-z0-9-]+:\d{12}:task/(?P<task_id>task-[0-9a-z]+)")


class ExecutionName(NamedTuple):
    """An execution's ARN, taken apart."""

    arn: ExecutionArn
    execution_id: ExecutionId
    task_arn: TaskArn
    task_id: TaskId


def execution_name(arn: str) -> ExecutionName:
    """Take an execution's ARN apart. ValueError names what is not one."""
    match = _EXECUTION_ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"not the ARN of a task execution: {arn!r}")
    return ExecutionName(
        ExecutionArn(arn),
        ExecutionId(match["execution_id"]),
        TaskArn(match["task"]),
        TaskId(match["task_id"]),
    )


def execution_id(text: str) -> ExecutionId:
    """Accept what a person names an execution by: its full ARN or `exec-…`. ValueError for anything else."""
    if _EXECUTION_ID.fullmatch(text):
        return ExecutionId(text)
    return execution_name(text).execution_id


def task_id(arn: str) -> TaskId:
    """Take the id out of a task's ARN. ValueError names what is not one."""
    match = _TASK_ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"not the ARN of a DataSync task: {arn!r}")
    return TaskId(match["task_id"])


class TaskMode(StrEnum):
    """DataSync's two engines. They log and count differently."""

    BASIC = "BASIC"
    ENHANCED = "ENHANCED"


class Status(StrEnum):
    """The statuses of an execution that decide something; every other one, known or not, means: not yet."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


class VerifyMode(StrEnum):
    """What DataSync verifies. See `DescribeTaskExecution.Options.VerifyMode`."""

    POINT_IN_TIME_CONSISTENT = "POINT_IN_TIME_CONSISTENT"
    ONLY_FILES_TRANSFERRED = "ONLY_FILES_TRANSFERRED"
    NONE = "NONE"


_RUNNING = frozenset({"QUEUED", "CANCELLING", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING"})


def is_known(status: str) -> bool:
    """Whether DataSync's API model lists the status (TaskExecutionStatus)."""
    return status in _RUNNING or is_terminal(status)


def is_terminal(status: str) -> bool:
    """Whether nothing more happens in an execution with this status."""
    return status in (Status.SUCCESS, Status.ERROR)
