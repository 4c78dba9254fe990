"""What an execution leaves behind of each outcome: counters, log lines, entries of the report."""

from emulator.counters import Counters
from emulator.logs.entries import Entry, Writing, wanted
from emulator.logs.publishing import Stream
from emulator.moments import now
from emulator.transfer.counting import count
from emulator.transfer.outcomes import Dated, Outcome


class Journal:
    """Takes outcomes in the order in which they happen."""

    def __init__(self, counters: Counters, writing: Writing, stream: Stream, log_level: str) -> None:
        self._counters = counters
        self._writing = writing
        self._stream = stream
        self._log_level = log_level
        self.entries: list[Dated] = []

    async def open(self, *, make_group: bool) -> None:
        """Makes the stream, unless nothing is to be logged, and writes how an execution begins."""
        if self._log_level != "OFF":
            await self._stream.open(make_group=make_group)
            await self._write(self._writing.started())

    async def record(self, outcome: Outcome) -> None:
        """Counts, logs and keeps one outcome."""
        count(self._counters, outcome)
        self.entries.append((now(), outcome))
        await self._write(self._writing.happened(outcome))

    async def flush(self) -> None:
        """Sends what is logged so far."""
        await self._stream.flush()

    async def close(self, status: str) -> None:
        """Writes how the execution ended, and sends everything."""
        await self._write(self._writing.finished(status))
        await self.flush()

    async def _write(self, entries: list[Entry]) -> None:
        messages = wanted(entries, self._log_level)
        if messages:
            await self._stream.write(messages)
