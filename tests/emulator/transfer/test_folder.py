"""A local folder as a share."""

import os

import pytest

from emulator.transfer.folder import FolderSource, share_folder
from emulator.transfer.items import Kind
from emulator.transfer.locations import LocationUnavailableError


async def test_listing_is_ordered_with_parents_before_children(tmp_path):
    for name in ("b/x", "b/a/y", "a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("123")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("a")

    listing = await FolderSource(tmp_path).listing()

    assert [(item.path, item.kind, item.size_bytes) for item in listing.items] == [
        ("/", Kind.FOLDER, 0),
        ("/a", Kind.FILE, 3),
        ("/b", Kind.FOLDER, 0),
        ("/link", Kind.SYMLINK, 1),
        ("/b/a", Kind.FOLDER, 0),
        ("/b/x", Kind.FILE, 3),
        ("/b/a/y", Kind.FILE, 3),
    ]


async def test_missing_file_and_pipe_are_not_found(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/gone", "/pipe"):
        with pytest.raises(FileNotFoundError):
            await FolderSource(tmp_path).stat(path)


async def test_missing_folder_is_unavailable(tmp_path):
    with pytest.raises(LocationUnavailableError):
        await FolderSource(tmp_path / "none").listing()


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("nfs://nas/export/a/", "nas/export/a"),
        ("smb://win/share/", "win/share"),
        ("efs://us-east-1.fs-1/", "us-east-1.fs-1"),
        ("hdfs://node:8020/d/", "node_8020/d"),
    ],
)
def test_location_is_server_and_subdirectory_in_the_folder_of_shares(tmp_path, uri, folder):
    assert share_folder(tmp_path, uri) == tmp_path / folder


@pytest.mark.parametrize("uri", ["nfs://nas/../secret/", "nfs://../x/", "nfs://nas/a/../../../x/"])
def test_location_outside_the_folder_of_shares_is_rejected(tmp_path, uri):
    with pytest.raises(LocationUnavailableError):
        share_folder(tmp_path, uri)
