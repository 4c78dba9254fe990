"""How outcomes are put into words, in both modes."""

import json
from dataclasses import replace

import pytest

from emulator.logs.basic import BasicLines
from emulator.logs.enhanced import EnhancedRecords
from emulator.logs.entries import Entry, wanted
from emulator.logs.forms import Forms, read_forms
from emulator.transfer.items import Evidence, Item, Kind
from emulator.transfer.outcomes import Deleted, Failed, Mismatched, Skipped, Transferred, Verified

EXECUTION = "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0/execution/exec-0fedcba9876543210"
LOCATIONS = ("arn:…:location/loc-source", "arn:…:location/loc-destination")
NAME = "/two\nlines, 9 bytes{path}{size}"
FILE = Item(NAME, Kind.FILE, 3, 1_602_647_222_222_919_600, 1_633_100_003_684_349_800)
FOLDER = Item("/dir", Kind.FOLDER, 0, 0)
HASH, OTHER = "0c" * 32, "db" * 32


def basic(outcome, forms=None):
    return [entry.message for entry in BasicLines(EXECUTION, forms or Forms()).happened(outcome)]


def enhanced(outcome, forms=None):
    entries = EnhancedRecords(EXECUTION, LOCATIONS, forms or Forms()).happened(outcome)
    return [json.loads(entry.message) for entry in entries]


def verified(item):
    return Verified(Evidence(item, HASH), Evidence(item, HASH))


def test_a_name_stands_in_a_basic_line_exactly_as_it_is():
    assert basic(verified(FILE)) == [f"[NOTICE] Verified file {NAME}, 3 bytes"]
    assert basic(Transferred(FILE, replaced=False)) == [f"[NOTICE] Transferred file {NAME}, 3 bytes"]
    assert basic(verified(FOLDER)) == ["[NOTICE] Verified directory /dir"]


def test_a_mismatch_is_five_basic_lines_as_the_guide_prints_them():
    item = replace(FILE, path="/d/f")
    changed = replace(item, size_bytes=5)
    assert basic(Mismatched(Evidence(item, HASH), Evidence(changed, OTHER))) == [
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


def test_what_is_at_one_side_only_has_that_side_s_lines():
    item = replace(FILE, path="/f")
    at_destination = basic(Mismatched(None, Evidence(item, HASH)))
    at_source = basic(Mismatched(Evidence(item, HASH), None))

    assert at_destination[0] == "[NOTICE] Verification failed > /f"
    assert [line.split()[2] for line in at_destination[1:2]] == ["dstMeta:"]
    assert at_source[0] == "[NOTICE] Verification failed < /f"
    assert len(at_destination) == len(at_source) == 3


def test_a_failure_is_an_error_line():
    assert basic(Failed("Transfer", replace(FILE, path="/f"), "open source file", "No such file or directory")) == [
        "[ERROR] Failed to open source file /f: No such file or directory"
    ]


def test_inferred_basic_lines_can_be_left_out_or_reworded():
    forms = Forms(basic_transferred_file=None, basic_skipped="[INFO] Skipped {path}", basic_deleted="- {path}")
    assert basic(Transferred(FILE, replaced=False), forms) == []
    assert basic(Skipped(FOLDER, "Unchanged"), forms) == ["[INFO] Skipped /dir"]
    assert basic(Deleted(FOLDER), forms) == ["- /dir"]
    assert basic(Skipped(FOLDER, "Unchanged")) == basic(Deleted(FOLDER)) == []


def test_an_enhanced_record_has_the_name_without_its_slash_and_is_one_line():
    [entry] = EnhancedRecords(EXECUTION, LOCATIONS, Forms()).happened(verified(FILE))
    [record] = enhanced(verified(FILE))

    assert "\n" not in entry.message
    assert record["Action"] == "VERIFY"
    assert record["Source"]["RelativePath"] == record["Destination"]["RelativePath"] == NAME[1:]
    assert record["Source"]["LocationId"] == "loc-source"
    assert record["Destination"]["Metadata"]["ContentSize"] == 3
    assert record["Source"]["Metadata"]["S3"]["UserMetadata"]["file-mtime"] == "1602647222/222919600"


@pytest.mark.parametrize(
    ("source", "stored", "code"),
    [
        (None, Evidence(FILE, HASH), "FileNotAtSource"),
        (Evidence(FILE, HASH), None, "FileNotAtDestination"),
        (Evidence(FILE, HASH), Evidence(replace(FILE, mtime_ns=1), HASH), "MetadataDiffers"),
        (Evidence(FILE, HASH), Evidence(FILE, OTHER), "ContentDiffers"),
    ],
)
def test_an_enhanced_mismatch_bears_its_code(source, stored, code):
    [record] = enhanced(Mismatched(source, stored))

    assert (record["Action"], record["ErrorCode"]) == ("VERIFY", code)
    assert ("Metadata" in record["Source"], "Metadata" in record["Destination"]) == (
        source is not None,
        stored is not None,
    )


def test_enhanced_records_of_success_folders_and_skips_are_a_matter_of_form():
    assert enhanced(verified(FOLDER)) == []
    [folder] = enhanced(verified(FOLDER), Forms(enhanced_folder_records=True))
    assert folder["Source"]["RelativePath"] == "dir/"
    assert enhanced(verified(FILE), Forms(enhanced_success_records=False)) == []
    assert enhanced(Skipped(FILE, "Unchanged")) == []
    [skip] = enhanced(Skipped(FILE, "Unchanged"), Forms(enhanced_skip_records=True))
    assert (skip["Action"], skip["SkipReason"]) == ("SKIP", "Unchanged")


@pytest.mark.parametrize(("level", "messages"), [("OFF", []), ("BASIC", ["e"]), ("TRANSFER", ["i", "e"])])
def test_the_log_level_lets_through_what_it_should(level, messages):
    assert wanted([Entry("i"), Entry("e", error=True)], level) == messages


def test_a_lone_surrogate_becomes_a_question_mark():
    assert wanted([Entry("bad-\udcff")], "TRANSFER") == ["bad-?"]


def test_forms_are_read_by_name_and_type():
    assert read_forms({"basic_transferred_file": None}).basic_transferred_file is None
    with pytest.raises(ValueError, match="is not a form; there are"):
        read_forms({"basic_transfered": ""})
    with pytest.raises(ValueError, match="cannot be 'yes'"):
        read_forms({"enhanced_success_records": "yes"})
