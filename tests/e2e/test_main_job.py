import contextlib
import hashlib

import pytest

from tests.e2e.conftest import a_scene, fault

AWKWARD = [
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
async def test_every_file_of_a_success_becomes_one_message(moto_url, emulator_url, shares, mode, queue):
    async with contextlib.AsyncExitStack() as stack:
        scene = await a_scene(stack, moto_url, emulator_url, shares, queue=queue, TaskMode=mode)
        scene.write(*AWKWARD)
        arn, status = await scene.execute()
        worker = await scene.worker()
        shown = await scene.phase(worker, arn, "PUBLISHED", "HELD")
        messages = await scene.receive(len(AWKWARD))
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
    assert sorted(message["fileName"] for message in messages) == sorted(f"/{name}" for name in AWKWARD)
    for message in messages:
        name = message["fileName"]
        assert message["id"] == hashlib.sha256(f"{arn}\0{name}".encode()).hexdigest()
        assert message["key"] == f"in{name}"
        assert message["s3uri"] == f"s3://{message['bucket']}/in{name}"
        assert message["size"] == (scene.folder / name[1:]).stat().st_size
        assert message["etag"] == hashlib.md5((scene.folder / name[1:]).read_bytes()).hexdigest()
        assert message["attributes"]["id"]["StringValue"] == message["id"]


async def test_failed_file_is_not_sent_and_good_files_are_sent_with_the_next_success(scene, emulator_url):
    worker = await scene.worker()
    scene.write("good.csv", "bad.csv")
    async with fault(emulator_url, kind="change_source", path="/bad.csv", target=f"{scene.task_arn}*"):
        first, status = await scene.execute()
    assert status == "ERROR"
    carried = await scene.phase(worker, first, "CARRIED", "HELD")
    assert (carried["phase"], carried["reason"]) == ("CARRIED", "verification_failed")
    assert await scene.receive(0) == []
    second, status = await scene.execute()
    assert status == "SUCCESS"
    await scene.phase(worker, second, "PUBLISHED")
    messages = await scene.receive(2)
    assert {m["fileName"]: m["execution_arn"] for m in messages} == {"/good.csv": first, "/bad.csv": second}
    assert (await scene.phase(worker, first, "PUBLISHED"))["reason"] == "carried"


async def test_files_that_were_only_verified_again_are_not_sent_again(moto_url, emulator_url, shares):
    async with contextlib.AsyncExitStack() as stack:
        options = {"LogLevel": "TRANSFER", "VerifyMode": "POINT_IN_TIME_CONSISTENT"}
        scene = await a_scene(stack, moto_url, emulator_url, shares, Options=options)
        worker = await scene.worker()
        scene.write("old.csv", "changing.csv")
        first, _ = await scene.execute()
        await scene.phase(worker, first, "PUBLISHED")
        assert len(await scene.receive(2)) == 2
        scene.write("changing.csv", "new.csv", text="other,rows,than,before\n")
        second, _ = await scene.execute()
        shown = await scene.phase(worker, second, "PUBLISHED")
        messages = await scene.receive(2)
    assert sorted(message["fileName"] for message in messages) == ["/changing.csv", "/new.csv"]
    assert (shown["files"]["verified"], shown["files"]["unchanged"]) == (3, 1)


async def test_lines_that_arrive_after_the_end_are_waited_for(scene, emulator_url):
    scene.write(*(f"{number}.csv" for number in range(20)))
    worker = await scene.worker(TRIGGER_SETTLE_S="0.2")
    async with fault(emulator_url, kind="late_lines", target=f"{scene.task_arn}*", seconds=2):
        arn, _ = await scene.execute()
        shown = await scene.phase(worker, arn, "PUBLISHED", "HELD")
    assert (shown["phase"], shown["reconciled"]) == ("PUBLISHED", True)
    assert len(await scene.receive(20)) == 20
