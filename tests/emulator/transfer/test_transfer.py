"""Complete transfers from a folder to S3, through the real SDK."""

import json
import os
import re

import pytest

# Without line breaks, which moto server rejects in keys; tests/emulator/logs tests such names.
ODD_NAMES = [
    "a, 9 bytes",
    "comma,",
    "[NOTICE] Verified file ",
    "space ",
    "üñï-日本",
    "percent%2Fplus+&",
    'quote"\\',
    "{path}",
]


def test_basic_execution_copies_files_counts_directories_and_logs_like_a_real_one(aws):
    setup = aws.setup()
    setup.write(a=b"one", dir__b=b"three")

    described = setup.run()

    assert described["Status"] == "SUCCESS"
    assert setup.objects() == {"pre/": b"", "pre/a": b"one", "pre/dir/": b"", "pre/dir/b": b"three"}
    execution_id = setup.execution_arn.rpartition("/")[2]
    log = setup.log()
    assert log[0] == f"[INFO] Execution {execution_id} started."
    assert re.fullmatch(
        rf"\[INFO\] Started logging in destination hostId: host-[0-9a-f]{{17}} for Execution {execution_id}", log[1]
    )
    assert log[2:] == [
        "[NOTICE] Transferred file /a, 3 bytes",
        "[NOTICE] Transferred file /dir/b, 5 bytes",
        "[NOTICE] Verified directory /",
        "[NOTICE] Verified file /a, 3 bytes",
        "[NOTICE] Verified directory /dir",
        "[NOTICE] Verified file /dir/b, 5 bytes",
        f"[INFO] Execution {execution_id} finished with status Success.",
    ]
    counted = ("EstimatedFilesToTransfer", "FilesTransferred", "FilesVerified", "FilesSkipped", "BytesWritten")
    assert [described[name] for name in counted] == [4, 4, 4, 0, 8]
    assert described["Result"]["VerifyStatus"] == "SUCCESS"
    assert described["StartTime"] <= described["LaunchTime"] <= described["EndTime"]


def test_objects_have_the_metadata_of_their_files(aws):
    setup = aws.setup()
    setup.write(a=b"one")
    os.utime(setup.folder / "a", ns=(1_700_000_000_000_000_001, 1_600_000_000_123_456_789))

    setup.run()

    metadata = aws.s3.head_object(Bucket=setup.bucket, Key="pre/a")["Metadata"]
    assert metadata["file-mtime"] == "1600000000/123456789"
    assert metadata["file-permissions"] == f"{(setup.folder / 'a').stat().st_mode & 0o7777:04o}"


def test_enhanced_execution_writes_records_and_counts_folders_separately(aws):
    setup = aws.setup(mode="ENHANCED")
    setup.write(dir__b=b"three")

    described = setup.run()

    records = [json.loads(message) for message in setup.log()]
    assert [(each["Action"], each["Source"]["RelativePath"]) for each in records] == [
        ("TRANSFER", "dir/b"),
        ("VERIFY", "dir/b"),
    ]
    assert records[1]["Destination"]["Metadata"]["ContentSize"] == 5
    assert records[1]["Source"]["LocationId"] == setup.source_arn.rpartition("/")[2]
    assert "ErrorCode" not in records[1]
    assert described["TaskMode"] == "ENHANCED"
    assert (described["FilesTransferred"], described["FilesVerified"], described["FilesPrepared"]) == (1, 1, 1)
    assert described["FilesFailed"] == {"Prepare": 0, "Transfer": 0, "Verify": 0, "Delete": 0}
    assert described["Result"]["VerifyDuration"] == 0


