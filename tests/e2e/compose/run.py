"""`make e2e`: the images and docker-compose.yml, end to end, with the worker killed while DataSync transfers.

Prints an account as it goes and removes all that it has started. Ends with 0 also where no Docker engine answers, and
then says that nothing was run. With Compose v2 or docker-compose 1.29, whichever there is.
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
MOST_ABOVE_BASE_MB = 100
PATIENCE_S = 120
FILES = [f"2026/{day:02}/{name}" for day in range(1, 11) for name in ("a.csv", "b, 5 bytes.csv", 'ü "y".csv')]


class Compose:
    """docker-compose.yml under a project name of its own, on free ports, with a folder of its own as the share."""

    def __init__(self, command, inbox):
        self._command = [*command, "--project-name", "datasync-trigger-e2e"]
        ports = dict.fromkeys(["LOCALSTACK_PORT", "EMULATOR_PORT", "SERVICE_PORTS", "PROMETHEUS_PORT"], "0")
        self._environment = {**os.environ, **ports, "INBOX": str(inbox)}

    def __call__(self, *words, check=True):
        done = subprocess.run(
            [*self._command, *words], cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def container(self, service):
        return self("ps", "--quiet", service)

    def url(self, service, port):
        return f"http://{self('port', service, str(port))}"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def answer(url, body=None, method=None):
    """The JSON that a request is answered with, whatever the status; None while nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with contextlib.closing(urllib.request.urlopen(request, timeout=10)) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)
    except OSError:
        return None


def until(what, ask):
    """Ask until there is an answer that counts, and return it with the seconds that it took."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        found = ask()
        if found:
            return found, time.monotonic() - began
        Event().wait(0.1)
    raise RuntimeError(f"not within {PATIENCE_S} s: {what}")


def say(text):
    sys.stdout.write(f"e2e: {text}\n")
    sys.stdout.flush()


def compose_command():
    """How Compose is called here; None where it or the engine is missing."""
    for command in (["docker", "compose"], ["docker-compose"]):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            run(*command, "version")
            run("docker", "info")
            return command
    return None


def build(compose):
    began = time.monotonic()
    compose("build")
    size, base = (int(run("docker", "image", "inspect", "--format", "{{.Size}}", name)) for name in (IMAGE, BASE))
    above_mb = (size - base) / 1e6
    say(f"images built in {time.monotonic() - began:.0f} s; {IMAGE} is {above_mb:.0f} MB above {BASE}")
    assert above_mb <= MOST_ABOVE_BASE_MB


def worker_is_ready(compose):
    def ask():
        told = answer(f"{compose.url('service', 8080)}/readyz")
        return told and told["ok"]

    return until("the worker is ready", ask)[1]


def execution(compose, arn):
    """The execution as a worker shows it, once one does."""
    return next(
        (
            each
            for each in (answer(f"{compose.url('service', 8080)}/api/executions") or {"executions": []})["executions"]
            if each["execution_arn"] == arn
        ),
        None,
    )


def published(compose, arn):
    def ask():
        shown = execution(compose, arn)
        return shown if shown and shown["phase"] == "PUBLISHED" else None

    shown, took_s = until(f"{arn} is published", ask)
    assert shown["reason"] is None, shown
    assert shown["reconciled"], shown
    return shown, took_s


def messages(compose):
    printed = compose("run", "--rm", "-T", "consumer", "--wait-s", "3")
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def start(compose):
    return compose("run", "--rm", "-T", "start").splitlines()[-1]


def up(compose):
    began = time.monotonic()
    compose("up", "--detach")
    worker_is_ready(compose)
    say(f"everything is up, and the worker ready, {time.monotonic() - began:.0f} s after `up`")


def killed_in_the_middle(compose, inbox):
    """DataSync is held while it transfers; the worker that has read so far is killed, and another one finishes."""
    for name in FILES:
        file = inbox / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n", encoding="utf-8")
    faults = f"{compose.url('emulator', 5000)}/_emulator/faults"
    answer(faults, {"kind": "hold", "status": "TRANSFERRING", "name": "hold"})
    arn = start(compose)
    say(f"{len(FILES)} files dropped; one command has started {arn.rpartition('/')[2]}")

    def read():
        shown = execution(compose, arn)
        return shown and (shown["phase"], shown["files"]["transferred"]) == ("FOLLOWING", len(FILES))

    until("the worker has read what was transferred", read)
    run("docker", "kill", "--signal", "KILL", compose.container("service"))
    answer(f"{faults}/hold", method="DELETE")
    say("worker killed in phase FOLLOWING; DataSync goes on without it")
    compose("start", "service")
    say(f"worker ready {worker_is_ready(compose):.1f} s after its restart")
    shown, took_s = published(compose, arn)
    say(f"published {took_s:.0f} s later, all counters agreeing: {json.dumps(shown['files'])}")
    got = messages(compose)
    assert sorted(each["fileName"] for each in got) == sorted(f"/{name}" for name in FILES)
    assert {each["execution_arn"] for each in got} == {arn}
    say(f"{len(got)} messages on the queue, one for each file")


def stopped_and_started(compose, inbox):
    """What is known outlives the container: of a second execution only what is new is published."""
    container = compose.container("service")
    began = time.monotonic()
    compose("stop", "service")
    code = run("docker", "inspect", "--format", "{{.State.ExitCode}}", container)
    say(f"worker stopped by SIGTERM in {time.monotonic() - began:.1f} s, exit code {code}")
    assert code == "0"
    compose("start", "service")
    worker_is_ready(compose)
    (inbox / "new.csv").write_text("new\n")
    arn = start(compose)
    published(compose, arn)
    assert [each["fileName"] for each in messages(compose)] == ["/new.csv"]
    known = answer(f"{compose.url('service', 8080)}/api/executions")["executions"]
    assert len(known) == 2
    say("second execution: one new file, one message; the first execution is still known")


def watched(compose):
    compose("up", "--detach", "--no-recreate", "--scale", "service=2")
    prometheus = compose.url("prometheus", 9090)

    def targets():
        up = answer(f"{prometheus}/api/v1/query?query=up%7Bjob%3D%22datasync-trigger%22%7D")
        return [each["value"][1] for each in up["data"]["result"]] == ["1", "1"] if up else None

    until("Prometheus scrapes two workers", targets)
    groups = answer(f"{prometheus}/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert rules
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    say(f"two workers, both scraped by Prometheus; {len(rules)} rules loaded")


def healthy(compose):
    for service in ("service", "emulator"):
        for container in compose.container(service).splitlines():
            until(
                f"{service} is healthy",
                lambda container=container: (
                    run("docker", "inspect", "--format", "{{.State.Health.Status}}", container) == "healthy"
                ),
            )
    say("every container's own health check passes")


def main():
    command = compose_command()
    if command is None:
        say("SKIPPED, nothing was run: no Docker engine with Compose answers here")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        inbox = Path(folder)
        inbox.chmod(0o755)
        compose = Compose(command, inbox)
        try:
            build(compose)
            up(compose)
            killed_in_the_middle(compose, inbox)
            stopped_and_started(compose, inbox)
            watched(compose)
            healthy(compose)
        except BaseException:
            sys.stderr.write(compose("logs", "--no-color", "--tail", "100", "service", "emulator", check=False))
            raise
        finally:
            compose("down", "--volumes", check=False)
    say("PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
