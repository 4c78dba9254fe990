"""POSIX metadata as user metadata of an object."""

import re
from datetime import datetime

from emulator.transfer.items import Item, Kind

_TIME = re.compile(r"(\d+)/(\d+)")


def user_metadata(item: Item) -> dict[str, str]:
    """What DataSync notes on an object: `file-mtime` as `<seconds>/<nanoseconds>`; the other keys as AWS's guide."""
    return {
        "file-mtime": time_text(item.mtime_ns),
        "file-atime": time_text(item.atime_ns),
        "file-permissions": f"{item.mode:04o}",
        "file-owner": str(item.uid),
        "file-group": str(item.gid),
    }


def item_of(source: Item, size_bytes: int, last_modified: datetime, noted: dict[str, str]) -> Item:
    """An object as an item under the path of its counterpart; what its user metadata do not tell comes from S3."""
    modified_ns = int(last_modified.timestamp()) * 10**9
    return Item(
        source.path,
        Kind.FOLDER if source.folder else Kind.FILE,
        size_bytes,
        _time_ns(noted.get("file-mtime", ""), modified_ns),
        _time_ns(noted.get("file-atime", ""), modified_ns),
        _number(noted.get("file-permissions", ""), 8),
        _number(noted.get("file-owner", ""), 10),
        _number(noted.get("file-group", ""), 10),
    )


def time_text(time_ns: int) -> str:
    """A time as DataSync writes it: `1602647222/222919600`."""
    return f"{time_ns // 10**9}/{time_ns % 10**9}"


def _time_ns(text: str, otherwise_ns: int) -> int:
    match = _TIME.fullmatch(text)
    return int(match[1]) * 10**9 + int(match[2]) if match else otherwise_ns


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        return -1
