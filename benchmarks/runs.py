"""One run: a fresh stub, and a fresh process that is measured with it."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.workload import Workload

_AWS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@dataclass(frozen=True)
class Run:
    """The result of a run: CPU and wall seconds by phase, peak memory, requests by operation, messages sent.

    `write_units` are DynamoDB's write request units.
    """

    cpu_s: dict[str, float]
    wall_s: dict[str, float]
    peak_bytes: int
    requests: dict[str, int]
    messages: int
    write_units: int


def run(subject: str, load: Workload) -> Run:
    """Measure a subject: the name of a module that has `measure`."""
    with _stub(load) as url:
        command = [sys.executable, "-m", "benchmarks.measure", subject, load.form, str(load.files)]
        environment = _environment(AWS_ENDPOINT_URL=url)
        measured = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/account") as response:
            account = json.load(response)
    return Run(**json.loads(measured), **account)


@contextmanager
def _stub(load: Workload) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.stub", load.form, str(load.files)]
    with subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _environment(**more: str) -> dict[str, str]:
    """Return a process's environment, without what is set outside for AWS or proxies."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(("AWS_", "HTTP"))}
    return {**inherited, **_AWS, **more}
