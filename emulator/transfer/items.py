"""What is transferred: files, folders and symbolic links, as their metadata tell them apart."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What an item is."""

    FILE = "file"
    FOLDER = "directory"
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True)
class Item:
    """An item at one of the two locations.

    `path` is relative to the location and begins with `/`; the location itself is `/`. A name that is not UTF-8 holds
    lone surrogates, as Python's file functions make them. A symbolic link's size is that of its target's path.
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
        """Whether it is a folder."""
        return self.kind is Kind.FOLDER

    def same_as(self, other: "Item") -> bool:
        """Whether content size and metadata agree, access times aside: what TransferMode CHANGED goes by."""
        return self.compared == other.compared

    @property
    def compared(self) -> tuple[bool, int, int, int, int, int]:
        """What of an item is compared."""
        return (self.folder, self.size_bytes, self.mtime_ns, self.mode, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Evidence:
    """An item as verification found it: its metadata, and the SHA-256 of its content in hexadecimal digits."""

    item: Item
    sha256: str

    def agrees_with(self, other: "Evidence") -> bool:
        """Whether content and metadata are the same."""
        return self.sha256 == other.sha256 and self.item.same_as(other.item)
