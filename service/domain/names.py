"""DataSync's identifiers (ARNs and the ids in them) and the values of its API on which the service acts."""

import re
from enum import StrEnum
from typing import NamedTuple, NewType

ExecutionArn = NewType("ExecutionArn", str)
ExecutionId = NewType("ExecutionId", str)
TaskArn = NewType("TaskArn", str)
TaskId = NewType("TaskId", str)

# Wider than the API model's patterns, because partitions and id lengths have grown before.
_EXECUTION_ARN = re.compile(
    r"(?P<task>arn:[a-z0-9-]+:datasync:[a-z0-9-]+:\d{12}:task/(?P<task_id>task-[0-9a-z]+))"
    r"/execution/(?P<execution_id>exec-[0-9a-z]+)",
)
_EXECUTION_ID = re.compile(r"exec-[0-9a-z]+")
_TASK_ARN = re.compile(r"arn:[a-z0-9-]+:datasync:[a-z0-9-]+:\d{12}:task/(?P<task_id>task-[0-9a-z]+)")


class ExecutionIds(NamedTuple):
    """The ARN of an execution and the ids in it."""

    arn: ExecutionArn
    execution_id: ExecutionId
    task_arn: TaskArn
    task_id: TaskId


def parse_execution_arn(arn: str) -> ExecutionIds:
    """Parse an execution's ARN. Raise ValueError, which quotes the text, for anything else."""
    match = _EXECUTION_ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"not the ARN of a task execution: {arn!r}")
    return ExecutionIds(
        ExecutionArn(arn),
        ExecutionId(match["execution_id"]),
        TaskArn(match["task"]),
        TaskId(match["task_id"]),
    )


def parse_execution_id(text: str) -> ExecutionId:
    """Parse an execution's ARN or `exec-…`. Raise ValueError for anything else."""
    if _EXECUTION_ID.fullmatch(text):
        return ExecutionId(text)
    return parse_execution_arn(text).execution_id


def parse_task_id(arn: str) -> TaskId:
    """Return the id in a task's ARN. Raise ValueError, which quotes the text, for anything else."""
    match = _TASK_ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"not the ARN of a DataSync task: {arn!r}")
    return TaskId(match["task_id"])


class TaskMode(StrEnum):
    """DataSync's two task modes. They log and count differently."""

    BASIC = "BASIC"
    ENHANCED = "ENHANCED"


class Status(StrEnum):
    """The terminal statuses of an execution. Every other status, documented or not, means that it is not over."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


class VerifyMode(StrEnum):
    """The values of `DescribeTaskExecution.Options.VerifyMode`."""

    POINT_IN_TIME_CONSISTENT = "POINT_IN_TIME_CONSISTENT"
    ONLY_FILES_TRANSFERRED = "ONLY_FILES_TRANSFERRED"
    NONE = "NONE"


_RUNNING = frozenset({"QUEUED", "CANCELLING", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING"})


def is_documented_status(status: str) -> bool:
    """Return whether DataSync's API model lists the status (TaskExecutionStatus)."""
    return status in _RUNNING or is_terminal(status)


def is_terminal(status: str) -> bool:
    """Return whether an execution with this status is over."""
    return status in (Status.SUCCESS, Status.ERROR)