@pytest.mark.parametrize("mode", ["BASIC", "ENHANCED"])
def test_unusual_names_are_copied_and_logged_unchanged(aws, mode):
    setup = aws.setup(mode=mode, options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    for name in ODD_NAMES:
        setup.put(name, b"123")

    assert setup.run()["Status"] == "SUCCESS"

    assert set(setup.objects()) == {"pre/"} | {f"pre/{name}" for name in ODD_NAMES}
    log = setup.log()
    if mode == "BASIC":
        assert {line for line in log if line.startswith("[NOTICE] Verified file /")} == {
            f"[NOTICE] Verified file /{name}, 3 bytes" for name in ODD_NAMES
        }
    else:
        records = [json.loads(message) for message in log]
        verified = {each["Source"]["RelativePath"] for each in records if each["Action"] == "VERIFY"}
        assert verified == set(ODD_NAMES)


def test_name_that_is_not_utf8_fails_and_other_files_are_copied(aws):
    setup = aws.setup()
    setup.write(a=b"one")
    (setup.folder / os.fsdecode(b"bad-\xff")).write_bytes(b"x")

    described = setup.run()

    assert described["Status"] == "ERROR"
    assert described["Result"]["ErrorDetail"].startswith("Transfer and verification completed.")
    assert "[NOTICE] Verified file /a, 3 bytes" in setup.log()
    assert any(line.startswith("[ERROR] Failed to transfer file /bad-?: ") for line in setup.log())


def test_second_execution_transfers_changed_files_and_their_directory(aws):
    setup = aws.setup(options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    setup.write(old=b"old", dir__same=b"same", dir__changes=b"1")
    assert setup.run()["FilesTransferred"] == 5
    setup.write(dir__changes=b"22", dir__new=b"new")

    described = setup.run()

    assert (described["FilesTransferred"], described["FilesSkipped"]) == (3, 3)
    assert [line for line in setup.log() if "Verified" in line] == [
        "[NOTICE] Verified directory /dir",
        "[NOTICE] Verified file /dir/changes, 2 bytes",
        "[NOTICE] Verified file /dir/new, 3 bytes",
    ]


def test_transfer_mode_all_transfers_everything_again(aws):
    setup = aws.setup(options={"VerifyMode": "NONE", "TransferMode": "ALL"})
    setup.write(a=b"one")
    setup.run()

    assert setup.run()["FilesTransferred"] == 2


def test_point_in_time_consistent_verifies_items_that_were_not_transferred(aws):
    setup = aws.setup(options={"VerifyMode": "POINT_IN_TIME_CONSISTENT"})
    setup.write(a=b"one", b=b"two")
    setup.run()

    described = setup.run()

    assert (described["FilesTransferred"], described["FilesVerified"]) == (0, 3)
    assert "[NOTICE] Verified file /b, 3 bytes" in setup.log()


def test_execution_without_verification_logs_no_verified_line(aws):
    setup = aws.setup(options={"VerifyMode": "NONE"})
    setup.write(a=b"one")

    described = setup.run()

    assert (described["Status"], described["FilesVerified"]) == ("SUCCESS", 0)
    assert described["Result"]["VerifyStatus"] == "PENDING"
    assert not any("Verified" in line for line in setup.log())


def test_file_that_changes_before_verification_ends_the_execution_in_error(aws):
    setup = aws.setup(options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    setup.write(good=b"good", bad=b"bad")
    with aws.fault(kind="hold", status="TRANSFERRING", target=f"{setup.task_arn}*"):
        arn = setup.start()
        setup.until(arn, lambda described: described["FilesTransferred"] == 3)
        setup.write(bad=b"worse")

    described = setup.until(arn, lambda described: described["Status"] == "ERROR")

    assert described["Result"]["ErrorDetail"].startswith("Transfer and verification completed. Verification detected")
    assert described["Result"]["VerifyStatus"] == "ERROR"
    assert described["FilesVerified"] == 2
    log = setup.log(arn)
    assert "[NOTICE] Verified file /good, 4 bytes" in log
    failed = log.index("[NOTICE] Verification failed <> /bad")
    assert re.fullmatch(
        r"\[NOTICE\] /bad   srcMeta: type=R mode=\d{4} uid=\d+ gid=\d+ size=5 "
        r"atime=\d+/\d+ mtime=\d+/\d+ extAttrsHash=0",
        log[failed + 1],
    )
    assert re.fullmatch(r"\[NOTICE\]   srcHash: [0-9a-f]{64}", log[failed + 2])
    assert log[failed + 3].startswith("[NOTICE] /bad   dstMeta: type=R ")
    assert not any("Verified file /bad" in line for line in log)
    assert log[-1].endswith("finished with status Error.")


def test_content_change_with_equal_size_and_time_is_detected(aws):
    setup = aws.setup(options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    setup.write(a=b"one")
    times = setup.folder.joinpath("a").stat()
    with aws.fault(kind="hold", status="TRANSFERRING", target=f"{setup.task_arn}*"):
        arn = setup.start()
        setup.until(arn, lambda described: described["FilesTransferred"] == 2)
        setup.write(a=b"two")
        os.utime(setup.folder / "a", ns=(times.st_atime_ns, times.st_mtime_ns))

    assert setup.until(arn, lambda described: described["Status"] in {"SUCCESS", "ERROR"})["Status"] == "ERROR"
    assert "[NOTICE] Verification failed <> /a" in setup.log(arn)


@pytest.mark.parametrize("mode", ["BASIC", "ENHANCED"])
def test_fault_change_source_fails_verification_until_it_ends(aws, mode):
    setup = aws.setup(mode=mode, options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    setup.write(good=b"good", bad=b"bad")
    with aws.fault(kind="change_source", path="/bad", target=f"{setup.task_arn}*"):
        assert setup.run()["Status"] == "ERROR"

    described = setup.run()

    assert described["Status"] == "SUCCESS"
    assert setup.objects()["pre/bad"] == b"badchanged during the transfer\n"
    assert not any("good" in line for line in setup.log())


def test_enhanced_mode_reports_a_changed_file_as_different(aws):
    setup = aws.setup(mode="ENHANCED")
    setup.write(bad=b"bad")
    with aws.fault(kind="change_source", path="/bad", target=f"{setup.task_arn}*"):
        described = setup.run()

    records = [json.loads(message) for message in setup.log()]
    assert [each["ErrorCode"] for each in records if each["Action"] == "VERIFY"] == ["ContentDiffers"]
    assert described["FilesFailed"]["Verify"] == 1
    assert described["Result"]["ErrorDetail"] == "Verification failed due to a difference in metadata"


def test_vanished_file_is_logged_and_other_files_are_copied(aws):
    setup = aws.setup()
    setup.write(gone=b"gone", stays=b"stays")
    with aws.fault(kind="vanish_source", path="/gone", target=f"{setup.task_arn}*"):
        described = setup.run()

    assert "[ERROR] Failed to open source file /gone: No such file or directory" in setup.log()
    assert described["Status"] == "ERROR"
    assert "[NOTICE] Verified file /stays, 5 bytes" in setup.log()


def test_unreadable_file_is_logged_and_other_files_are_copied(aws):
    setup = aws.setup(options={"LogLevel": "BASIC"})
    setup.write(secret=b"secret", open=b"open")
    with aws.fault(kind="unreadable", path="/secret", target=f"{setup.task_arn}*"):
        assert setup.run()["Status"] == "ERROR"

    assert set(setup.log()) == {"[ERROR] Failed to open source file /secret: Permission denied"}
    assert "pre/open" in setup.objects()


def test_log_level_off_creates_no_log_stream(aws):
    setup = aws.setup(options={"LogLevel": "OFF"})
    setup.write(a=b"one")
    setup.run()

    assert aws.logs.describe_log_streams(logGroupName=setup.group)["logStreams"] == []


def test_symbolic_link_becomes_an_object_with_its_target(aws):
    setup = aws.setup()
    setup.write(a=b"one")
    (setup.folder / "link").symlink_to("dir/elsewhere")

    assert setup.run()["Status"] == "SUCCESS"
    assert setup.objects()["pre/link"] == b"dir/elsewhere"


def test_item_only_in_the_destination_is_deleted_only_with_remove(aws):
    setup = aws.setup()
    setup.write(a=b"one", gone=b"gone")
    setup.run()
    (setup.folder / "gone").unlink()

    assert setup.run()["FilesDeleted"] == 0
    described = setup.run(OverrideOptions={"PreserveDeletedFiles": "REMOVE"})

    assert (described["Status"], described["FilesDeleted"], described["EstimatedFilesToDelete"]) == ("SUCCESS", 1, 1)
    assert set(setup.objects()) == {"pre/", "pre/a"}


def test_overwrite_mode_never_keeps_existing_objects(aws):
    setup = aws.setup(options={"OverwriteMode": "NEVER", "VerifyMode": "ONLY_FILES_TRANSFERRED"})
    setup.write(a=b"one")
    setup.run()
    setup.write(a=b"other", b=b"new")

    assert setup.run()["Status"] == "SUCCESS"
    assert setup.objects() == {"pre/": b"", "pre/a": b"one", "pre/b": b"new"}


def test_filters_select_the_transferred_files(aws):
    setup = aws.setup()
    setup.write(keep__a=b"1", keep__b_tmp=b"2", other__c=b"3")

    described = setup.run(
        Includes=[{"FilterType": "SIMPLE_PATTERN", "Value": "/keep"}],
        Excludes=[{"FilterType": "SIMPLE_PATTERN", "Value": "*_tmp"}],
    )

    assert set(setup.objects()) == {"pre/", "pre/keep/", "pre/keep/a"}
    assert described["Excludes"] == [{"FilterType": "SIMPLE_PATTERN", "Value": "*_tmp"}]


def test_manifest_selects_the_transferred_files(aws):
    setup = aws.setup()
    setup.write(a=b"1", dir__b=b"2", dir__c=b"3")
    setup.put("with,comma", b"4")
    aws.s3.put_object(Bucket=setup.bucket, Key="lists/m.csv", Body=b'dir/b\n"with,comma"\n')
    source = {
        "ManifestObjectPath": "lists/m.csv",
        "S3BucketArn": f"arn:aws:s3:::{setup.bucket}",
        "BucketAccessRoleArn": "arn:aws:iam::123456789012:role/datasync",
    }

    assert (
        setup.run(ManifestConfig={"Action": "TRANSFER", "Format": "CSV", "Source": {"S3": source}})["Status"]
        == "SUCCESS"
    )

    assert set(setup.objects()) == {"lists/m.csv", "pre/", "pre/dir/", "pre/dir/b", "pre/with,comma"}


def test_bucket_is_supported_as_the_source(aws):
    first = aws.setup(prefix="")
    first.write(dir__a=b"one")
    first.run()
    second = aws.setup(source=first.destination_arn, prefix="copy")

    assert second.run()["Status"] == "SUCCESS"
    assert second.objects() == {"copy/": b"", "copy/dir/": b"", "copy/dir/a": b"one"}
    assert second.run()["FilesTransferred"] == 0


def test_keys_equal_paths_without_a_prefix(aws):
    setup = aws.setup(prefix="")
    setup.write(a=b"one", dir__b=b"two")

    assert setup.run()["Status"] == "SUCCESS"
    assert set(setup.objects()) == {"a", "dir/", "dir/b"}


def test_large_file_is_copied_in_parts(aws):
    setup = aws.setup()
    content = os.urandom(1024) * (17 * 1024)
    setup.put("large", content)

    described = setup.run()

    assert (described["Status"], described["BytesWritten"]) == ("SUCCESS", len(content))
    assert setup.objects()["pre/large"] == content
    copy = aws.setup(source=setup.destination_arn, prefix="copy")
    assert copy.run()["Status"] == "SUCCESS"
    assert copy.objects()["copy/large"] == content


def test_bandwidth_is_limited_until_the_limit_is_removed(aws):
    setup = aws.setup(options={"BytesPerSecond": 1})
    setup.write(a=b"x" * 3600)
    arn = setup.start()
    setup.until(arn, lambda described: described["FilesTransferred"] == 1)
    assert setup.describe(arn)["Status"] == "TRANSFERRING"

    aws.datasync.update_task_execution(TaskExecutionArn=arn, Options={"BytesPerSecond": -1})

    assert setup.until(arn, lambda described: described["Status"] != "TRANSFERRING")["BytesWritten"] == 3600


def test_missing_share_ends_the_execution_in_error(aws):
    setup = aws.setup()
    setup.folder.rmdir()

    described = setup.run()

    assert described["Status"] == "ERROR"
    assert "mount.nfs" in described["Result"]["ErrorDetail"]
    assert described["Result"]["PrepareStatus"] == "ERROR"


def test_missing_bucket_ends_the_execution_in_error(aws):
    setup = aws.setup()
    aws.s3.delete_bucket(Bucket=setup.bucket)

    described = setup.run()

    assert (described["Status"], "Bucket" in described["Result"]["ErrorDetail"]) == ("ERROR", True)


def test_missing_log_group_does_not_stop_a_transfer(aws):
    setup = aws.setup()
    setup.write(a=b"one")
    aws.logs.delete_log_group(logGroupName=setup.group)

    assert setup.run()["Status"] == "SUCCESS"
