"""Fixtures with real processes: a moto server, the emulator, and any number of workers."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aioboto3
import aiohttp
import pytest

from tests.contracts.servers import ENVIRONMENT, an_emulator

REGION = ENVIRONMENT["AWS_REGION"]
TIMEOUT_S = 60.0
_numbers = itertools.count()


@pytest.fixture(scope="session")
def emulator_url(moto_url, shares):
    with an_emulator(shares, moto_url, "--logs", "own") as url:
        yield url


async def eventually(condition, *, timeout_s=TIMEOUT_S):
    """Call the condition until its result is true, and return that result."""
    async with asyncio.timeout(timeout_s):
        while not (result := await condition()):  # noqa: ASYNC110  (another process sets no event of this one)
            await asyncio.sleep(0.2)
        return result


@dataclass
class Worker:
    """A process of `datasync-trigger run`. `lines` are its log lines so far."""

    process: asyncio.subprocess.Process
    lines: list[dict] = field(default_factory=list)
    url: str = ""

    async def read_log(self):
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def events(self, name):
        return [line for line in self.lines if line["event"] == name]

    async def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), TIMEOUT_S)

    async def get(self, path):
        """Return HTTP status and JSON of a path."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}{path}") as answer:
            return answer.status, await answer.json()


@dataclass
class Deployment:
    """A deployment of the service for one task, with its own share, bucket, queue and table.

    The methods do what DataSync's users and the service's operators do.
    """

    environment: dict[str, str]
    folder: Path
    task_arn: str
    clients: Mapping[str, object]
    stack: contextlib.AsyncExitStack

    def write(self, *names, text="some,rows\n"):
        """Write files to the share."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}{name}\n")

    async def execute(self):
        """Start an execution and wait for its end. Return its ARN and status."""
        arn = await self.start()
        return arn, await self.wait_for_end(arn)

    async def start(self):
        return (await self.clients["datasync"].start_task_execution(TaskArn=self.task_arn))["TaskExecutionArn"]

    async def wait_for_end(self, arn):
        async def status():
            answer = await self.clients["datasync"].describe_task_execution(TaskExecutionArn=arn)
            return answer["Status"] if answer["Status"] in ("SUCCESS", "ERROR") else None

        return await eventually(status)

    async def command(self, *arguments, **environment):
        """Run `datasync-trigger` to its end. Return exit code, stdout and stderr."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service",
            *arguments,
            env={**self.environment, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        return process.returncode, out.decode(), err.decode()

    async def worker(self, **environment):
        """Start a worker, and return it once it serves HTTP."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service",
            "run",
            env={**self.environment, **environment},
            stdout=asyncio.subprocess.PIPE,
        )
        worker = Worker(process)
        reading = asyncio.create_task(worker.read_log())
        self.stack.push_async_callback(self._end, worker, reading)

        async def started():
            return worker.events("http_started") or process.returncode is not None

        await eventually(started)
        port = worker.events("http_started")[0]["port"]
        worker.url = f"http://127.0.0.1:{port}"
        return worker

    @staticmethod
    async def _end(worker, reading):
        if worker.process.returncode is None:
            worker.process.kill()
            await worker.process.wait()
        await reading
        worker.process._transport.close()

    async def receive(self, count, url=None):
        """Receive at least `count` messages and all others that are there. Return their bodies, in any order.

        The default is the service's queue. Message attributes are added to each body as `attributes`.
        """
        sqs, url, bodies = self.clients["sqs"], url or self.environment["TRIGGER_QUEUE_URL"], []

        async def queue_is_empty():
            answer = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            messages = answer.get("Messages", [])
            bodies.extend(json.loads(m["Body"]) | {"attributes": m.get("MessageAttributes", {})} for m in messages)
            if messages:
                entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
                await sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            return not messages

        await eventually(lambda: _both(queue_is_empty, lambda: len(bodies) >= count))
        return bodies

    async def subscribe(self):
        """Configure a topic for the service's notifications. Return the URL of a queue that receives them."""
        name = f"{self.environment['TRIGGER_TABLE_NAME']}-notifications"
        topic = (await self.clients["sns"].create_topic(Name=name))["TopicArn"]
        url = (await self.clients["sqs"].create_queue(QueueName=name))["QueueUrl"]
        attributes = {"RawMessageDelivery": "true"}
        queue = topic.replace(":sns:", ":sqs:")
        await self.clients["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=attributes)
        self.environment["TRIGGER_NOTIFICATION_TOPIC_ARN"] = topic
        return url

    async def phase(self, worker, arn, *phases):
        """Wait until a worker shows the execution in one of the phases, and return the execution."""
        path = f"/api/executions/{arn.rpartition('/')[2]}"

        async def execution_in_phase():
            status, execution = await worker.get(path)
            return execution if status == 200 and execution["phase"] in phases else None

        try:
            return await eventually(execution_in_phase)
        except TimeoutError:
            raise AssertionError(f"{await worker.get(path)} after {worker.lines[-10:]}") from None


async def _both(is_empty, is_enough):
    return await is_empty() and is_enough()


@pytest.fixture
async def deployment(moto_url, emulator_url, shares):
    """Return a deployment whose queue and table `init` has created."""
    async with contextlib.AsyncExitStack() as stack:
        yield await create_deployment(stack, moto_url, emulator_url, shares)


async def create_deployment(stack, moto_url, emulator_url, shares, *, queue="queue", initialised=True, **task):
    """Create a deployment. `task` holds parameters of CreateTask; without `initialised`, `init` is not run."""
    number = f"{os.getpid()}-{next(_numbers)}"
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **ENVIRONMENT,
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ENDPOINT_URL_DATASYNC": emulator_url,
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": emulator_url,
        "TRIGGER_TABLE_NAME": f"table-{number}",
        "TRIGGER_POLL_INTERVAL_S": "1",
        "TRIGGER_SETTLE_S": "0.3",
        "TRIGGER_HTTP_HOST": "127.0.0.1",
        "TRIGGER_HTTP_PORT": "0",
    }
    session = aioboto3.Session("test", "test", region_name=REGION)
    clients = {
        service: await stack.enter_async_context(session.client(service, endpoint_url=url))
        for service, url in [
            ("datasync", emulator_url),
            ("logs", emulator_url),
            ("s3", moto_url),
            ("sqs", moto_url),
            ("sns", moto_url),
            ("dynamodb", moto_url),
        ]
    }
    folder = shares / "nas" / number
    folder.mkdir(parents=True)
    task_arn = await _create_task(clients, number, **task)
    environment["TRIGGER_TASK_ARNS"] = task_arn
    deployment = Deployment(environment, folder, task_arn, clients, stack)
    name = queue.replace("queue", f"queue-{number}")
    if initialised:
        code, out, err = await deployment.command("init", "--queue", name)
        assert code == 0, err
        environment["TRIGGER_QUEUE_URL"] = out.split()[-1]
    else:
        environment["TRIGGER_QUEUE_URL"] = f"{moto_url}/123456789012/{name}"
    return deployment


async def _create_task(clients, number, **changes):
    await clients["s3"].create_bucket(
        Bucket=f"bucket-{number}", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    group = f"/datasync/{number}"
    await clients["logs"].create_log_group(logGroupName=group)
    agent = f"arn:aws:datasync:{REGION}:123456789012:agent/agent-0123456789abcdef0"
    source = await clients["datasync"].create_location_nfs(
        ServerHostname="nas", Subdirectory=f"/{number}", OnPremConfig={"AgentArns": [agent]}
    )
    destination = await clients["datasync"].create_location_s3(
        S3BucketArn=f"arn:aws:s3:::bucket-{number}",
        Subdirectory="/in",
        S3Config={"BucketAccessRoleArn": "arn:aws:iam::123456789012:role/datasync"},
    )
    settings = {
        "CloudWatchLogGroupArn": f"arn:aws:logs:{REGION}:123456789012:log-group:{group}:*",
        "Options": {"LogLevel": "TRANSFER", "VerifyMode": "ONLY_FILES_TRANSFERRED"},
        **changes,
    }
    task = await clients["datasync"].create_task(
        SourceLocationArn=source["LocationArn"], DestinationLocationArn=destination["LocationArn"], **settings
    )
    return task["TaskArn"]


@contextlib.asynccontextmanager
async def fault(emulator_url, **parameters):
    """Switch on a fault of the emulator for the duration of the block."""
    url = f"{emulator_url}/_emulator/faults"
    name = f"fault-{next(_numbers)}"
    async with aiohttp.ClientSession() as http:
        async with http.post(url, json={**parameters, "name": name}) as answer:
            assert answer.status < 300, await answer.text()
        yield
        async with http.delete(f"{url}/{name}") as answer:
            assert answer.status < 300
