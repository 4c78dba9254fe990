"""The servers that the suites of the ports run against: moto and the emulator, each a separate process."""

import contextlib
import os
import re
import subprocess
import sys
import threading

import pytest

from service.adapters.aws.clients import clients

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
UNPACED = {}


@contextlib.contextmanager
def a_process(command, stream, pattern, **environment):
    """Run a Python module until the context ends, and yield the address that it prints."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: subprocess.PIPE}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        text=True,
        env={**os.environ, **ENVIRONMENT, **environment},
        **pipes,
    )
    output = getattr(process, stream)
    address = next((match[1] for line in output if (match := re.search(pattern, line))), None)
    drain = threading.Thread(target=output.read)
    drain.start()
    try:
        assert address, f"{command} has not started"
        yield address
    finally:
        process.terminate()
        process.wait(10)
        drain.join(10)
        output.close()


def a_moto_server():
    return a_process(
        ["emulator.embedded"],
        "stderr",
        r"Running on (http://127\.0\.0\.1:\d+)",
    )


def an_emulator(shares, moto_url, *options):
    command = ["emulator", "--shares", str(shares), "--region", "eu-central-1", "--phase-s", "0", *options]
    return a_process(command, "stdout", r'"endpoint_url": "(http://[^"]+)"', AWS_ENDPOINT_URL=moto_url)


@contextlib.asynccontextmanager
async def clients_of(url, *, on_request=lambda *_: None, rates=UNPACED, **endpoints):
    """Open the service's clients as in production: configured by AWS's variables alone."""
    async with contextlib.AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": url, **endpoints}.items():
                environment.setenv(name, value)
            opened = await stack.enter_async_context(clients(on_request, rates))
        yield opened
