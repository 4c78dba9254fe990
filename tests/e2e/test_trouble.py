"""Errors as a person sees them: wrong settings, missing resources, an AWS that does not answer."""

import asyncio
import contextlib
import signal

from tests.e2e.conftest import a_scene, eventually

NOWHERE = "http://127.0.0.1:1"


async def test_wrong_settings_are_all_reported_at_once_with_exit_code_2(scene):
    wrong = {"TRIGGER_POLL_INTERVAL_S": "15s", "TRIGGER_ON_ERROR": "ignore", "TRIGGER_SETTEL_S": "1"}
    for command in (["run"], ["status"], ["healthcheck"]):
        code, out, err = await scene.command(*command, **wrong)
        assert (code, out) == (2, "")
        assert [line.split(":")[0] for line in err.splitlines()] == sorted(wrong)


async def test_missing_region_or_credentials_end_every_command_with_exit_code_2(scene):
    for missing, word in (
        (["AWS_REGION", "AWS_DEFAULT_REGION"], "Region"),
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "credentials"),
    ):
        removed = {name: scene.environment.pop(name) for name in missing}
        for command in (["run"], ["status"]):
            code, out, err = await scene.command(*command, HOME="/nonexistent")
            assert (code, out, len(err.splitlines())) == (2, "", 1), err
            assert word.lower() in err.lower()
        scene.environment.update(removed)


async def test_missing_table_and_queue_are_waited_for_and_named(moto_url, emulator_url, shares):
    async with contextlib.AsyncExitStack() as stack:
        scene = await a_scene(stack, moto_url, emulator_url, shares, initialised=False)
        worker = await scene.worker()
        status, ready = await worker.get("/readyz")
        assert status == 503
        assert scene.environment["TRIGGER_TABLE_NAME"] in ready["checks"]["table"]["detail"]
        assert "datasync-trigger init" in ready["checks"]["table"]["detail"]
        assert "datasync-trigger init --queue" in ready["checks"]["queue"]["detail"]
        assert (await worker.get("/healthz"))[0] == 200
        code, out, err = await scene.command("status")
        assert (code, out, len(err.splitlines())) == (1, "", 1), err
        assert scene.environment["TRIGGER_TABLE_NAME"] in err
        name = scene.environment["TRIGGER_QUEUE_URL"].rpartition("/")[2]
        for _ in range(2):  # It is safe to repeat.
            code, out, err = await scene.command("init", "--queue", name)
            assert (code, out.strip()) == (0, scene.environment["TRIGGER_QUEUE_URL"]), err

        async def is_ready():
            return (await worker.get("/readyz"))[0] == 200

        await eventually(is_ready)
        scene.write("a.csv")
        arn, _ = await scene.execute()
        await scene.phase(worker, arn, "PUBLISHED")


async def test_unreachable_aws_is_waited_for_and_a_stop_is_still_clean(scene):
    worker = await scene.worker(AWS_ENDPOINT_URL=NOWHERE, AWS_ENDPOINT_URL_DATASYNC=NOWHERE)
    status, ready = await worker.get("/readyz")
    assert (status, ready["ok"]) == (503, False)
    await eventually(lambda: _true(worker.events("tick_failed")))
    assert await worker.stop() == 0


async def test_taken_port_ends_the_worker_with_a_sentence(scene):
    worker = await scene.worker()
    code, _out, err = await scene.command("run", TRIGGER_HTTP_PORT=worker.url.rpartition(":")[2])
    assert code == 1
    assert "TRIGGER_HTTP_PORT" in err
    assert len(err.splitlines()) == 1


async def test_healthcheck_follows_the_worker(scene):
    worker = await scene.worker()
    port = worker.url.rpartition(":")[2]
    code, _, _ = await scene.command("healthcheck", TRIGGER_HTTP_PORT=port)
    assert code == 0
    assert await worker.stop(signal.SIGINT) == 0
    code, _, err = await scene.command("healthcheck", TRIGGER_HTTP_PORT=port)
    assert (code, len(err.splitlines())) == (1, 1)


async def test_execution_without_log_level_transfer_is_held(moto_url, emulator_url, shares):
    async with contextlib.AsyncExitStack() as stack:
        scene = await a_scene(stack, moto_url, emulator_url, shares, Options={"LogLevel": "BASIC"})
        scene.write("a.csv")
        arn, _ = await scene.execute()
        worker = await scene.worker()
        assert (await scene.phase(worker, arn, "HELD"))["reason"] == "log_level_not_transfer"
        code, out, err = await scene.command("release", arn)
        assert (code, out) == (1, "")
        assert "no verified files" in err
        code, out, _ = await scene.command("discard", arn.rpartition("/")[2])
        assert code == 0
        await scene.phase(worker, arn, "DISCARDED")
        code, _, err = await scene.command("discard", arn)
        assert code == 1
        assert "DISCARDED" in err


async def _true(value):
    await asyncio.sleep(0)
    return bool(value)
