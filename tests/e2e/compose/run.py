"""The end-to-end test of the images and docker-compose.yml that `make e2e` runs.

It prints each result, and removes everything that it has started. Without a Docker engine it prints that nothing was
run, and exits with 0. It uses Compose v2, or docker-compose 1.29 if v2 is not installed.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from threading import Event

ROOT = Path(__file__).parents[3]
BASE, IMAGE = "python:3.13-slim-bookworm", "datasync-trigger:local"
MAX_ABOVE_BASE_MB = 100
TIMEOUT_S = 120
FILES = [f"2026/{day:02}/{name}" for day in range(1, 11) for name in ("a.csv", "b, 5 bytes.csv", 'ü "y".csv')]


class Compose:
    """docker-compose.yml with its own project name, free ports, and its own folder as the share."""

    def __init__(self, command, inbox):
        self._command = [*command, "--project-name", "datasync-trigger-e2e"]
        ports = dict.fromkeys(["LOCALSTACK_PORT", "EMULATOR_PORT", "SERVICE_PORTS", "PROMETHEUS_PORT"], "0")
        self._environment = {**os.environ, **ports, "INBOX": str(inbox)}

    def __call__(self, *arguments, check=True):
        done = subprocess.run(
            [*self._command, *arguments], cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def container(self, service):
        return self("ps", "--quiet", service)

    def url(self, service, port):
        return f"http://{self('port', service, str(port))}"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def request_json(url, body=None, method=None):
    """Return the JSON that answers a request, with any HTTP status. Return None if none arrives."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with contextlib.closing(urllib.request.urlopen(request, timeout=10)) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)
    except OSError:
        return None


