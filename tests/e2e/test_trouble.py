"""Errors as an operator sees them: wrong settings, missing resources, and AWS endpoints that do not answer."""

import asyncio
import contextlib
import signal

from tests.e2e.conftest import create_deployment, eventually

UNREACHABLE_URL = "http://127.0.0.1:1"


async def test_wrong_settings_are_all_reported_at_once_with_exit_code_2(deployment):
    wrong = {"TRIGGER_POLL_INTERVAL_S": "15s", "TRIGGER_ON_ERROR": "ignore", "TRIGGER_SETTEL_S": "1"}
    for command in (["run"], ["status"], ["healthcheck"]):
        code, out, err = await deployment.command(*command, **wrong)
        assert (code, out) == (2, "")
        assert [line.split(":")[0] for line in err.splitlines()] == sorted(wrong)


async def test_missing_region_or_credentials_end_every_command_with_exit_code_2(deployment):
    for missing, expected in (
        (["AWS_REGION", "AWS_DEFAULT_REGION"], "Region"),
        (["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "credentials"),
    ):
        removed = {name: deployment.environment.pop(name) for name in missing}
        for command in (["run"], ["status"]):
            code, out, err = await deployment.command(*command, HOME="/nonexistent")
            assert (code, out, len(err.splitlines())) == (2, "", 1), err
            assert expected.lower() in err.lower()
        deployment.environment.update(removed)


async def test_worker_names_missing_table_and_queue_and_waits_for_them(moto_url, emulator_url, shares):
    async with contextlib.AsyncExitStack() as stack:
        deployment = await create_deployment(stack, moto_url, emulator_url, shares, initialised=False)
        worker = await deployment.worker()
        status, ready = await worker.get("/readyz")
        assert status == 503
        assert deployment.environment["TRIGGER_TABLE_NAME"] in ready["checks"]["table"]["detail"]
        assert "datasync-trigger init" in ready["checks"]["table"]["detail"]
        assert "datasync-trigger init --queue" in ready["checks"]["queue"]["detail"]
        assert (await worker.get("/healthz"))[0] == 200
        code, out, err = await deployment.command("status")
        assert (code, out, len(err.splitlines())) == (1, "", 1), err
        assert deployment.environment["TRIGGER_TABLE_NAME"] in err
        name = deployment.environment["TRIGGER_QUEUE_URL"].rpartition("/")[2]
        for _ in range(2):  # `init` is safe to repeat.
            code, out, err = await deployment.command("init", "--queue", name)
            assert (code, out.strip()) == (0, deployment.environment["TRIGGER_QUEUE_URL"]), err

        async def is_ready():
            return (await worker.get("/readyz"))[0] == 200

        await eventually(is_ready)
        deployment.write("a.csv")
        arn, _ = await deployment.execute()
        await deployment.phase(worker, arn, "PUBLISHED")


async def test_worker_waits_for_unreachable_aws_and_still_stops_cleanly(deployment):
    worker = await deployment.worker(AWS_ENDPOINT_URL=UNREACHABLE_URL, AWS_ENDPOINT_URL_DATASYNC=UNREACHABLE_URL)
    status, ready = await worker.get("/readyz")
    assert (status, ready["ok"]) == (503, False)
    await eventually(lambda: _true(worker.events("tick_failed")))
    assert await worker.stop() == 0


async def test_port_that_is_in_use_ends_the_worker_with_one_line(deployment):
    worker = await deployment.worker()
    code, _out, err = await deployment.command("run", TRIGGER_HTTP_PORT=worker.url.rpartition(":")[2])
    assert code == 1
    assert "TRIGGER_HTTP_PORT" in err
    assert len(err.splitlines()) == 1


async def test_healthcheck_succeeds_only_while_the_worker_runs(deployment):
    worker = await deployment.worker()
    port = worker.url.rpartition(":")[2]
    code, _, _ = await deployment.command("healthcheck", TRIGGER_HTTP_PORT=port)
    assert code == 0
    assert await worker.stop(signal.SIGINT) == 0
    code, _, err = await deployment.command("healthcheck", TRIGGER_HTTP_PORT=port)
    assert (code, len(err.splitlines())) == (1, 1)


async def test_execution_without_log_level_transfer_is_held(moto_url, emulator_url, shares):
    async with contextlib.AsyncExitStack() as stack:
        deployment = await create_deployment(stack, moto_url, emulator_url, shares, Options={"LogLevel": "BASIC"})
        deployment.write("a.csv")
        arn, _ = await deployment.execute()
        worker = await deployment.worker()
        assert (await deployment.phase(worker, arn, "HELD"))["reason"] == "log_level_not_transfer"
        code, out, err = await deployment.command("release", arn)
        assert (code, out) == (1, "")
        assert "no verified files" in err
        code, out, _ = await deployment.command("discard", arn.rpartition("/")[2])
        assert code == 0
        await deployment.phase(worker, arn, "DISCARDED")
        code, _, err = await deployment.command("discard", arn)
        assert code == 1
        assert "DISCARDED" in err


async def _true(value):
    await asyncio.sleep(0)
    return bool(value)
