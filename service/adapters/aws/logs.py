"""ports.Logs on CloudWatch Logs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translate_errors
from service.domain.port_types import LogEvent, LogPage

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient

_EVENTS_PER_PAGE = 10_000


class CloudWatchLogs:
    """Log groups, each given by its name or, in another account or Region, by its ARN."""

    def __init__(self, client: "CloudWatchLogsClient") -> None:
        self._client = client

    async def list_streams(self, group: str, prefix: str) -> Sequence[str]:
        names: list[str] = []
        pages = self._client.get_paginator("describe_log_streams").paginate(
            **_group_parameter(group),
            logStreamNamePrefix=prefix,
        )
        with translate_errors("logs.DescribeLogStreams", f"the log group {group}"):
            async for page in pages:
                names += [stream["logStreamName"] for stream in page["logStreams"]]
        return names

    async def read_page(self, group: str, stream: str, token: str | None) -> LogPage:
        """Read a page. CloudWatch Logs returns the same token again if nothing follows yet.

        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
        """
        next_token: Any = {} if token is None else {"nextToken": token}
        with translate_errors("logs.GetLogEvents", f"the log stream {stream} of {group}"):
            answer = await self._client.get_log_events(
                **_group_parameter(group),
                logStreamName=stream,
                startFromHead=True,
                limit=_EVENTS_PER_PAGE,
                **next_token,
            )
            events = [LogEvent(event["timestamp"], event["message"]) for event in answer["events"]]
            reached = answer["nextForwardToken"]
        return LogPage(events, reached, at_end=reached == token)


def _group_parameter(group: str) -> Any:  # noqa: ANN401  (the SDK takes one of two parameters)
    return {"logGroupIdentifier" if group.startswith("arn:") else "logGroupName": group.removesuffix(":*")}