def wait_until(description, condition):
    """Call the condition until its result is true. Return that result, and the seconds that passed."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < TIMEOUT_S:
        result = condition()
        if result:
            return result, time.monotonic() - began_s
        Event().wait(0.1)
    raise RuntimeError(f"not within {TIMEOUT_S} s: {description}")


def print_now(text):
    sys.stdout.write(f"e2e: {text}\n")
    sys.stdout.flush()


def compose_command():
    """Return the command of Compose, or None if Compose or the Docker engine is missing."""
    for command in (["docker", "compose"], ["docker-compose"]):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            run(*command, "version")
            run("docker", "info")
            return command
    return None


def build_images(compose):
    began_s = time.monotonic()
    compose("build")
    size, base = (int(run("docker", "image", "inspect", "--format", "{{.Size}}", name)) for name in (IMAGE, BASE))
    above_mb = (size - base) / 1e6
    print_now(f"images built in {time.monotonic() - began_s:.0f} s; {IMAGE} is {above_mb:.0f} MB above {BASE}")
    assert above_mb <= MAX_ABOVE_BASE_MB


def wait_for_worker(compose):
    """Wait until the worker is ready, and return the seconds that passed."""

    def is_ready():
        health = request_json(f"{compose.url('service', 8080)}/readyz")
        return health and health["ok"]

    return wait_until("the worker is ready", is_ready)[1]


def execution(compose, arn):
    """Return the execution as a worker shows it, or None if none shows it yet."""
    shown = request_json(f"{compose.url('service', 8080)}/api/executions") or {"executions": []}
    return next((each for each in shown["executions"] if each["execution_arn"] == arn), None)


def wait_for_published(compose, arn):
    """Wait until the execution is published and reconciled. Return it, and the seconds that passed."""

    def published_execution():
        shown = execution(compose, arn)
        return shown if shown and shown["phase"] == "PUBLISHED" else None

    shown, took_s = wait_until(f"{arn} is published", published_execution)
    assert shown["reason"] is None, shown
    assert shown["reconciled"], shown
    return shown, took_s


def receive_messages(compose):
    printed = compose("run", "--rm", "-T", "consumer", "--wait-s", "3")
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def start_execution(compose):
    return compose("run", "--rm", "-T", "start").splitlines()[-1]


def start_containers(compose):
    began_s = time.monotonic()
    compose("up", "--detach")
    wait_for_worker(compose)
    print_now(f"all containers run and the worker is ready, {time.monotonic() - began_s:.0f} s after `up`")


def check_kill_during_transfer(compose, inbox):
    """Kill the worker while DataSync transfers, and check that another worker publishes every file."""
    for name in FILES:
        file = inbox / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n", encoding="utf-8")
    faults = f"{compose.url('emulator', 5000)}/_emulator/faults"
    request_json(faults, {"kind": "hold", "status": "TRANSFERRING", "name": "hold"})
    arn = start_execution(compose)
    print_now(f"{len(FILES)} files written to the share; one command has started {arn.rpartition('/')[2]}")

    def transfers_are_read():
        shown = execution(compose, arn)
        return shown and (shown["phase"], shown["files"]["transferred"]) == ("FOLLOWING", len(FILES))

    wait_until("the worker has read all transfers", transfers_are_read)
    run("docker", "kill", "--signal", "KILL", compose.container("service"))
    request_json(f"{faults}/hold", method="DELETE")
    print_now("worker killed in phase FOLLOWING; DataSync continues without it")
    compose("start", "service")
    print_now(f"worker ready {wait_for_worker(compose):.1f} s after its restart")
    shown, took_s = wait_for_published(compose, arn)
    print_now(f"published {took_s:.0f} s later, and all counters match: {json.dumps(shown['files'])}")
    received = receive_messages(compose)
    assert sorted(each["fileName"] for each in received) == sorted(f"/{name}" for name in FILES)
    assert {each["execution_arn"] for each in received} == {arn}
    print_now(f"{len(received)} messages on the queue, one for each file")


def check_restart(compose, inbox):
    """Stop and start the worker, and check that a second execution publishes only its new file."""
    container = compose.container("service")
    began_s = time.monotonic()
    compose("stop", "service")
    code = run("docker", "inspect", "--format", "{{.State.ExitCode}}", container)
    print_now(f"worker stopped by SIGTERM in {time.monotonic() - began_s:.1f} s, exit code {code}")
    assert code == "0"
    compose("start", "service")
    wait_for_worker(compose)
    (inbox / "new.csv").write_text("new\n")
    arn = start_execution(compose)
    wait_for_published(compose, arn)
    assert [each["fileName"] for each in receive_messages(compose)] == ["/new.csv"]
    executions = request_json(f"{compose.url('service', 8080)}/api/executions")["executions"]
    assert len(executions) == 2
    print_now("second execution: one new file, one message; the first execution is still known")


def check_monitoring(compose):
    """Check that Prometheus scrapes two workers and loads the alert rules."""
    compose("up", "--detach", "--no-recreate", "--scale", "service=2")
    prometheus = compose.url("prometheus", 9090)

    def scrapes_both_workers():
        up = request_json(f"{prometheus}/api/v1/query?query=up%7Bjob%3D%22datasync-trigger%22%7D")
        return [each["value"][1] for each in up["data"]["result"]] == ["1", "1"] if up else None

    wait_until("Prometheus scrapes two workers", scrapes_both_workers)
    groups = request_json(f"{prometheus}/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert rules
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    print_now(f"Prometheus scrapes two workers and has loaded {len(rules)} rules")


def check_health(compose):
    """Check that the health check of every container passes."""
    for service in ("service", "emulator"):
        for container in compose.container(service).splitlines():
            wait_until(
                f"{service} is healthy",
                lambda container=container: (
                    run("docker", "inspect", "--format", "{{.State.Health.Status}}", container) == "healthy"
                ),
            )
    print_now("the health check of every container passes")


def main():
    command = compose_command()
    if command is None:
        print_now("SKIPPED, nothing was run: there is no Docker engine with Compose here")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        inbox = Path(folder)
        inbox.chmod(0o755)
        compose = Compose(command, inbox)
        try:
            build_images(compose)
            start_containers(compose)
            check_kill_during_transfer(compose, inbox)
            check_restart(compose, inbox)
            check_monitoring(compose)
            check_health(compose)
        except BaseException:
            sys.stderr.write(compose("logs", "--no-color", "--tail", "100", "service", "emulator", check=False))
            raise
        finally:
            compose("down", "--volumes", check=False)
    print_now("PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
