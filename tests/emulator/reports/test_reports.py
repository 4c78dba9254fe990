"""Task reports: records, files, and complete reports in S3."""

import json
import re
from datetime import UTC, datetime

import pytest

from emulator.reports.files import detailed_files
from emulator.reports.records import build_records
from emulator.reports.writer import report_levels
from emulator.transfer.item_events import Deleted, Failed, Mismatched, Skipped, Transferred, Verified
from emulator.transfer.items import Item, ItemSnapshot, Kind

AT = datetime(2023, 10, 16, 21, 48, 23, 213000, tzinfo=UTC)
FILE = Item("/dir/f", Kind.FILE, 15364, 1_697_492_494_000_000_000)
FOLDER = Item("/dir", Kind.FOLDER, 0, 0)
HASH = "d1" * 32
ALL = dict.fromkeys(("Transferred", "Verified", "Skipped", "Deleted"), "SUCCESSES_AND_ERRORS")
ERRORS = dict.fromkeys(ALL, "ERRORS_ONLY")
EXECUTION = "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0/execution/exec-0fedcba9876543210"


def timed(*events):
    return [(AT, event) for event in events]


def test_basic_verified_record_equals_a_real_one():
    found = build_records(
        timed(Verified(ItemSnapshot(FILE, HASH), ItemSnapshot(FILE, HASH))), enhanced=False, levels=ALL
    )

    metadata = {"Type": "Regular", "ContentSize": 15364, "Mtime": "2023-10-16T21:41:34.000000000Z"}
    assert found == {
        "Verified": [
            {
                "RelativePath": "/dir/f",
                "SrcMetadata": metadata,
                "SrcChecksum": f"SHA256:{HASH}",
                "DstMetadata": metadata,
                "DstChecksum": f"SHA256:{HASH}",
                "VerifyTimestamp": "2023-10-16T21:48:23.213000000Z",
                "VerifyStatus": "SUCCESS",
            }
        ]
    }


def test_enhanced_report_has_its_own_field_names_and_no_folders():
    found = build_records(
        timed(Transferred(FILE, replaced=True), Transferred(FOLDER, replaced=False)), enhanced=True, levels=ALL
    )

    [record] = found["Transferred"]
    assert (record["RelativePath"], record["Overwrite"]) == ("dir/f", "True")
    assert "SourceMetadata" in record


def test_errors_only_omits_successes():
    events = timed(
        Transferred(FILE, replaced=False),
        Skipped(FILE, "Unchanged"),
        Deleted(FILE),
        Failed("Transfer", FILE, "open source file", "Permission denied"),
        Failed("Delete", FILE, "delete destination file", "x"),
        Mismatched(ItemSnapshot(FILE, HASH), None),
    )

    found = build_records(events, enhanced=False, levels=ERRORS)

    assert {
        kind: [record[f"{verb}Status"] for record in found[kind]]
        for kind, verb in (("Transferred", "Transfer"), ("Deleted", "Delete"), ("Verified", "Verify"))
    } == {
        "Transferred": ["FAILED"],
        "Deleted": ["FAILED"],
        "Verified": ["FAILED"],
    }
    assert "Skipped" not in found
    assert found["Transferred"][0]["ErrorDetail"] == "Failed to open source file: Permission denied"


def test_long_list_is_split_into_numbered_files_of_limited_size():
    found = {"Verified": [{"RelativePath": f"/{number:04d}"} for number in range(100)]}

    files = detailed_files(EXECUTION, found, max_bytes=1000)

    numbers = [
        re.fullmatch(r"exec-0fedcba9876543210\.files-verified-v1-(\d{5})-[0-9a-f]{17}\.json", name)[1] for name in files
    ]
    assert numbers == [f"{number:05d}" for number in range(1, len(files) + 1)]
    assert len(files) > 2
    assert all(len(body) <= 1000 for body in files.values())
    assert [record for body in files.values() for record in json.loads(body)["Verified"]] == found["Verified"]


def test_level_of_a_kind_is_its_override_or_the_level_of_the_report():
    configuration = {"ReportLevel": "SUCCESSES_AND_ERRORS", "Overrides": {"Skipped": {"ReportLevel": "ERRORS_ONLY"}}}
    assert report_levels(configuration) == ALL | {"Skipped": "ERRORS_ONLY"}
    assert report_levels({}) == ERRORS


def configuration(setup, **more):
    where = {
        "S3BucketArn": f"arn:aws:s3:::{setup.bucket}",
        "Subdirectory": "/reports",
        "BucketAccessRoleArn": "arn:aws:iam::123456789012:role/r",
    }
    return {"Destination": {"S3": where}, "ReportLevel": "SUCCESSES_AND_ERRORS", "OutputType": "STANDARD"} | more


def finished(described):
    return described.get("ReportResult", {}).get("Status") in {"SUCCESS", "ERROR"}


@pytest.mark.parametrize("mode", ["BASIC", "ENHANCED"])
def test_report_is_written_after_the_execution(aws, mode):
    setup = aws.setup(mode=mode)
    setup.write(a=b"one", b=b"two")

    arn = setup.start(TaskReportConfig=configuration(setup))
    described = setup.until(arn, finished)

    assert (described["Status"], described["ReportResult"]) == ("SUCCESS", {"Status": "SUCCESS"})
    task_id, execution_id = arn.split("/")[1], arn.split("/")[3]
    below = f"{task_id}/{execution_id}/"
    found = {key: json.loads(body) for key, body in setup.objects().items() if key.startswith("reports/")}
    kinds = {re.search(r"files-(\w+)-v1-00001", key)[1]: body for key, body in found.items() if "Detailed" in key}
    assert set(kinds) == {"transferred", "verified"}
    assert all(
        key.startswith((f"reports/Detailed-Reports/{below}", f"reports/Summary-Reports/{below}")) for key in found
    )
    names = {record["RelativePath"] for record in kinds["verified"]["Verified"]}
    assert names == ({"/", "/a", "/b"} if mode == "BASIC" else {"a", "b"})
    [overview] = [body for key, body in found.items() if "Summary" in key]
    assert (overview["OverallStatus"], overview["TaskMode"]) == ("SUCCESS", mode)
    assert overview["Result"]["FilesVerified"] == described["FilesVerified"]


def test_report_upload_error_is_shown_and_the_execution_succeeds(aws):
    setup = aws.setup()
    where = configuration(setup)
    where["Destination"]["S3"]["S3BucketArn"] += "-none"

    described = setup.until(setup.start(TaskReportConfig=where), finished)

    assert described["Status"] == "SUCCESS"
    assert described["ReportResult"]["ErrorDetail"].startswith("Failed to upload Task Report(s) to S3")


def test_fault_prevents_the_report(aws):
    setup = aws.setup()
    with aws.fault(kind="report_missing", target=f"{setup.task_arn}*"):
        described = setup.run(TaskReportConfig=configuration(setup))
        following = setup.run()

    assert described["ReportResult"] == {"Status": "PENDING"}
    assert "ReportResult" not in following
    assert not any(key.startswith("reports/") for key in setup.objects())
