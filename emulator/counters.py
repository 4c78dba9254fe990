"""Counters of an execution, and the members of DescribeTaskExecution that report them in each mode."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ItemCount:
    """Number of files (objects and symbolic links) and number of folders."""

    files: int = 0
    folders: int = 0

    def add(self, *, folder: bool, number: int = 1) -> None:
        """Add `number` items of one kind."""
        if folder:
            self.folders += number
        else:
            self.files += number

    @property
    def total(self) -> int:
        """Files and folders together: Basic mode counts directories as files."""
        return self.files + self.folders


@dataclass
class Counters:
    """All counters of DescribeTaskExecution, with files and folders apart, as Enhanced mode needs them."""

    to_transfer: ItemCount = field(default_factory=ItemCount)
    to_delete: ItemCount = field(default_factory=ItemCount)
    listed_at_source: ItemCount = field(default_factory=ItemCount)
    listed_for_delete: ItemCount = field(default_factory=ItemCount)
    prepared: ItemCount = field(default_factory=ItemCount)
    transferred: ItemCount = field(default_factory=ItemCount)
    verified: ItemCount = field(default_factory=ItemCount)
    skipped: ItemCount = field(default_factory=ItemCount)
    deleted: ItemCount = field(default_factory=ItemCount)
    failed_list: ItemCount = field(default_factory=ItemCount)
    failed_prepare: ItemCount = field(default_factory=ItemCount)
    failed_transfer: ItemCount = field(default_factory=ItemCount)
    failed_verify: ItemCount = field(default_factory=ItemCount)
    failed_delete: ItemCount = field(default_factory=ItemCount)
    bytes_to_transfer: int = 0
    bytes_written: int = 0
    bytes_transferred: int = 0
    bytes_compressed: int = 0

    @property
    def failed(self) -> int:
        """Number of items that failed in any step. More than 0 makes the execution end in ERROR."""
        failures = (self.failed_list, self.failed_prepare, self.failed_transfer, self.failed_verify, self.failed_delete)
        return sum(count.total for count in failures)


def describe_counters(counters: Counters, *, enhanced: bool) -> dict[str, Any]:
    """Return the counter members of DescribeTaskExecution.

    Basic mode counts directories as files; Enhanced mode reports them separately, as folders. Source: the service
    model's documentation of these members. SDKs that do not know the newer `Folders*` members ignore them.
    """
    fields: dict[str, Any] = {
        "EstimatedBytesToTransfer": counters.bytes_to_transfer,
        "BytesWritten": counters.bytes_written,
        "BytesTransferred": counters.bytes_transferred,
        "BytesCompressed": counters.bytes_compressed,
    }
    if enhanced:
        return fields | _enhanced(counters)
    return fields | {
        "EstimatedFilesToTransfer": counters.to_transfer.total + counters.to_delete.total,
        "EstimatedFilesToDelete": counters.to_delete.total,
        "FilesTransferred": counters.transferred.total,
        "FilesVerified": counters.verified.total,
        "FilesSkipped": counters.skipped.total,
        "FilesDeleted": counters.deleted.total,
    }


def _enhanced(counters: Counters) -> dict[str, Any]:
    single = {
        "Estimated{}ToTransfer": counters.to_transfer,
        "Estimated{}ToDelete": counters.to_delete,
        "{}Prepared": counters.prepared,
        "{}Transferred": counters.transferred,
        "{}Verified": counters.verified,
        "{}Skipped": counters.skipped,
        "{}Deleted": counters.deleted,
    }
    listed = {"AtSource": counters.listed_at_source, "AtDestinationForDelete": counters.listed_for_delete}
    failed = {
        "Prepare": counters.failed_prepare,
        "Transfer": counters.failed_transfer,
        "Verify": counters.failed_verify,
        "Delete": counters.failed_delete,
    }
    return {
        **{name.format("Files"): count.files for name, count in single.items()},
        **{name.format("Folders"): count.folders for name, count in single.items()},
        "FilesListed": {name: count.files for name, count in listed.items()},
        "FoldersListed": {name: count.folders for name, count in listed.items()},
        "FilesFailed": {name: count.files for name, count in failed.items()},
        "FoldersFailed": {"List": counters.failed_list.folders}
        | {name: count.folders for name, count in failed.items()},
    }
