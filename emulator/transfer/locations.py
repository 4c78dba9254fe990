"""Interfaces of the source and the destination of a transfer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from emulator.transfer.items import Item

PART_BYTES = 8 * 1024 * 1024


class LocationUnavailableError(Exception):
    """A location cannot be read or written at all; the execution ends in ERROR with this text."""


@dataclass(frozen=True)
class Listing:
    """All items of a location, parents before children, and the folders that could not be read."""

    items: list[Item]
    unread: list[tuple[str, OSError]] = field(default_factory=list)


async def regroup(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the same bytes in parts of PART_BYTES and a shorter last part."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)


class Source(Protocol):
    """Location that is read. Methods raise OSError for one item, LocationUnavailableError for the location."""

    async def listing(self) -> Listing:
        """List the current items."""

    async def stat(self, path: str) -> Item:
        """Return the current state of one item. Raises FileNotFoundError if it does not exist."""

    def parts(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the content in parts of PART_BYTES and a shorter last part; no part if empty or a folder."""


class Destination(Protocol):
    """Location that is written. Methods raise OSError for one item, LocationUnavailableError for the location."""

    async def listing(self) -> Listing:
        """List the current items; of their metadata, only the size is known."""

    async def stat(self, item: Item) -> Item | None:
        """Return the stored counterpart of a source's item, with its metadata; None if there is none."""

    async def put(self, item: Item, parts: AsyncIterator[bytes]) -> int:
        """Store content and metadata, replacing what exists; return the number of bytes written."""

    def parts(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the stored content of a source's item."""

    async def delete(self, item: Item) -> None:
        """Delete a stored item; no error if it does not exist."""
