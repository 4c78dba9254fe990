"""Fixtures: moto server and the emulator as separate processes, and real SDK clients for both."""

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
ROLE = "arn:aws:iam::123456789012:role/datasync"
AGENT = "arn:aws:datasync:us-east-1:123456789012:agent/agent-0123456789abcdef0"


@contextlib.contextmanager
def a_process(command, stream, pattern, **environment):
    """Run a command until the context ends; yield it and the group that the pattern finds in its output."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: subprocess.PIPE}
    process = subprocess.Popen(
        [sys.executable, *command], text=True, env={**os.environ, **AWS_ENVIRONMENT, **environment}, **pipes
    )
    output = getattr(process, stream)
    found = next((match for line in output if (match := re.search(pattern, line))), None)
    drain = threading.Thread(target=lambda: [None for _ in output], daemon=True)
    drain.start()
    try:
        assert found, f"{command} did not start"
        yield process, found[1]
    finally:
        process.terminate()
        process.wait(10)
        drain.join(10)
        output.close()


@contextlib.contextmanager
def an_emulator(moto_url, shares, *options):
    """Run an emulator that writes to the moto server; yield clients for it."""
    command = ["-m", "emulator", "--shares", str(shares), "--phase-s", "0", *options]
    pattern = r'"endpoint_url": "(http://[^"]+)"'
    with a_process(command, "stdout", pattern, AWS_ENDPOINT_URL=moto_url) as (process, url):
        clients = Aws(process, url, moto_url, shares, own_logs="own" in options)
        yield clients
        clients.close()


def eventually(look, satisfied):
    """Call `look` until its result satisfies the condition, for 20 s or more; return the result."""
    for _ in range(1000):
        seen = look()
        if satisfied(seen):
            return seen
        time.sleep(0.02)
    raise AssertionError(f"the condition was never satisfied: {seen}")


def ended(described):
    return described["Status"] in {"SUCCESS", "ERROR"}


@dataclass
class Aws:
    """An emulator process, its shares, and clients: DataSync of the emulator, the others of moto."""

    process: subprocess.Popen
    url: str
    moto_url: str
    shares: Path
    own_logs: bool = False
    without_retries = Config(retries={"total_max_attempts": 1})

    def __post_init__(self):
        self.session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
        self.datasync = self.session.client("datasync", endpoint_url=self.url)
        self.s3 = self.session.client("s3", endpoint_url=self.moto_url)
        self.logs = self.session.client("logs", endpoint_url=self.url if self.own_logs else self.moto_url)

    def close(self):
        for client in (self.datasync, self.s3, self.logs):
            client.close()

    def stop(self, number=signal.SIGTERM):
        """End the process with a signal; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(10)

    def control(self, method, path, body=None):
        """Send one request to the control API; return its JSON response."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    @contextlib.contextmanager
    def fault(self, **definition):
        """Keep a fault active until the context ends."""
        name = self.control("POST", "faults", definition)["name"]
        try:
            yield
        finally:
            if self.process.poll() is None:
                self.control("DELETE", f"faults/{name}")

    def setup(self, **task):
        """Create a bucket, a log group, a share with an NFS location, and a task between them."""
        return Setup(self, **task)


class Setup:
    """One task with its resources, under unique names."""

    def __init__(self, aws, *, prefix="pre", mode="BASIC", options=None, source="nfs", **task):
        self.aws = aws
        self.name = uuid.uuid4().hex[:12]
        self.bucket, self.group, self.prefix = f"b-{self.name}", f"/datasync/{self.name}", prefix
        aws.s3.create_bucket(Bucket=self.bucket)
        aws.logs.create_log_group(logGroupName=self.group)
        self.folder = aws.shares / "nas" / self.name
        self.folder.mkdir(parents=True)
        if source == "nfs":
            self.source_arn = aws.datasync.create_location_nfs(
                ServerHostname="nas", Subdirectory=f"/{self.name}", OnPremConfig={"AgentArns": [AGENT]}
            )["LocationArn"]
        else:
            self.source_arn = source
        self.destination_arn = aws.datasync.create_location_s3(
            S3BucketArn=f"arn:aws:s3:::{self.bucket}", Subdirectory=f"/{prefix}", S3Config={"BucketAccessRoleArn": ROLE}
        )["LocationArn"]
        self.task_arn = aws.datasync.create_task(
            SourceLocationArn=self.source_arn,
            DestinationLocationArn=self.destination_arn,
            CloudWatchLogGroupArn=f"arn:aws:logs:us-east-1:123456789012:log-group:{self.group}:*",
            Options={"LogLevel": "TRANSFER", **(options or {})},
            TaskMode=mode,
            **task,
        )["TaskArn"]
        self.log_group = self.group if mode == "BASIC" else "/aws/datasync"

    def write(self, **files):
        """Write files to the share; `dir__a` is dir/a."""
        for name, content in files.items():
            self.put(name.replace("__", "/"), content)

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def start(self, **override):
        arn = self.aws.datasync.start_task_execution(TaskArn=self.task_arn, **override)
        return arn["TaskExecutionArn"]

    def describe(self, execution_arn):
        return self.aws.datasync.describe_task_execution(TaskExecutionArn=execution_arn)

    def until(self, execution_arn, satisfied):
        """Return the description of an execution once it satisfies the condition."""
        return eventually(lambda: self.describe(execution_arn), satisfied)

    def run(self, **override):
        """Start an execution and describe its end."""
        self.execution_arn = self.start(**override)
        return self.until(self.execution_arn, ended)

    def objects(self):
        listed = self.aws.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {
            each["Key"]: self.aws.s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read() for each in listed
        }

    def log(self, execution_arn=None):
        arn = execution_arn or self.execution_arn
        stream = "-".join(part.rpartition("/")[2] for part in arn.split("/execution/"))
        events = self.aws.logs.get_log_events(logGroupName=self.log_group, logStreamName=stream, startFromHead=True)[
            "events"
        ]
        return [event["message"] for event in events]


@pytest.fixture(scope="session")
def shares(tmp_path_factory):
    return tmp_path_factory.mktemp("shares")


@pytest.fixture(scope="session")
def aws(moto_url, shares):
    """An emulator that writes its logs to moto, shared by the whole session."""
    with an_emulator(moto_url, shares) as clients:
        yield clients


@pytest.fixture(scope="session")
def own(moto_url, shares):
    """An emulator that stores its logs itself, shared by the whole session."""
    with an_emulator(moto_url, shares, "--logs", "own") as clients:
        yield clients


@pytest.fixture
def emulators(moto_url, shares):
    """Factory of emulators for one test, with options."""
    return functools.partial(an_emulator, moto_url, shares)


@pytest.fixture(name="eventually")
def eventually_fixture():
    return eventually
