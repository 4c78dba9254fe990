"""POSIX metadata as user metadata of an object."""

import re
from datetime import datetime

from emulator.transfer.items import Item, Kind

_TIME = re.compile(r"(\d+)/(\d+)")


def user_metadata(item: Item) -> dict[str, str]:
    """Return the user metadata that DataSync stores with an object.

    `file-mtime` is `<seconds>/<nanoseconds>`; the other keys are from AWS's guide.
    """
    return {
        "file-mtime": format_time_ns(item.mtime_ns),
        "file-atime": format_time_ns(item.atime_ns),
        "file-permissions": f"{item.mode:04o}",
        "file-owner": str(item.uid),
        "file-group": str(item.gid),
    }


def item_from_object(source: Item, size_bytes: int, last_modified: datetime, metadata: dict[str, str]) -> Item:
    """Return an object as an item with the source's path; S3's values replace missing user metadata."""
    modified_ns = int(last_modified.timestamp()) * 10**9
    return Item(
        source.path,
        Kind.FOLDER if source.folder else Kind.FILE,
        size_bytes,
        _parse_time_ns(metadata.get("file-mtime", ""), modified_ns),
        _parse_time_ns(metadata.get("file-atime", ""), modified_ns),
        _parse_int(metadata.get("file-permissions", ""), 8),
        _parse_int(metadata.get("file-owner", ""), 10),
        _parse_int(metadata.get("file-group", ""), 10),
    )


def format_time_ns(time_ns: int) -> str:
    """Format a time as DataSync does: `1602647222/222919600`."""
    return f"{time_ns // 10**9}/{time_ns % 10**9}"


def _parse_time_ns(text: str, default_ns: int) -> int:
    match = _TIME.fullmatch(text)
    return int(match[1]) * 10**9 + int(match[2]) if match else default_ns


def _parse_int(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        return -1
