"""Items of a transfer: files, folders and symbolic links, with their metadata."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Kind of an item."""

    FILE = "file"
    FOLDER = "directory"
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True)
class Item:
    """An item at one of the two locations.

    `path` is relative to the location and starts with `/`; the location's root is `/`. Bytes of a name that are not
    UTF-8 are lone surrogates, as in Python's file functions. A symbolic link's size is the size of its target path.
    """

    path: str
    kind: Kind
    size_bytes: int
    mtime_ns: int
    atime_ns: int = 0
    mode: int = 0o755
    uid: int = 65534
    gid: int = 65534

    @property
    def folder(self) -> bool:
        """Whether the item is a folder."""
        return self.kind is Kind.FOLDER

    def same_metadata(self, other: "Item") -> bool:
        """Return whether size and metadata, except access times, are equal; decides TransferMode CHANGED."""
        return self.comparison_key == other.comparison_key

    @property
    def comparison_key(self) -> tuple[bool, int, int, int, int, int]:
        """The fields that are compared."""
        return (self.folder, self.size_bytes, self.mtime_ns, self.mode, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class ItemSnapshot:
    """An item as read for verification: its metadata, and the SHA-256 of its content in hexadecimal digits."""

    item: Item
    sha256: str

    def agrees_with(self, other: "ItemSnapshot") -> bool:
        """Return whether content and metadata are equal."""
        return self.sha256 == other.sha256 and self.item.same_metadata(other.item)
