"""CloudWatch Logs as the destination of logs."""

from contextlib import suppress
from typing import TYPE_CHECKING

from emulator.logs.stream_writer import InputLogEvent

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient


class CloudWatchLogs:
    """A LogSink that writes to CloudWatch Logs, at the process's AWS endpoint."""

    def __init__(self, logs: "CloudWatchLogsClient") -> None:
        self._logs = logs

    async def open(self, group: str, stream: str, *, create_group: bool) -> None:
        """Create the log stream, and the log group if `create_group` is set; either may exist."""
        exists = self._logs.exceptions.ResourceAlreadyExistsException
        if create_group:
            with suppress(exists):
                await self._logs.create_log_group(logGroupName=group)
        with suppress(exists):
            await self._logs.create_log_stream(logGroupName=group, logStreamName=stream)

    async def put(self, group: str, stream: str, events: list[InputLogEvent]) -> None:
        """Send the events with PutLogEvents."""
        await self._logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": at_ms, "message": message} for at_ms, message in events],
        )
