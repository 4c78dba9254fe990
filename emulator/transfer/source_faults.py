"""Faults in a transfer: changes to the source that another process might cause."""

import asyncio
import errno
import os

from emulator.faults import Faults
from emulator.transfer.folder import FolderSource
from emulator.transfer.locations import Source

ADDED = b"changed during the transfer\n"


class SourceFaults:
    """The active faults, applied to the source of one execution. Only files of a FolderSource are changed."""

    def __init__(self, faults: Faults, execution_arn: str, source: Source) -> None:
        self._faults = faults
        self._arn = execution_arn
        self._source = source

    async def before_copy(self, path: str) -> None:
        """Delete the file if `vanish_source` applies."""
        if self._faults.matches_path("vanish_source", self._arn, path) and isinstance(self._source, FolderSource):
            await asyncio.to_thread(self._source.local_path(path).unlink, missing_ok=True)

    def on_read(self, path: str) -> None:
        """Raise PermissionError if `unreadable` applies."""
        if self._faults.matches_path("unreadable", self._arn, path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    async def after_copy(self, path: str) -> None:
        """Append a line to the file if `change_source` applies: after its copy, before its verification."""
        if self._faults.matches_path("change_source", self._arn, path) and isinstance(self._source, FolderSource):
            await asyncio.to_thread(_append, self._source, path)


def _append(source: FolderSource, path: str) -> None:
    with source.local_path(path).open("ab") as file:
        file.write(ADDED)
