"""The three steps of a transfer: prepare, transfer, verify."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from emulator.state import Execution
from emulator.transfer.counting import count_plan
from emulator.transfer.disturbance import Disturbance
from emulator.transfer.filters import Selects
from emulator.transfer.items import Evidence, Item, Kind
from emulator.transfer.journal import Journal
from emulator.transfer.outcomes import Deleted, Failed, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.places import Destination, Source
from emulator.transfer.planning import Plan, plan

_TURN_S = 0.05


class Steps:
    """One execution's steps; what happens to each item goes to the journal, and no item stops the others."""

    def __init__(
        self,
        execution: Execution,
        places: tuple[Source, Destination],
        selects: Selects,
        journal: Journal,
        disturbance: Disturbance,
    ) -> None:
        self._execution = execution
        self._source, self._destination = places
        self._selects = selects
        self._journal = journal
        self._disturbance = disturbance
        self._plan = Plan([], [], [], frozenset())
        self._arrived: list[Item] = []

    async def prepare(self) -> None:
        """Lists and compares both locations; raises Unreachable where one cannot be read."""
        options = self._execution.options
        listed = await self._list_source(report=True)
        removes = options["PreserveDeletedFiles"] == "REMOVE"
        at_destination = [item for item in (await self._destination.listing()).items if self._selects(item.path)]
        stored = await self._stored(listed, {(item.path, item.folder) for item in at_destination})
        self._plan = plan(listed, stored, at_destination, options)
        count_plan(self._execution.counters, listed, at_destination if removes else [], self._plan)
        for item, reason in self._plan.skip:
            await self._journal.record(Skipped(item, reason))

    async def transfer(self) -> None:
        """Copies, then deletes. Enhanced mode verifies each item as soon as it is copied."""
        verifies = self._execution.enhanced and self._execution.options["VerifyMode"] != "NONE"
        for item in self._plan.transfer:
            if await self._copy(item) and verifies:
                await self._verify(item)
        for item in self._plan.delete:
            await self._delete(item)

    async def verify(self) -> None:
        """Compares content and metadata: in POINT_IN_TIME_CONSISTENT of all there is, else of what was transferred."""
        mode = self._execution.options["VerifyMode"]
        if mode == "POINT_IN_TIME_CONSISTENT":
            await self._verify_everything()
        elif mode == "ONLY_FILES_TRANSFERRED" and not self._execution.enhanced:
            for item in self._arrived:
                await self._verify(item)

    async def _list_source(self, *, report: bool) -> list[Item]:
        listing = await self._source.listing()
        for path, error in listing.unread if report else []:
            folder = Item(path, Kind.FOLDER, 0, 0)
            await self._journal.record(Failed("List", folder, "open source directory", _reason(error)))
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
            await self._disturbance.before_copy(item.path)
            self._disturbance.on_read(item.path)
            now = item if item.folder else await self._source.stat(item.path)
            written = await self._destination.put(now, self._paced(now))
            await self._disturbance.after_copy(item.path)
        except OSError as error:
            await self._journal.record(Failed("Transfer", item, _what(item, error), _reason(error)))
            return False
        counters.bytes_written += written
        counters.bytes_transferred += written
        counters.bytes_compressed += written
        self._arrived.append(item)
        await self._journal.record(Transferred(now, item.path in self._plan.replaced))
        return True

    async def _paced(self, item: Item) -> AsyncIterator[bytes]:
        async for part in self._source.parts(item):
            await self._wait_for(len(part))
            yield part

    async def _wait_for(self, waiting_bytes: float) -> None:
        # In short turns, because UpdateTaskExecution may change the limit meanwhile.
        while waiting_bytes > 0 and not self._execution.enhanced:
            limit = self._execution.options["BytesPerSecond"]
            if limit <= 0:
                return
            turn_bytes = min(waiting_bytes, limit * _TURN_S)
            await asyncio.sleep(turn_bytes / limit)
            waiting_bytes -= turn_bytes

    async def _delete(self, item: Item) -> None:
        try:
            await self._destination.delete(item)
        except OSError as error:
            await self._journal.record(Failed("Delete", item, "delete destination file", _reason(error)))
        else:
            await self._journal.record(Deleted(item))

    async def _verify_everything(self) -> None:
        items = await self._list_source(report=False)
        for item in items:
            await self._verify(item)
        seen = {item.path for item in items}
        for item in self._arrived:
            if item.path not in seen:
                await self._verify(item)

    async def _verify(self, item: Item) -> None:
        try:
            self._disturbance.on_read(item.path)
            source = await self._at_source(item)
            destination = await self._at_destination(item)
        except OSError as error:
            await self._journal.record(Failed("Verify", item, _what(item, error), _reason(error)))
            return
        if source is not None and destination is not None and source.agrees_with(destination):
            await self._journal.record(Verified(source, destination))
        elif source is not None or destination is not None:
            await self._journal.record(Mismatched(source, destination))

    async def _at_source(self, item: Item) -> Evidence | None:
        try:
            return Evidence(await self._source.stat(item.path), await _sha256(self._source.parts(item)))
        except FileNotFoundError:
            return None

    async def _at_destination(self, item: Item) -> Evidence | None:
        found = await self._destination.stat(item)
        if found is None:
            return None
        return Evidence(found, await _sha256(self._destination.parts(item)))


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
