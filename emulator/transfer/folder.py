"""A local folder that acts as a file server's share."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from emulator.transfer.items import Item, Kind
from emulator.transfer.locations import PART_BYTES, Listing, LocationUnavailableError


def share_folder(shares: Path, location_uri: str) -> Path:
    """Return the folder of a location: SHARES/<server>/<subdirectory>; SHARES/nas/export for `nfs://nas/export/`.

    Raises LocationUnavailableError for a location outside SHARES.
    """
    uri = urlsplit(location_uri)
    folder = shares / uri.netloc.replace(":", "_") / uri.path.strip("/")
    if ".." in folder.parts[len(shares.parts) :]:
        raise LocationUnavailableError(f"{location_uri} is outside the folder of shares")
    return folder


class FolderSource:
    """A folder and its content. Sockets, pipes and devices are ignored, as DataSync does by default."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def listing(self) -> Listing:
        """List the items, parents before children, each folder sorted by name.

        Raises LocationUnavailableError if the folder does not exist.
        """
        return await asyncio.to_thread(self._list)

    async def stat(self, path: str) -> Item:
        """Return the current state of one item."""
        return await asyncio.to_thread(self._stat, path)

    async def parts(self, item: Item) -> AsyncIterator[bytes]:
        """Yield a file's content, or a symbolic link's target path."""
        local_path = self.local_path(item.path)
        if item.kind is Kind.SYMLINK:
            yield os.fsencode(await asyncio.to_thread(os.readlink, local_path))
        elif item.kind is Kind.FILE:
            file = await asyncio.to_thread(local_path.open, "rb")
            with file:
                while part := await asyncio.to_thread(file.read, PART_BYTES):
                    yield part

    def local_path(self, path: str) -> Path:
        """Return the path of an item on this machine."""
        return self._root / path.removeprefix("/")

    def _stat(self, path: str) -> Item:
        found = self.local_path(path).lstat()
        kind = _kind(found.st_mode)
        if kind is None:
            raise FileNotFoundError(path)
        return _item(path, kind, found)

    def _list(self) -> Listing:
        if not self._root.is_dir():
            raise LocationUnavailableError("x40016: mount.nfs: No such file or directory")
        listing = Listing([self._stat("/")])
        folders = ["/"]
        while folders:
            folder = folders.pop()
            try:
                found = sorted(self._inside(folder), key=lambda item: item.path)
            except OSError as error:
                listing.unread.append((folder, error))
                continue
            listing.items.extend(found)
            folders.extend(item.path for item in reversed(found) if item.folder)
        return listing

    def _inside(self, folder: str) -> list[Item]:
        items = []
        with os.scandir(self.local_path(folder)) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                kind = _kind(found.st_mode)
                if kind is not None:
                    items.append(_item(f"{folder.rstrip('/')}/{entry.name}", kind, found))
        return items


def _kind(mode: int) -> Kind | None:
    if stat.S_ISDIR(mode):
        return Kind.FOLDER
    if stat.S_ISLNK(mode):
        return Kind.SYMLINK
    return Kind.FILE if stat.S_ISREG(mode) else None


def _item(path: str, kind: Kind, found: os.stat_result) -> Item:
    return Item(
        path,
        kind,
        0 if kind is Kind.FOLDER else found.st_size,
        found.st_mtime_ns,
        found.st_atime_ns,
        stat.S_IMODE(found.st_mode),
        found.st_uid,
        found.st_gid,
    )
