"""Faults in a transfer: what another process might do to the source meanwhile."""

import asyncio
import errno
import os

from emulator.faults import Faults
from emulator.transfer.folder import FolderSource
from emulator.transfer.places import Source

ADDED = b"changed during the transfer\n"


class Disturbance:
    """Does to the source of one execution what the faults in force say. Files are changed only in a folder source."""

    def __init__(self, faults: Faults, execution_arn: str, source: Source) -> None:
        self._faults = faults
        self._arn = execution_arn
        self._source = source

    async def before_copy(self, path: str) -> None:
        """Removes the file for `vanish_source`."""
        if self._faults.hits("vanish_source", self._arn, path) and isinstance(self._source, FolderSource):
            await asyncio.to_thread(self._source.place(path).unlink, missing_ok=True)

    def on_read(self, path: str) -> None:
        """Raises PermissionError for `unreadable`."""
        if self._faults.hits("unreadable", self._arn, path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    async def after_copy(self, path: str) -> None:
        """Appends a line to the file for `change_source`: it has been copied and is not yet verified."""
        if self._faults.hits("change_source", self._arn, path) and isinstance(self._source, FolderSource):
            await asyncio.to_thread(_append, self._source, path)


def _append(source: FolderSource, path: str) -> None:
    with source.place(path).open("ab") as file:
        file.write(ADDED)
