"""Recorder of item events: updates counters, writes log messages, keeps events for the report."""

from emulator.clock import utc_now
from emulator.counters import Counters
from emulator.logs.formatter import LogFormatter, LogMessage, select_for_level
from emulator.logs.stream_writer import LogStreamWriter
from emulator.transfer.counting import count_event
from emulator.transfer.item_events import ItemEvent, TimedEvent


class EventRecorder:
    """Recorder of one execution's item events, in the order in which they occur."""

    def __init__(self, counters: Counters, formatter: LogFormatter, stream: LogStreamWriter, log_level: str) -> None:
        self._counters = counters
        self._formatter = formatter
        self._stream = stream
        self._log_level = log_level
        self.events: list[TimedEvent] = []

    async def open(self, *, create_group: bool) -> None:
        """Create the log stream and write the start of the execution, unless LogLevel is OFF."""
        if self._log_level != "OFF":
            await self._stream.open(create_group=create_group)
            await self._write(self._formatter.execution_started())

    async def record(self, event: ItemEvent) -> None:
        """Count, log and keep one event."""
        count_event(self._counters, event)
        self.events.append((utc_now(), event))
        await self._write(self._formatter.item_event(event))

    async def flush(self) -> None:
        """Send everything logged so far."""
        await self._stream.flush()

    async def close(self, status: str) -> None:
        """Write the end of the execution and send everything."""
        await self._write(self._formatter.execution_finished(status))
        await self.flush()

    async def _write(self, log_messages: list[LogMessage]) -> None:
        messages = select_for_level(log_messages, self._log_level)
        if messages:
            await self._stream.write(messages)
