"""The environment of the demo: an embedded AWS, a task that copies a folder to a bucket, and the service."""

import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aioboto3
import aiohttp

from emulator.demo.processes import SERVICE, finished, running

REGION = "eu-central-1"
BUCKET = "landing"
GROUP = "/aws/datasync/demo"
QUEUE = "verified-files"


@dataclass(frozen=True, slots=True)
class Environment:
    """Addresses and clients. `folder` is the share that the task copies from.

    `variables_file` holds, a line for each, the environment variables with which `datasync-trigger` and the AWS tools
    use this environment.
    """

    folder: Path
    variables_file: Path
    worker_url: str
    emulator_url: str
    queue_url: str
    task_arn: str
    datasync: Any
    sqs: Any
    http: aiohttp.ClientSession


@asynccontextmanager
async def start_environment(home: Path) -> AsyncIterator[Environment]:
    """Start everything, with its files in the folder `home`, and end it with the block."""
    folder = home / "shares" / "nas" / "export"
    folder.mkdir(parents=True)
    variables = {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    async with AsyncExitStack() as stack:
        moto = [sys.executable, "-m", "emulator.embedded"]
        aws_url = await stack.enter_async_context(
            running(moto, variables, ready=re.compile(r"Running on (http://\S+)"), log=home / "aws.log")
        )
        variables["AWS_ENDPOINT_URL"] = aws_url
        emulator = [sys.executable, "-m", "emulator", "--shares", str(home / "shares"), "--phase-s", "0.8"]
        emulator_url = await stack.enter_async_context(
            running(emulator, variables, ready=re.compile(r'"endpoint_url": "([^"]+)"'), log=home / "emulator.log")
        )
        variables["AWS_ENDPOINT_URL_DATASYNC"] = emulator_url
        queue_url = (await finished([SERVICE, "init", "--queue", QUEUE], variables)).split()[-1]
        session = aioboto3.Session("demo", "demo", region_name=REGION)
        datasync = await stack.enter_async_context(session.client("datasync", endpoint_url=emulator_url))
        task_arn = await _create_task(session, aws_url, datasync)
        worker_url = await stack.enter_async_context(_worker(variables, queue_url, task_arn, home / "worker.log"))
        variables_file = home / "variables"
        variables_file.write_text("".join(f"{name}={value}\n" for name, value in sorted(variables.items())))
        yield Environment(
            folder,
            variables_file,
            worker_url,
            emulator_url,
            queue_url,
            task_arn,
            datasync,
            await stack.enter_async_context(session.client("sqs", endpoint_url=aws_url)),
            await stack.enter_async_context(aiohttp.ClientSession()),
        )


@asynccontextmanager
async def _worker(variables: dict[str, str], queue_url: str, task_arn: str, log: Path) -> AsyncIterator[str]:
    variables |= {
        "TRIGGER_QUEUE_URL": queue_url,
        "TRIGGER_TASK_ARNS": task_arn,
        "TRIGGER_POLL_INTERVAL_S": "0.5",
        "TRIGGER_SETTLE_S": "1",
        "TRIGGER_HTTP_HOST": "127.0.0.1",
        "TRIGGER_HTTP_PORT": "0",
        "TRIGGER_LOG_FORMAT": "json",
    }
    ready = re.compile(r'^(?=.*"http_started").*"port":(\d+)')
    async with running([SERVICE, "run"], variables, ready=ready, log=log) as port:
        yield f"http://127.0.0.1:{port}"


async def _create_task(session: aioboto3.Session, aws_url: str, datasync: Any) -> str:  # noqa: ANN401  (aioboto3 makes its clients' types at run time)
    """Create what a user of the service has already: a bucket, a log group, two locations and a task."""
    async with session.client("s3", endpoint_url=aws_url) as s3, session.client("logs", endpoint_url=aws_url) as logs:
        await s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        await logs.create_log_group(logGroupName=GROUP)
    source = await datasync.create_location_nfs(
        ServerHostname="nas",
        Subdirectory="/export",
        OnPremConfig={"AgentArns": [f"arn:aws:datasync:{REGION}:123456789012:agent/agent-0123456789abcdef0"]},
    )
    destination = await datasync.create_location_s3(
        S3BucketArn=f"arn:aws:s3:::{BUCKET}",
        Subdirectory="/incoming",
        S3Config={"BucketAccessRoleArn": "arn:aws:iam::123456789012:role/datasync"},
    )
    task = await datasync.create_task(
        SourceLocationArn=source["LocationArn"],
        DestinationLocationArn=destination["LocationArn"],
        Name="demo",
        CloudWatchLogGroupArn=f"arn:aws:logs:{REGION}:123456789012:log-group:{GROUP}:*",
        Options={"LogLevel": "TRANSFER", "VerifyMode": "ONLY_FILES_TRANSFERRED"},
    )
    return str(task["TaskArn"])
