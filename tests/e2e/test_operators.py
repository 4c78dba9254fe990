"""Commands of an operator while a worker runs."""

import json

from tests.e2e.conftest import fault


async def test_status_and_files_show_what_the_service_knows(deployment):
    worker = await deployment.worker()
    deployment.write("a.csv", "dir/b.csv")
    arn, _ = await deployment.execute()
    shown = await deployment.phase(worker, arn, "PUBLISHED")
    code, out, err = await deployment.command("status", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"executions": [shown]}
    code, out, _ = await deployment.command("status", arn, "--json")
    assert json.loads(out) == shown
    code, out, _ = await deployment.command("files", arn, "--json", "--prefix", "/dir/")
    files = json.loads(out)["files"]
    assert [(file["path"], file["state"]) for file in files] == [("/dir/b.csv", "published")]
    assert (await worker.get(f"/api/executions/{shown['execution_id']}/files?state=published&limit=1"))[1][
        "next_cursor"
    ]
    code, out, _ = await deployment.command("files", shown["execution_id"])
    assert (code, out.count("published")) == (0, 2)


async def test_replay_sends_the_same_ids_again(deployment):
    worker = await deployment.worker()
    deployment.write("a.csv", "b.csv")
    arn, _ = await deployment.execute()
    await deployment.phase(worker, arn, "PUBLISHED")
    first = await deployment.receive(2)
    code, _out, err = await deployment.command("replay", arn)
    assert code == 0, err
    again = await deployment.receive(2)
    assert sorted(message["id"] for message in first) == sorted(message["id"] for message in again)
    await deployment.phase(worker, arn, "PUBLISHED")


async def test_incomplete_log_is_held_and_can_be_released(deployment, emulator_url):
    worker = await deployment.worker(TRIGGER_SEAL_DEADLINE_S="1", TRIGGER_ON_INCOMPLETE="hold")
    deployment.write("a.csv", "b.csv")
    async with fault(emulator_url, kind="counters", target=f"{deployment.task_arn}*", add={"FilesVerified": 99}):
        arn, _ = await deployment.execute()
        held = await deployment.phase(worker, arn, "HELD", "PUBLISHED")
    assert (held["phase"], held["reason"], held["reconciled"]) == ("HELD", "log_incomplete", False)
    assert await deployment.receive(0) == []
    code, _, err = await deployment.command("release", arn)
    assert code == 0, err
    await deployment.phase(worker, arn, "PUBLISHED")
    assert len(await deployment.receive(2)) == 2
    code, _, err = await deployment.command("release", arn)
    assert code == 1
    assert "PUBLISHED" in err


async def test_subscribers_are_notified_of_transitions(deployment, emulator_url):
    notifications = await deployment.subscribe()
    worker = await deployment.worker(TRIGGER_SEAL_DEADLINE_S="1", TRIGGER_ON_INCOMPLETE="hold")
    deployment.write("a.csv")
    async with fault(emulator_url, kind="counters", target=f"{deployment.task_arn}*", add={"FilesVerified": 99}):
        arn, _ = await deployment.execute()
        held = await deployment.phase(worker, arn, "HELD")
    (notified,) = await deployment.receive(1, notifications)
    attributes = {name: attribute["StringValue"] for name, attribute in notified.pop("attributes").items()}
    assert notified == held
    assert attributes.pop("id").endswith(f"#{held['execution_id']}#HELD")
    assert attributes == {name: held[name] for name in ("task_id", "execution_id", "phase", "reason")}
    code, _, err = await deployment.command("discard", arn)
    assert code == 0, err
    (notified,) = await deployment.receive(1, notifications)
    assert (notified["execution_arn"], notified["phase"], notified["reason"]) == (arn, "DISCARDED", "log_incomplete")
