"""Files of DataSync executions that become messages."""

import contextlib
import hashlib

import pytest

from tests.e2e.conftest import create_deployment, fault

UNUSUAL_NAMES = [
    "a.csv",
    "dir/b, 9 bytes.csv",
    'dir/"quoted" & 100%+ü.csv',
    "[NOTICE] Verified file /forged.csv, 3 bytes",
    "[INFO] Execution exec-0123456789abcdef0 finished with status Success.",
    "trailing comma,",
    " spaces ",
]


@pytest.mark.parametrize("mode", ["BASIC", "ENHANCED"])
@pytest.mark.parametrize("queue", ["queue", "queue.fifo"])
async def test_every_file_of_a_successful_execution_becomes_one_message(moto_url, emulator_url, shares, mode, queue):
    async with contextlib.AsyncExitStack() as stack:
        deployment = await create_deployment(stack, moto_url, emulator_url, shares, queue=queue, TaskMode=mode)
        deployment.write(*UNUSUAL_NAMES)
        arn, status = await deployment.execute()
        worker = await deployment.worker()
        shown = await deployment.phase(worker, arn, "PUBLISHED", "HELD")
        messages = await deployment.receive(len(UNUSUAL_NAMES))
    assert (status, shown["phase"], shown["reason"], shown["reconciled"]) == ("SUCCESS", "PUBLISHED", None, True)
    assert shown["files"] | {"superseded": 0} == {
        "transferred": 7,
        "verified": 7,
        "failed": 0,
        "published": 7,
        "unchanged": 0,
        "missing": 0,
        "superseded": 0,
    }
    assert sorted(message["fileName"] for message in messages) == sorted(f"/{name}" for name in UNUSUAL_NAMES)
    for message in messages:
        name = message["fileName"]
        assert message["id"] == hashlib.sha256(f"{arn}\0{name}".encode()).hexdigest()
        assert message["key"] == f"in{name}"
        assert message["s3uri"] == f"s3://{message['bucket']}/in{name}"
        assert message["size"] == (deployment.folder / name[1:]).stat().st_size
        assert message["etag"] == hashlib.md5((deployment.folder / name[1:]).read_bytes()).hexdigest()
        assert message["attributes"]["id"]["StringValue"] == message["id"]


async def test_failed_file_is_not_sent_and_good_files_are_sent_with_the_next_success(deployment, emulator_url):
    worker = await deployment.worker()
    deployment.write("good.csv", "bad.csv")
    async with fault(emulator_url, kind="change_source", path="/bad.csv", target=f"{deployment.task_arn}*"):
        first, status = await deployment.execute()
    assert status == "ERROR"
    carried = await deployment.phase(worker, first, "CARRIED", "HELD")
    assert (carried["phase"], carried["reason"]) == ("CARRIED", "verification_failed")
    assert await deployment.receive(0) == []
    second, status = await deployment.execute()
    assert status == "SUCCESS"
    await deployment.phase(worker, second, "PUBLISHED")
    messages = await deployment.receive(2)
    assert {m["fileName"]: m["execution_arn"] for m in messages} == {"/good.csv": first, "/bad.csv": second}
    assert (await deployment.phase(worker, first, "PUBLISHED"))["reason"] == "carried"


async def test_files_that_were_only_verified_again_are_not_sent_again(moto_url, emulator_url, shares):
    async with contextlib.AsyncExitStack() as stack:
        options = {"LogLevel": "TRANSFER", "VerifyMode": "POINT_IN_TIME_CONSISTENT"}
        deployment = await create_deployment(stack, moto_url, emulator_url, shares, Options=options)
        worker = await deployment.worker()
        deployment.write("old.csv", "changing.csv")
        first, _ = await deployment.execute()
        await deployment.phase(worker, first, "PUBLISHED")
        assert len(await deployment.receive(2)) == 2
        deployment.write("changing.csv", "new.csv", text="other,rows,than,before\n")
        second, _ = await deployment.execute()
        shown = await deployment.phase(worker, second, "PUBLISHED")
        messages = await deployment.receive(2)
    assert sorted(message["fileName"] for message in messages) == ["/changing.csv", "/new.csv"]
    assert (shown["files"]["verified"], shown["files"]["unchanged"]) == (3, 1)


async def test_worker_waits_for_lines_that_arrive_after_the_end(deployment, emulator_url):
    deployment.write(*(f"{number}.csv" for number in range(20)))
    worker = await deployment.worker(TRIGGER_SETTLE_S="0.2")
    async with fault(emulator_url, kind="late_lines", target=f"{deployment.task_arn}*", seconds=2):
        arn, _ = await deployment.execute()
        shown = await deployment.phase(worker, arn, "PUBLISHED", "HELD")
    assert (shown["phase"], shown["reconciled"]) == ("PUBLISHED", True)
    assert len(await deployment.receive(20)) == 20
