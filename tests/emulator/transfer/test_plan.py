"""The plan: which items are transferred, skipped and deleted."""

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
    "existing",
    [
        replace(FILE, size_bytes=4),
        replace(FILE, mtime_ns=2),
        replace(FILE, mode=0o600),
        replace(FILE, uid=0),
        replace(FILE, gid=0),
    ],
)
def test_changed_item_is_transferred_unless_overwrite_mode_is_never(existing):
    stored = {"/a": existing}
    assert paths(make_plan([FILE], stored, [existing], OPTIONS).transfer) == ["/a"]
    never = make_plan([FILE], stored, [existing], OPTIONS | {"OverwriteMode": "NEVER"})
    assert (never.transfer, never.skip) == ([], [(FILE, "OverwriteNever")])


def test_item_that_differs_only_in_access_time_is_skipped_unless_transfer_mode_is_all():
    stored = {"/a": replace(FILE, atime_ns=9)}
    assert make_plan([FILE], stored, [FILE], OPTIONS).skip == [(FILE, "Unchanged")]
    assert paths(make_plan([FILE], stored, [FILE], OPTIONS | {"TransferMode": "ALL"}).transfer) == ["/a"]


def test_changed_folder_is_transferred_even_if_overwrite_mode_is_never():
    found = make_plan([FOLDER], {"/": replace(FOLDER, mtime_ns=2)}, [], OPTIONS | {"OverwriteMode": "NEVER"})
    assert paths(found.transfer) == ["/"]


def test_item_missing_at_the_source_is_deleted_children_first_only_with_remove():
    extra = [Item("/d", Kind.FOLDER, 0, 0), Item("/d/x", Kind.FILE, 1, 0), FILE]
    assert make_plan([FILE], {}, extra, OPTIONS).delete == []
    assert paths(make_plan([FILE], {}, extra, OPTIONS | {"PreserveDeletedFiles": "REMOVE"}).delete) == ["/d/x", "/d"]


def test_folder_with_the_path_of_a_file_is_deleted():
    folder = Item("/a", Kind.FOLDER, 0, 0)
    assert make_plan([FILE], {}, [folder], OPTIONS | {"PreserveDeletedFiles": "REMOVE"}).delete == [folder]
