"""ports.Logs on CloudWatch Logs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translated
from service.domain.records import LogEvent, LogPage

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient

_EVENTS_OF_A_PAGE = 10_000


class CloudWatchLogs:
    """Log groups that are named by their name or, in another account or Region, by their ARN."""

    def __init__(self, client: "CloudWatchLogsClient") -> None:
        self._client = client

    async def streams(self, group: str, prefix: str) -> Sequence[str]:
        """See ports.Logs."""
        names: list[str] = []
        pages = self._client.get_paginator("describe_log_streams").paginate(
            **_named(group),
            logStreamNamePrefix=prefix,
        )
        with translated("logs.DescribeLogStreams", f"the log group {group}"):
            async for page in pages:
                names += [stream["logStreamName"] for stream in page["logStreams"]]
        return names

    async def page(self, group: str, stream: str, token: str | None) -> LogPage:
        """See ports.Logs. CloudWatch gives back the token that it was given when nothing follows for now.

        https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
        """
        more: Any = {} if token is None else {"nextToken": token}
        with translated("logs.GetLogEvents", f"the log stream {stream} of {group}"):
            answer = await self._client.get_log_events(
                **_named(group),
                logStreamName=stream,
                startFromHead=True,
                limit=_EVENTS_OF_A_PAGE,
                **more,
            )
            events = [LogEvent(event["timestamp"], event["message"]) for event in answer["events"]]
            reached = answer["nextForwardToken"]
        return LogPage(events, reached, at_end=reached == token)


def _named(group: str) -> Any:  # noqa: ANN401 - because the SDK takes one of two parameters
    return {"logGroupIdentifier" if group.startswith("arn:") else "logGroupName": group.removesuffix(":*")}
