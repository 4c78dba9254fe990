"""Synthetic shares: names and sizes of files are computed from their numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from emulator.transfer.items import Item, Kind

_MTIME_NS = 1_700_000_000 * 10**9


@dataclass(frozen=True)
class SyntheticShare:
    """A synthetic share: `share` is server/subdirectory; `seconds` is the duration of each of two steps."""

    share: str
    files: int
    folders: int = 1
    size_bytes: int = 1024
    seconds: float = 0.0

    def file(self, number: int) -> Item:
        """Return the file with this number, from 0 on; always the same."""
        path = f"/folder-{number % self.folders:06d}/file-{number:010d}.dat"
        return Item(path, Kind.FILE, (number * 2_654_435_761) % (2 * self.size_bytes + 1), _MTIME_NS)

    def folder(self, number: int) -> Item:
        """Return the folder with this number, from 0 on; 0 is the root of the share."""
        return Item(f"/folder-{number - 1:06d}" if number else "/", Kind.FOLDER, 0, _MTIME_NS)

    @property
    def folder_count(self) -> int:
        """Number of folders, including the root of the share."""
        return self.folders + 1

    @property
    def total_bytes(self) -> int:
        """Nominal size of all files: `size_bytes` for each."""
        return self.files * self.size_bytes


class SyntheticShares:
    """All synthetic shares."""

    def __init__(self) -> None:
        self._shares: dict[str, SyntheticShare] = {}

    def add(self, definition: Mapping[str, Any]) -> SyntheticShare:
        """Add a share with the fields of SyntheticShare. Raises ValueError, for the user, if it is invalid."""
        known = {field.name for field in fields(SyntheticShare)}
        if not {"share", "files"} <= definition.keys() <= known:
            raise ValueError(f"a synthetic share needs share and files; its fields are {', '.join(sorted(known))}")
        numbers = [value for name, value in definition.items() if name != "share"]
        if any(isinstance(value, bool) or not isinstance(value, int | float) or value < 0 for value in numbers):
            raise ValueError("the numbers of a synthetic share must be 0 or more")
        share = SyntheticShare(**definition)
        if share.folders < 1:
            raise ValueError("a synthetic share needs at least one folder")
        self._shares[share.share.strip("/")] = share
        return share

    def find(self, location_uri: str) -> SyntheticShare | None:
        """Return the synthetic share at a location's URI, or None."""
        uri = urlsplit(location_uri)
        return self._shares.get(f"{uri.netloc}/{uri.path.strip('/')}".strip("/"))
