"""The counters of both modes."""

from emulator.counters import Counters, Tally, described
from emulator.transfer.counting import count
from emulator.transfer.items import Evidence, Item, Kind
from emulator.transfer.outcomes import Deleted, Failed, Mismatched, Skipped, Transferred, Verified

COUNTERS = Counters(
    to_transfer=Tally(7, 2),
    to_delete=Tally(1, 1),
    transferred=Tally(6, 2),
    verified=Tally(5, 2),
    failed_verify=Tally(1, 0),
    listed_at_source=Tally(9, 3),
    bytes_written=10,
)


def test_basic_mode_counts_directories_as_files_and_deletions_as_expected():
    fields = described(COUNTERS, enhanced=False)
    assert (fields["EstimatedFilesToTransfer"], fields["EstimatedFilesToDelete"]) == (11, 2)
    assert (fields["FilesTransferred"], fields["FilesVerified"], fields["BytesWritten"]) == (8, 7, 10)
    assert not any("Folders" in name or name in {"FilesFailed", "FilesListed", "FilesPrepared"} for name in fields)


def test_enhanced_mode_counts_folders_apart():
    fields = described(COUNTERS, enhanced=True)
    assert (fields["EstimatedFilesToTransfer"], fields["EstimatedFoldersToTransfer"]) == (7, 2)
    assert (fields["FilesVerified"], fields["FoldersVerified"]) == (5, 2)
    assert fields["FilesListed"] == {"AtSource": 9, "AtDestinationForDelete": 0}
    assert fields["FoldersListed"]["AtSource"] == 3
    assert fields["FilesFailed"]["Verify"] == 1
    assert fields["FoldersFailed"] == {"List": 0, "Prepare": 0, "Transfer": 0, "Verify": 0, "Delete": 0}


def test_each_outcome_is_counted_where_it_belongs():
    file, folder = Item("/f", Kind.FILE, 1, 0), Item("/d", Kind.FOLDER, 0, 0)
    evidence = Evidence(file, "")
    counters = Counters()
    for outcome in (
        Transferred(folder, replaced=False),
        Transferred(file, replaced=True),
        Verified(evidence, evidence),
        Mismatched(None, evidence),
        Skipped(file, "Unchanged"),
        Deleted(folder),
        Failed("List", folder, "open source directory", "Permission denied"),
        Failed("Transfer", file, "open source file", "Permission denied"),
    ):
        count(counters, outcome)

    assert counters == Counters(
        transferred=Tally(1, 1),
        verified=Tally(1, 0),
        failed_verify=Tally(1, 0),
        skipped=Tally(2, 0),
        deleted=Tally(0, 1),
        failed_list=Tally(0, 1),
        failed_transfer=Tally(1, 0),
    )
    assert counters.failed == 3


def test_any_failure_is_a_failure():
    assert COUNTERS.failed == 1
    assert Counters().failed == 0
