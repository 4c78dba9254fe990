"""What is transferred, skipped and deleted."""

from dataclasses import replace

import pytest

from emulator.transfer.items import Item, Kind
from emulator.transfer.plan import make_plan

FILE = Item("/a", Kind.FILE, 3, 1)
FOLDER = Item("/", Kind.FOLDER, 0, 1)
OPTIONS = {"TransferMode": "CHANGED", "OverwriteMode": "ALWAYS", "PreserveDeletedFiles": "PRESERVE"}


def paths(items):
    return [item.path for item in items]


@pytest.mark.parametrize(
    "there",
    [
        replace(FILE, size_bytes=4),
        replace(FILE, mtime_ns=2),
        replace(FILE, mode=0o600),
        replace(FILE, uid=0),
        replace(FILE, gid=0),
    ],
)
def test_what_differs_is_transferred_and_never_overwritten_if_told_so(there):
    stored = {"/a": there}
    assert paths(make_plan([FILE], stored, [there], OPTIONS).transfer) == ["/a"]
    never = make_plan([FILE], stored, [there], OPTIONS | {"OverwriteMode": "NEVER"})
    assert (never.transfer, never.skip) == ([], [(FILE, "OverwriteNever")])


def test_what_is_the_same_but_for_its_access_time_is_skipped_unless_all_is_to_be_transferred():
    stored = {"/a": replace(FILE, atime_ns=9)}
    assert make_plan([FILE], stored, [FILE], OPTIONS).skip == [(FILE, "Unchanged")]
    assert paths(make_plan([FILE], stored, [FILE], OPTIONS | {"TransferMode": "ALL"}).transfer) == ["/a"]


def test_a_folder_that_changed_is_transferred_even_if_nothing_is_overwritten():
    found = make_plan([FOLDER], {"/": replace(FOLDER, mtime_ns=2)}, [], OPTIONS | {"OverwriteMode": "NEVER"})
    assert paths(found.transfer) == ["/"]


def test_what_the_source_lacks_is_deleted_children_first_only_if_told_so():
    extra = [Item("/d", Kind.FOLDER, 0, 0), Item("/d/x", Kind.FILE, 1, 0), FILE]
    assert make_plan([FILE], {}, extra, OPTIONS).delete == []
    assert paths(make_plan([FILE], {}, extra, OPTIONS | {"PreserveDeletedFiles": "REMOVE"}).delete) == ["/d/x", "/d"]


def test_a_folder_in_the_place_of_a_file_is_deleted():
    folder = Item("/a", Kind.FOLDER, 0, 0)
    assert make_plan([FILE], {}, [folder], OPTIONS | {"PreserveDeletedFiles": "REMOVE"}).delete == [folder]
