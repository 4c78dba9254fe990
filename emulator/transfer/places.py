"""Where items come from and go to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from emulator.transfer.items import Item

PART_BYTES = 8 * 1024 * 1024


class Unreachable(Exception):
    """A location cannot be read or written at all: the execution ends in ERROR with this text."""


@dataclass(frozen=True)
class Listing:
    """Everything found at a location, parents before children, and the folders that could not be read."""

    items: list[Item]
    unread: list[tuple[str, OSError]] = field(default_factory=list)


async def regrouped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in parts of PART_BYTES and a shorter last one, however they came."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)


class Source(Protocol):
    """Where items are read. Its methods raise OSError for one item, Unreachable for the whole place."""

    async def listing(self) -> Listing:
        """What is there now."""

    async def stat(self, path: str) -> Item:
        """One item as it is now; FileNotFoundError if it is gone."""

    def parts(self, item: Item) -> AsyncIterator[bytes]:
        """Its content, in parts of PART_BYTES and a shorter last one, none if it is empty or a folder."""


class Destination(Protocol):
    """Where items are written. Its methods raise OSError for one item, Unreachable for the whole place."""

    async def listing(self) -> Listing:
        """What is there now; metadata other than the size are not known."""

    async def stat(self, item: Item) -> Item | None:
        """What is stored for an item of the source, with its metadata; None if nothing is."""

    async def put(self, item: Item, parts: AsyncIterator[bytes]) -> int:
        """Stores content and metadata, replacing what was there; how many bytes were written."""

    def parts(self, item: Item) -> AsyncIterator[bytes]:
        """What is stored as the content of an item of the source."""

    async def delete(self, item: Item) -> None:
        """Removes what is stored; no error if it is not there."""
