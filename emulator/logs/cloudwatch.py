"""CloudWatch Logs as the place where logs go."""

from contextlib import suppress
from typing import TYPE_CHECKING

from emulator.logs.publishing import Event

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient


class CloudWatchLogs:
    """Writes to the log service that the AWS settings of the process name."""

    def __init__(self, logs: "CloudWatchLogsClient") -> None:
        self._logs = logs

    async def open(self, group: str, stream: str, *, make_group: bool) -> None:
        """CreateLogGroup if asked for, CreateLogStream."""
        exists = self._logs.exceptions.ResourceAlreadyExistsException
        if make_group:
            with suppress(exists):
                await self._logs.create_log_group(logGroupName=group)
        with suppress(exists):
            await self._logs.create_log_stream(logGroupName=group, logStreamName=stream)

    async def put(self, group: str, stream: str, events: list[Event]) -> None:
        """PutLogEvents."""
        await self._logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": at_ms, "message": message} for at_ms, message in events],
        )
