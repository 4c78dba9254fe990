"""ports.DataSync on DataSync."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translate_errors
from service.domain.errors import NotFoundError, RequestRejectedError
from service.domain.execution import S3Location
from service.domain.names import ExecutionArn, TaskArn, TaskMode
from service.domain.port_types import ExecutionDescription, ExecutionListing, TaskDescription, TaskListing

if TYPE_CHECKING:
    from types_aiobotocore_datasync import DataSyncClient

ENHANCED_LOG_GROUP = "/aws/datasync"
"""The log group of Enhanced mode, whatever the task is configured with.

https://docs.aws.amazon.com/datasync/latest/userguide/configure-logging.html
"""

_TAG_CACHE_S = 600.0
_PAGES: Any = {"PageSize": 100}
_S3_URI = re.compile(
    r"s3://(?P<bucket>arn:[^/]+:(?:outpost/[^/]+/)?accesspoint/[^/]+|[^/:]+)(?:/(?P<prefix>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The tasks to process: those named, those with a tag (key, value), or, with neither, all."""

    arns: frozenset[str] = frozenset()
    tag: tuple[str, str] | None = None


class AwsDataSync:
    """DataSync's API. `location` and `log_group` replace those of every task."""

    def __init__(
        self,
        client: "DataSyncClient",
        scope: Scope,
        *,
        location: S3Location | None = None,
        log_group: str | None = None,
    ) -> None:
        self._client = client
        self._scope = scope
        self._location = location
        self._log_group = log_group
        self._tagged: dict[str, tuple[float, bool]] = {}

    async def list_tasks(self) -> Sequence[TaskListing]:
        """List the tasks in scope. A named task that does not exist is left out."""
        listed: list[TaskListing] = []
        with translate_errors("datasync.ListTasks", "DataSync"):
            async for page in self._client.get_paginator("list_tasks").paginate(PaginationConfig=_PAGES):
                listed += [TaskListing(TaskArn(task["TaskArn"]), task["Status"]) for task in page["Tasks"]]
        return [task for task in listed if await self._in_scope(task.arn)]

    async def describe_task(self, arn: TaskArn) -> TaskDescription:
        with _translate_not_found("datasync.DescribeTask", f"the task {arn}"):
            answer = await self._client.describe_task(TaskArn=arn)
            destination = answer["DestinationLocationArn"]
        location = await self._s3_location(destination)
        log_group = self._log_group or _log_group(arn, answer)
        return TaskDescription(arn, location and (self._location or location), log_group)

    async def list_executions(self, task: TaskArn) -> Sequence[ExecutionListing]:
        """List the executions. A task that does not exist has none."""
        listed: list[ExecutionListing] = []
        pages = self._client.get_paginator("list_task_executions").paginate(TaskArn=task, PaginationConfig=_PAGES)
        try:
            with _translate_not_found("datasync.ListTaskExecutions", f"the task {task}"):
                async for page in pages:
                    listed += [
                        ExecutionListing(ExecutionArn(execution["TaskExecutionArn"]), execution["Status"])
                        for execution in page["TaskExecutions"]
                    ]
        except NotFoundError:
            return []
        return listed

    async def describe_execution(self, arn: ExecutionArn) -> ExecutionDescription:
        with _translate_not_found("datasync.DescribeTaskExecution", f"the execution {arn}"):
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
        read_at_s, tagged = self._tagged.get(arn, (-_TAG_CACHE_S, False))
        if time.monotonic() - read_at_s >= _TAG_CACHE_S:
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
            with _translate_not_found("datasync.ListTagsForResource", f"the task {arn}"):
                async for page in pages:
                    tags |= {(tag["Key"], tag.get("Value")) for tag in page["Tags"]}
        except NotFoundError:  # Deleted since it was listed.
            return set()
        return tags

    async def _s3_location(self, location: str) -> S3Location | None:
        """Return the S3 location; None for any other kind of location.

        An ARN does not show its kind. The location exists, because the task names it, so DescribeLocationS3 rejects it
        only for its kind. This needs one call and the permission for one location; a list would need more.
        """
        try:
            with translate_errors("datasync.DescribeLocationS3", f"the location {location}"):
                uri = (await self._client.describe_location_s3(LocationArn=location))["LocationUri"]
        except RequestRejectedError:
            return None
        return parse_s3_uri(uri)


def parse_s3_uri(uri: str) -> S3Location:
    """Parse `s3://bucket/prefix`, with or without a trailing slash. Raise ValueError, which quotes any other text.

    The bucket may be an access point's ARN, on Outposts too.
    """
    match = _S3_URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"not an S3 URI: {uri!r}")
    prefix = (match["prefix"] or "").strip("/")
    return S3Location(match["bucket"], f"{prefix}/" if prefix else "")


@contextmanager
def _translate_not_found(operation: str, resource: str) -> Iterator[None]:
    """Translate errors, and recognise "Task … is not found.": DataSync has only InvalidRequestException for it."""
    try:
        with translate_errors(operation, resource):
            yield
    except RequestRejectedError as error:
        if "not found" in error.detail:
            raise NotFoundError(operation, f"{resource} does not exist in this account and Region") from error.__cause__
        raise


def _mode(answer: Mapping[str, Any]) -> TaskMode:
    return TaskMode.ENHANCED if answer.get("TaskMode") == TaskMode.ENHANCED else TaskMode.BASIC


def _log_group(task: TaskArn, answer: Mapping[str, Any]) -> str | None:
    """Return the group's name, or its ARN if it is in another account or Region than the task."""
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
