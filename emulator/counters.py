"""What an execution has counted, and how each mode reports it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """A number of files (objects, symbolic links) and of folders."""

    files: int = 0
    folders: int = 0

    def add(self, *, folder: bool, number: int = 1) -> None:
        """Count so many more of them."""
        if folder:
            self.folders += number
        else:
            self.files += number

    @property
    def both(self) -> int:
        """Basic mode's way of counting: directories are files."""
        return self.files + self.folders


@dataclass
class Counters:
    """Every counter of DescribeTaskExecution, kept by files and folders so that both modes can be served."""

    to_transfer: Tally = field(default_factory=Tally)
    to_delete: Tally = field(default_factory=Tally)
    listed_at_source: Tally = field(default_factory=Tally)
    listed_for_delete: Tally = field(default_factory=Tally)
    prepared: Tally = field(default_factory=Tally)
    transferred: Tally = field(default_factory=Tally)
    verified: Tally = field(default_factory=Tally)
    skipped: Tally = field(default_factory=Tally)
    deleted: Tally = field(default_factory=Tally)
    failed_list: Tally = field(default_factory=Tally)
    failed_prepare: Tally = field(default_factory=Tally)
    failed_transfer: Tally = field(default_factory=Tally)
    failed_verify: Tally = field(default_factory=Tally)
    failed_delete: Tally = field(default_factory=Tally)
    bytes_to_transfer: int = 0
    bytes_written: int = 0
    bytes_transferred: int = 0
    bytes_compressed: int = 0

    @property
    def failed(self) -> int:
        """How many items did not come through: what makes an execution end in ERROR."""
        failures = (self.failed_list, self.failed_prepare, self.failed_transfer, self.failed_verify, self.failed_delete)
        return sum(tally.both for tally in failures)


def described(counters: Counters, *, enhanced: bool) -> dict[str, Any]:
    """The members of DescribeTaskExecution: Basic counts directories as files, Enhanced apart as folders.

    Source: the service model's text on these members; `Folders*` are newer than some SDKs, which pass them over.
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
        "EstimatedFilesToTransfer": counters.to_transfer.both + counters.to_delete.both,
        "EstimatedFilesToDelete": counters.to_delete.both,
        "FilesTransferred": counters.transferred.both,
        "FilesVerified": counters.verified.both,
        "FilesSkipped": counters.skipped.both,
        "FilesDeleted": counters.deleted.both,
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
        **{name.format("Files"): tally.files for name, tally in single.items()},
        **{name.format("Folders"): tally.folders for name, tally in single.items()},
        "FilesListed": {name: tally.files for name, tally in listed.items()},
        "FoldersListed": {name: tally.folders for name, tally in listed.items()},
        "FilesFailed": {name: tally.files for name, tally in failed.items()},
        "FoldersFailed": {"List": counters.failed_list.folders}
        | {name: tally.folders for name, tally in failed.items()},
    }
