"""Steps of a synthetic execution: counters grow, a generated log appears, and no file is read or written."""

import asyncio

from emulator.counters import ItemCount
from emulator.logs.store import LogStore
from emulator.logs.stream_events import GeneratedEvents
from emulator.state import Execution
from emulator.synthetic.generated_log import GeneratedLog
from emulator.synthetic.shares import SyntheticShare

_INTERVALS = 20


class SyntheticSteps:
    """The three steps. Transferring and verifying each take the share's `seconds`."""

    def __init__(self, execution: Execution, share: SyntheticShare, publisher: "GeneratedLogPublisher") -> None:
        self._execution = execution
        self._share = share
        self._publisher = publisher

    async def prepare(self) -> None:
        """Count all files and folders as new."""
        counters, share = self._execution.counters, self._share
        counters.listed_at_source = ItemCount(share.files, share.folder_count)
        counters.to_transfer = ItemCount(share.files, share.folder_count)
        counters.prepared = ItemCount(share.files, share.folder_count)
        counters.bytes_to_transfer = share.total_bytes

    async def transfer(self) -> None:
        """Raise the transfer counters to their final values."""
        counters, share = self._execution.counters, self._share
        for interval in range(1, _INTERVALS + 1):
            await asyncio.sleep(share.seconds / _INTERVALS)
            counters.transferred = _counted(share, interval)
            done = share.total_bytes * interval // _INTERVALS
            counters.bytes_written = counters.bytes_transferred = counters.bytes_compressed = done
            self._publisher.publish_up_to(interval / _INTERVALS / 2)

    async def verify(self) -> None:
        """Raise the verification counters to their final values."""
        for interval in range(1, _INTERVALS + 1):
            await asyncio.sleep(self._share.seconds / _INTERVALS)
            self._execution.counters.verified = _counted(self._share, interval)
            self._publisher.publish_up_to(0.5 + interval / _INTERVALS / 2)


class GeneratedLogPublisher:
    """Publisher of a generated log in the emulator's own logs, part by part."""

    def __init__(self, store: LogStore, group: str, stream: str, log: GeneratedLog) -> None:
        self._store = store
        self._group = group
        self._stream = stream
        self._log = log
        self._published = 0

    async def open(self, *, create_group: bool) -> None:
        """Create the stream unless the log is empty or Basic mode's group does not exist."""
        if not self._log.length or (not create_group and self._group not in self._store.groups):
            return
        if self._group not in self._store.groups:
            self._store.create_group(self._group)
        events = GeneratedEvents(lambda _: self._published, self._log.event)
        self._store.create_stream(self._group, self._stream, events)

    def publish_up_to(self, share: float) -> None:
        """Publish the log up to this share, from 0 to 1, but never its last messages."""
        self._published = int((self._log.length - len(self._log.last_messages)) * share)

    async def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    async def close(self, status: str) -> None:
        """Publish the whole log if the execution succeeded."""
        if status == "SUCCESS":
            self._published = self._log.length


def _counted(share: SyntheticShare, interval: int) -> ItemCount:
    return ItemCount(share.files * interval // _INTERVALS, share.folder_count * interval // _INTERVALS)
