"""Counters in both modes."""

from emulator.counters import Counters, ItemCount, describe_counters
from emulator.transfer.counting import count_event
from emulator.transfer.item_events import Deleted, Failed, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.items import Item, ItemSnapshot, Kind

COUNTERS = Counters(
    to_transfer=ItemCount(7, 2),
    to_delete=ItemCount(1, 1),
    transferred=ItemCount(6, 2),
    verified=ItemCount(5, 2),
    failed_verify=ItemCount(1, 0),
    listed_at_source=ItemCount(9, 3),
    bytes_written=10,
)


def test_basic_mode_counts_directories_as_files_and_deletions_as_estimated():
    fields = describe_counters(COUNTERS, enhanced=False)
    assert (fields["EstimatedFilesToTransfer"], fields["EstimatedFilesToDelete"]) == (11, 2)
    assert (fields["FilesTransferred"], fields["FilesVerified"], fields["BytesWritten"]) == (8, 7, 10)
    assert not any("Folders" in name or name in {"FilesFailed", "FilesListed", "FilesPrepared"} for name in fields)


def test_enhanced_mode_counts_folders_separately():
    fields = describe_counters(COUNTERS, enhanced=True)
    assert (fields["EstimatedFilesToTransfer"], fields["EstimatedFoldersToTransfer"]) == (7, 2)
    assert (fields["FilesVerified"], fields["FoldersVerified"]) == (5, 2)
    assert fields["FilesListed"] == {"AtSource": 9, "AtDestinationForDelete": 0}
    assert fields["FoldersListed"]["AtSource"] == 3
    assert fields["FilesFailed"]["Verify"] == 1
    assert fields["FoldersFailed"] == {"List": 0, "Prepare": 0, "Transfer": 0, "Verify": 0, "Delete": 0}


def test_each_item_event_increases_its_counter():
    file, folder = Item("/f", Kind.FILE, 1, 0), Item("/d", Kind.FOLDER, 0, 0)
    snapshot = ItemSnapshot(file, "")
    counters = Counters()
    for event in (
        Transferred(folder, replaced=False),
        Transferred(file, replaced=True),
        Verified(snapshot, snapshot),
        Mismatched(None, snapshot),
        Skipped(file, "Unchanged"),
        Deleted(folder),
        Failed("List", folder, "open source directory", "Permission denied"),
        Failed("Transfer", file, "open source file", "Permission denied"),
    ):
        count_event(counters, event)

    assert counters == Counters(
        transferred=ItemCount(1, 1),
        verified=ItemCount(1, 0),
        failed_verify=ItemCount(1, 0),
        skipped=ItemCount(2, 0),
        deleted=ItemCount(0, 1),
        failed_list=ItemCount(0, 1),
        failed_transfer=ItemCount(1, 0),
    )
    assert counters.failed == 3


def test_failed_sums_the_failures_of_all_steps():
    assert COUNTERS.failed == 1
    assert Counters().failed == 0
