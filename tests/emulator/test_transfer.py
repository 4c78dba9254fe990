"""A whole transfer, from a folder to S3, seen through the real SDK."""

import re


def test_a_basic_execution_copies_files_counts_directories_and_logs_as_a_real_one(aws):
    setup = aws.setup()
    setup.write(a=b"one", dir__b=b"three")

    described = setup.run()

    assert described["Status"] == "SUCCESS", (described, setup.log())
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
    assert {name: described[name] for name in ("FilesTransferred", "FilesVerified", "EstimatedFilesToTransfer")} == {
        "FilesTransferred": 4,
        "FilesVerified": 4,
        "EstimatedFilesToTransfer": 4,
    }
    assert described["BytesWritten"] == 8
    assert described["Result"]["VerifyStatus"] == "SUCCESS"


def test_a_file_that_changes_before_it_is_verified_ends_the_execution_in_error(aws):
    setup = aws.setup(options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    setup.write(good=b"good", bad=b"bad")
    hold = aws.control("POST", body={"kind": "hold", "status": "TRANSFERRING", "target": f"{setup.task_arn}*"})
    arn = setup.start()
    setup.until(arn, "TRANSFERRING")
    while setup.describe(arn)["FilesTransferred"] < 3:
        pass
    setup.write(bad=b"worse")
    aws.control("DELETE", f"/{hold['name']}")

    described = setup.until(arn, "ERROR")

    assert described["Result"]["ErrorDetail"].startswith("Transfer and verification completed. Verification detected")
    assert described["FilesVerified"] == 2
    log = setup.log(arn)
    assert "[NOTICE] Verified file /good, 4 bytes" in log
    assert "[NOTICE] Verification failed <> /bad" in log
    assert not any("Verified file /bad" in line for line in log)
    assert log[-1].endswith("finished with status Error.")
