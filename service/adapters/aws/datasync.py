"""ports.DataSync on DataSync."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translated
from service.domain.errors import Absent, Rejected
from service.domain.execution import Target
from service.domain.names import ExecutionArn, TaskArn, TaskMode
from service.domain.records import ExecutionDescription, ExecutionListing, TaskDescription, TaskListing

if TYPE_CHECKING:
    from types_aiobotocore_datasync import DataSyncClient

ENHANCED_LOG_GROUP = "/aws/datasync"
"""Where Enhanced mode logs, whatever the task says.

https://docs.aws.amazon.com/datasync/latest/userguide/configure-logging.html
"""

_TAGS_KEEP_S = 600.0
_PAGES: Any = {"PageSize": 100}
_S3_URI = re.compile(
    r"s3://(?P<bucket>arn:[^/]+:(?:outpost/[^/]+/)?accesspoint/[^/]+|[^/:]+)(?:/(?P<prefix>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which tasks to look after: those named, those with a tag (key, value), or, with neither, all."""

    arns: frozenset[str] = frozenset()
    tag: tuple[str, str] | None = None


class AwsDataSync:
    """DataSync's API. `target` and `log_group` stand for what tasks say of theirs."""

    def __init__(
        self,
        client: "DataSyncClient",
        scope: Scope,
        *,
        target: Target | None = None,
        log_group: str | None = None,
    ) -> None:
        self._client = client
        self._scope = scope
        self._target = target
        self._log_group = log_group
        self._tagged: dict[str, tuple[float, bool]] = {}

    async def tasks(self) -> Sequence[TaskListing]:
        """See ports.DataSync. A task that is named and does not exist is left out: `task` tells."""
        listed: list[TaskListing] = []
        with translated("datasync.ListTasks", "DataSync"):
            async for page in self._client.get_paginator("list_tasks").paginate(PaginationConfig=_PAGES):
                listed += [TaskListing(TaskArn(task["TaskArn"]), task["Status"]) for task in page["Tasks"]]
        return [task for task in listed if await self._in_scope(task.arn)]

    async def task(self, arn: TaskArn) -> TaskDescription:
        """See ports.DataSync."""
        with _finding("datasync.DescribeTask", f"the task {arn}"):
            answer = await self._client.describe_task(TaskArn=arn)
            destination = answer["DestinationLocationArn"]
        target = await self._destination(destination)
        return TaskDescription(arn, target and (self._target or target), self._log_group or _log_group(arn, answer))

    async def executions(self, task: TaskArn) -> Sequence[ExecutionListing]:
        """See ports.DataSync. A task that does not exist has none."""
        listed: list[ExecutionListing] = []
        pages = self._client.get_paginator("list_task_executions").paginate(TaskArn=task, PaginationConfig=_PAGES)
        try:
            with _finding("datasync.ListTaskExecutions", f"the task {task}"):
                async for page in pages:
                    listed += [
                        ExecutionListing(ExecutionArn(execution["TaskExecutionArn"]), execution["Status"])
                        for execution in page["TaskExecutions"]
                    ]
        except Absent:
            return []
        return listed

    async def execution(self, arn: ExecutionArn) -> ExecutionDescription:
        """See ports.DataSync."""
        with _finding("datasync.DescribeTaskExecution", f"the execution {arn}"):
            answer: Mapping[str, Any] = await self._client.describe_task_execution(TaskExecutionArn=arn)
            status = answer["Status"]
        options = answer.get("Options", {})
        return ExecutionDescription(
            arn,
            status,
            _mode(answer),
            options.get("VerifyMode"),
            options.get("LogLevel"),
            _milliseconds(answer.get("StartTime")),
            _milliseconds(answer.get("EndTime")),
            answer.get("FilesVerified"),
            answer.get("EstimatedFilesToTransfer"),
        )

    async def _in_scope(self, arn: TaskArn) -> bool:
        if self._scope.tag is None:
            return not self._scope.arns or arn in self._scope.arns
        read_at_s, tagged = self._tagged.get(arn, (-_TAGS_KEEP_S, False))
        if time.monotonic() - read_at_s >= _TAGS_KEEP_S:
            tagged = self._scope.tag in await self._tags(arn)
            self._tagged[arn] = time.monotonic(), tagged
        return tagged

    async def _tags(self, arn: TaskArn) -> set[tuple[str, str | None]]:
        tags: set[tuple[str, str | None]] = set()
        pages = self._client.get_paginator("list_tags_for_resource").paginate(
            ResourceArn=arn,
            PaginationConfig=_PAGES,
        )
        try:
            with _finding("datasync.ListTagsForResource", f"the task {arn}"):
                async for page in pages:
                    tags |= {(tag["Key"], tag.get("Value")) for tag in page["Tags"]}
        except Absent:  # Deleted since it was listed.
            return set()
        return tags

    async def _destination(self, location: str) -> Target | None:
        """Where an S3 location is; None for any other kind.

        An ARN does not tell its kind. The task names the location, so that it exists: what DescribeLocationS3 then
        finds invalid is its kind. That is one call with leave for one location, where listing them all takes more.
        """
        try:
            with translated("datasync.DescribeLocationS3", f"the location {location}"):
                uri = (await self._client.describe_location_s3(LocationArn=location))["LocationUri"]
        except Rejected:
            return None
        return target_of(uri)


def target_of(uri: str) -> Target:
    """Take `s3://bucket/prefix` apart, with or without slash at its end. ValueError names what is no such URI.

    In place of a bucket an access point's ARN may stand, on Outposts too.
    """
    match = _S3_URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"not the URI of a place in S3: {uri!r}")
    prefix = (match["prefix"] or "").strip("/")
    return Target(match["bucket"], f"{prefix}/" if prefix else "")


@contextmanager
def _finding(call: str, about: str) -> Iterator[None]:
    """Translate, and see in DataSync's one word for a bad request whether it means: there is no such thing.

    "Task … is not found." is all that distinguishes it: the API has no ResourceNotFound.
    """
    try:
        with translated(call, about):
            yield
    except Rejected as error:
        if "not found" in error.detail:
            raise Absent(call, f"{about} does not exist in this account and Region") from error.__cause__
        raise


def _mode(answer: Mapping[str, Any]) -> TaskMode:
    return TaskMode.ENHANCED if answer.get("TaskMode") == TaskMode.ENHANCED else TaskMode.BASIC


def _log_group(task: TaskArn, answer: Mapping[str, Any]) -> str | None:
    """The group's name, or its ARN where it is in another account or Region than the task."""
    if _mode(answer) is TaskMode.ENHANCED:
        return ENHANCED_LOG_GROUP
    arn = str(answer.get("CloudWatchLogGroupArn", "")).removesuffix(":*")
    _, _, _, *task_place = task.split(":")[:5]
    match arn.split(":"):
        case [_, _, "logs", *place, "log-group", name] if place == task_place:
            return name
    return arn or None


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
