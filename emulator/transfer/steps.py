"""The three steps of a transfer: prepare, transfer, verify."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from emulator.state import Execution
from emulator.transfer.counting import count_plan
from emulator.transfer.filters import PathSelector
from emulator.transfer.item_events import Deleted, Failed, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.items import Item, ItemSnapshot, Kind
from emulator.transfer.locations import Destination, Source
from emulator.transfer.plan import TransferPlan, make_plan
from emulator.transfer.recorder import EventRecorder
from emulator.transfer.source_faults import SourceFaults

_PACING_INTERVAL_S = 0.05


class TransferSteps:
    """The steps of one execution. Each item event is recorded; a failed item does not stop the others."""

    def __init__(
        self,
        execution: Execution,
        locations: tuple[Source, Destination],
        selects: PathSelector,
        recorder: EventRecorder,
        source_faults: SourceFaults,
    ) -> None:
        self._execution = execution
        self._source, self._destination = locations
        self._selects = selects
        self._recorder = recorder
        self._source_faults = source_faults
        self._plan = TransferPlan([], [], [], frozenset())
        self._copied: list[Item] = []

    async def prepare(self) -> None:
        """List and compare both locations. Raises LocationUnavailableError if one cannot be read."""
        options = self._execution.options
        listed = await self._list_source(report=True)
        removes = options["PreserveDeletedFiles"] == "REMOVE"
        at_destination = [item for item in (await self._destination.listing()).items if self._selects(item.path)]
        stored = await self._stored(listed, {(item.path, item.folder) for item in at_destination})
        self._plan = make_plan(listed, stored, at_destination, options)
        count_plan(self._execution.counters, listed, at_destination if removes else [], self._plan)
        for item, reason in self._plan.skip:
            await self._recorder.record(Skipped(item, reason))

    async def transfer(self) -> None:
        """Copy, then delete. Enhanced mode verifies each item right after its copy."""
        verifies = self._execution.enhanced and self._execution.options["VerifyMode"] != "NONE"
        for item in self._plan.transfer:
            if await self._copy(item) and verifies:
                await self._verify(item)
        for item in self._plan.delete:
            await self._delete(item)

    async def verify(self) -> None:
        """Compare content and metadata at both locations.

        POINT_IN_TIME_CONSISTENT verifies all items, ONLY_FILES_TRANSFERRED those that were transferred.
        """
        mode = self._execution.options["VerifyMode"]
        if mode == "POINT_IN_TIME_CONSISTENT":
            await self._verify_everything()
        elif mode == "ONLY_FILES_TRANSFERRED" and not self._execution.enhanced:
            for item in self._copied:
                await self._verify(item)

    async def _list_source(self, *, report: bool) -> list[Item]:
        listing = await self._source.listing()
        for path, error in listing.unread if report else []:
            folder = Item(path, Kind.FOLDER, 0, 0)
            await self._recorder.record(Failed("List", folder, "open source directory", _reason(error)))
        return [item for item in listing.items if self._selects(item.path)]

    async def _stored(self, listed: list[Item], there: set[tuple[str, bool]]) -> dict[str, Item]:
        stored = {}
        for item in listed:
            root = item.path == "/" and bool(there)
            if (item.path, item.folder) in there or root:
                found = await self._destination.stat(item)
                if found is not None:
                    stored[item.path] = found
        return stored

    async def _copy(self, item: Item) -> bool:
        counters = self._execution.counters
        try:
            await self._source_faults.before_copy(item.path)
            self._source_faults.on_read(item.path)
            current = item if item.folder else await self._source.stat(item.path)
            written = await self._destination.put(current, self._rate_limited(current))
            await self._source_faults.after_copy(item.path)
        except OSError as error:
            await self._recorder.record(Failed("Transfer", item, _what(item, error), _reason(error)))
            return False
        counters.bytes_written += written
        counters.bytes_transferred += written
        counters.bytes_compressed += written
        self._copied.append(item)
        await self._recorder.record(Transferred(current, item.path in self._plan.replaced))
        return True

    async def _rate_limited(self, item: Item) -> AsyncIterator[bytes]:
        async for part in self._source.parts(item):
            await self._wait_for_bandwidth(len(part))
            yield part

    async def _wait_for_bandwidth(self, waiting_bytes: float) -> None:
        # Sleeps in short intervals because UpdateTaskExecution may change the limit.
        while waiting_bytes > 0 and not self._execution.enhanced:
            limit = self._execution.options["BytesPerSecond"]
            if limit <= 0:
                return
            chunk_bytes = min(waiting_bytes, limit * _PACING_INTERVAL_S)
            await asyncio.sleep(chunk_bytes / limit)
            waiting_bytes -= chunk_bytes

    async def _delete(self, item: Item) -> None:
        try:
            await self._destination.delete(item)
        except OSError as error:
            await self._recorder.record(Failed("Delete", item, "delete destination file", _reason(error)))
        else:
            await self._recorder.record(Deleted(item))

    async def _verify_everything(self) -> None:
        items = await self._list_source(report=False)
        for item in items:
            await self._verify(item)
        seen = {item.path for item in items}
        for item in self._copied:
            if item.path not in seen:
                await self._verify(item)

    async def _verify(self, item: Item) -> None:
        try:
            self._source_faults.on_read(item.path)
            source = await self._at_source(item)
            destination = await self._at_destination(item)
        except OSError as error:
            await self._recorder.record(Failed("Verify", item, _what(item, error), _reason(error)))
            return
        if source is not None and destination is not None and source.agrees_with(destination):
            await self._recorder.record(Verified(source, destination))
        elif source is not None or destination is not None:
            await self._recorder.record(Mismatched(source, destination))

    async def _at_source(self, item: Item) -> ItemSnapshot | None:
        try:
            return ItemSnapshot(await self._source.stat(item.path), await _sha256(self._source.parts(item)))
        except FileNotFoundError:
            return None

    async def _at_destination(self, item: Item) -> ItemSnapshot | None:
        found = await self._destination.stat(item)
        if found is None:
            return None
        return ItemSnapshot(found, await _sha256(self._destination.parts(item)))


async def _sha256(parts: AsyncIterator[bytes]) -> str:
    digest = hashlib.sha256()
    async for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _what(item: Item, error: OSError) -> str:
    if item.folder:
        return "transfer directory"
    return "open source file" if error.strerror else "transfer file"


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
