"""Log messages for item events, in both modes."""

import json
from dataclasses import replace

import pytest

from emulator.logs.basic import BasicFormatter
from emulator.logs.enhanced import EnhancedFormatter
from emulator.logs.formatter import LogMessage, select_for_level
from emulator.logs.templates import Templates, read_templates
from emulator.transfer.item_events import Deleted, Failed, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.items import Item, ItemSnapshot, Kind

EXECUTION = "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0/execution/exec-0fedcba9876543210"
LOCATIONS = ("arn:…:location/loc-source", "arn:…:location/loc-destination")
NAME = "/two\nlines, 9 bytes{path}{size}"
FILE = Item(NAME, Kind.FILE, 3, 1_602_647_222_222_919_600, 1_633_100_003_684_349_800)
FOLDER = Item("/dir", Kind.FOLDER, 0, 0)
HASH, OTHER = "0c" * 32, "db" * 32


def basic(event, templates=None):
    return [message.text for message in BasicFormatter(EXECUTION, templates or Templates()).item_event(event)]


def enhanced(event, templates=None):
    messages = EnhancedFormatter(EXECUTION, LOCATIONS, templates or Templates()).item_event(event)
    return [json.loads(message.text) for message in messages]


def verified(item):
    return Verified(ItemSnapshot(item, HASH), ItemSnapshot(item, HASH))


def test_basic_line_contains_the_name_unescaped():
    assert basic(verified(FILE)) == [f"[NOTICE] Verified file {NAME}, 3 bytes"]
    assert basic(Transferred(FILE, replaced=False)) == [f"[NOTICE] Transferred file {NAME}, 3 bytes"]
    assert basic(verified(FOLDER)) == ["[NOTICE] Verified directory /dir"]


def test_mismatch_has_five_basic_lines_as_in_the_guide():
    item = replace(FILE, path="/d/f")
    changed = replace(item, size_bytes=5)
    assert basic(Mismatched(ItemSnapshot(item, HASH), ItemSnapshot(changed, OTHER))) == [
        "[NOTICE] Verification failed <> /d/f",
        (
            "[NOTICE] /d/f   srcMeta: type=R mode=0755 uid=65534 gid=65534 size=3 atime=1633100003/684349800 "
            "mtime=1602647222/222919600 extAttrsHash=0"
        ),
        f"[NOTICE]   srcHash: {HASH}",
        (
            "[NOTICE] /d/f   dstMeta: type=R mode=0755 uid=65534 gid=65534 size=5 atime=1633100003/684349800 "
            "mtime=1602647222/222919600 extAttrsHash=0"
        ),
        f"[NOTICE]   dstHash: {OTHER}",
    ]


def test_item_missing_at_one_location_has_only_the_lines_of_the_other():
    item = replace(FILE, path="/f")
    at_destination = basic(Mismatched(None, ItemSnapshot(item, HASH)))
    at_source = basic(Mismatched(ItemSnapshot(item, HASH), None))

    assert at_destination[0] == "[NOTICE] Verification failed > /f"
    assert [line.split()[2] for line in at_destination[1:2]] == ["dstMeta:"]
    assert at_source[0] == "[NOTICE] Verification failed < /f"
    assert len(at_destination) == len(at_source) == 3


def test_failure_is_an_error_line():
    assert basic(Failed("Transfer", replace(FILE, path="/f"), "open source file", "No such file or directory")) == [
        "[ERROR] Failed to open source file /f: No such file or directory"
    ]


def test_templates_omit_or_change_inferred_basic_lines():
    templates = Templates(basic_transferred_file=None, basic_skipped="[INFO] Skipped {path}", basic_deleted="- {path}")
    assert basic(Transferred(FILE, replaced=False), templates) == []
    assert basic(Skipped(FOLDER, "Unchanged"), templates) == ["[INFO] Skipped /dir"]
    assert basic(Deleted(FOLDER), templates) == ["- /dir"]
    assert basic(Skipped(FOLDER, "Unchanged")) == basic(Deleted(FOLDER)) == []


def test_enhanced_record_is_one_line_with_the_name_without_its_slash():
    [message] = EnhancedFormatter(EXECUTION, LOCATIONS, Templates()).item_event(verified(FILE))
    [record] = enhanced(verified(FILE))

    assert "\n" not in message.text
    assert record["Action"] == "VERIFY"
    assert record["Source"]["RelativePath"] == record["Destination"]["RelativePath"] == NAME[1:]
    assert record["Source"]["LocationId"] == "loc-source"
    assert record["Destination"]["Metadata"]["ContentSize"] == 3
    assert record["Source"]["Metadata"]["S3"]["UserMetadata"]["file-mtime"] == "1602647222/222919600"


@pytest.mark.parametrize(
    ("source", "stored", "code"),
    [
        (None, ItemSnapshot(FILE, HASH), "FileNotAtSource"),
        (ItemSnapshot(FILE, HASH), None, "FileNotAtDestination"),
        (ItemSnapshot(FILE, HASH), ItemSnapshot(replace(FILE, mtime_ns=1), HASH), "MetadataDiffers"),
        (ItemSnapshot(FILE, HASH), ItemSnapshot(FILE, OTHER), "ContentDiffers"),
    ],
)
def test_enhanced_mismatch_has_its_error_code(source, stored, code):
    [record] = enhanced(Mismatched(source, stored))

    assert (record["Action"], record["ErrorCode"]) == ("VERIFY", code)
    assert ("Metadata" in record["Source"], "Metadata" in record["Destination"]) == (
        source is not None,
        stored is not None,
    )


def test_templates_control_enhanced_records_of_successes_folders_and_skips():
    assert enhanced(verified(FOLDER)) == []
    [folder] = enhanced(verified(FOLDER), Templates(enhanced_folder_records=True))
    assert folder["Source"]["RelativePath"] == "dir/"
    assert enhanced(verified(FILE), Templates(enhanced_success_records=False)) == []
    assert enhanced(Skipped(FILE, "Unchanged")) == []
    [skip] = enhanced(Skipped(FILE, "Unchanged"), Templates(enhanced_skip_records=True))
    assert (skip["Action"], skip["SkipReason"]) == ("SKIP", "Unchanged")


@pytest.mark.parametrize(("level", "messages"), [("OFF", []), ("BASIC", ["e"]), ("TRANSFER", ["i", "e"])])
def test_log_level_selects_messages(level, messages):
    assert select_for_level([LogMessage("i"), LogMessage("e", error=True)], level) == messages


def test_lone_surrogate_becomes_a_question_mark():
    assert select_for_level([LogMessage("bad-\udcff")], "TRANSFER") == ["bad-?"]


def test_template_with_an_unknown_name_or_a_wrong_type_is_rejected():
    assert read_templates({"basic_transferred_file": None}).basic_transferred_file is None
    with pytest.raises(ValueError, match="is not a template; the templates are"):
        read_templates({"basic_transfered": ""})
    with pytest.raises(ValueError, match="cannot be 'yes'"):
        read_templates({"enhanced_success_records": "yes"})
