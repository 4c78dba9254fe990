"""ports.DataSync. The AWS adapter runs on the emulator, because moto cannot list executions."""

import asyncio
import time

import pytest
import pytest_asyncio

from service.adapters.aws.datasync import AwsDataSync, Scope
from service.domain.errors import NotFoundError
from service.domain.execution import S3Location
from service.domain.names import TaskMode
from service.domain.port_types import ExecutionDescription, ExecutionListing, TaskDescription, TaskListing
from tests.contracts.examples import START_MS, a_task_id
from tests.contracts.servers import clients_of
from tests.fakes.services import MemoryDataSync

ACCOUNT = "123456789012"
AGENT = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:agent/agent-0123456789abcdef0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/datasync"


class MemoryEnd:
    """Tasks and executions in memory."""

    def __init__(self):
        self.datasync = MemoryDataSync()

    async def a_task(self):
        arn = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/{a_task_id()}"
        self.datasync.described_tasks[arn] = TaskDescription(arn, S3Location("bucket", "prefix/"), "/datasync")
        return arn

    async def an_execution(self, task):
        arn = f"{task}/execution/exec-{a_task_id()[5:]}"
        self.datasync.described[arn] = ExecutionDescription(
            arn,
            "SUCCESS",
            TaskMode.BASIC,
            "ONLY_FILES_TRANSFERRED",
            "TRANSFER",
            START_MS,
            START_MS,
            0,
            0,
        )
        return arn


class EmulatorEnd:
    """Tasks of the emulator, from an empty share to a bucket."""

    def __init__(self, clients, shares, name):
        self.client, self._s3, self._folder, self.name = clients.datasync, clients.s3, shares / "nas" / name, name
        self.datasync = AwsDataSync(self.client, Scope())

    async def share(self):
        self._folder.mkdir(parents=True)
        await self._s3.create_bucket(
            Bucket=self.name,
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )

    async def nfs(self):
        answer = await self.client.create_location_nfs(
            ServerHostname="nas",
            Subdirectory=f"/{self.name}",
            OnPremConfig={"AgentArns": [AGENT]},
        )
        return answer["LocationArn"]

    async def s3(self, subdirectory="/prefix"):
        answer = await self.client.create_location_s3(
            S3BucketArn=f"arn:aws:s3:::{self.name}",
            Subdirectory=subdirectory,
            S3Config={"BucketAccessRoleArn": ROLE},
        )
        return answer["LocationArn"]

    async def a_task(self, destination=None, log_group=None, **more):
        if log_group:
            more["CloudWatchLogGroupArn"] = f"arn:aws:logs:{log_group}"
        options = {"LogLevel": "OFF", "VerifyMode": "ONLY_FILES_TRANSFERRED"}
        answer = await self.client.create_task(
            SourceLocationArn=await self.nfs(),
            DestinationLocationArn=destination or await self.s3(),
            Options=options,
            **more,
        )
        return answer["TaskArn"]

    async def an_execution(self, task):
        """Run one to its end."""
        arn = (await self.client.start_task_execution(TaskArn=task))["TaskExecutionArn"]
        async with asyncio.timeout(20):
            while (await self.client.describe_task_execution(TaskExecutionArn=arn))["Status"] != "SUCCESS":
                pass
        return arn


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def emulated(emulator_url, moto_url):
    async with clients_of(moto_url, AWS_ENDPOINT_URL_DATASYNC=emulator_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def emulator(emulated, shares, unique):
    end = EmulatorEnd(emulated, shares, unique)
    await end.share()
    return end


@pytest.fixture(params=["memory", "aws"])
def end(request):
    return MemoryEnd() if request.param == "memory" else request.getfixturevalue("emulator")


async def test_tasks_are_listed_with_their_status(end):
    tasks = [await end.a_task() for _ in range(3)]
    listed = await end.datasync.list_tasks()
    assert set(listed) >= {TaskListing(task, "AVAILABLE") for task in tasks}


async def test_task_is_described_with_its_location(end):
    task = await end.a_task()
    described = await end.datasync.describe_task(task)
    assert (described.arn, described.location.prefix) == (task, "prefix/")


async def test_executions_of_one_task_are_listed(end):
    task, other = await end.a_task(), await end.a_task()
    executions = [await end.an_execution(task) for _ in range(2)]
    await end.an_execution(other)
    listed = await end.datasync.list_executions(task)
    assert sorted(listed) == sorted(ExecutionListing(arn, "SUCCESS") for arn in executions)


async def test_execution_is_described(end):
    arn = await end.an_execution(await end.a_task())
    described = await end.datasync.describe_execution(arn)
    assert described.arn == arn
    assert (described.status, described.task_mode) == ("SUCCESS", TaskMode.BASIC)
    assert described.verify_mode == "ONLY_FILES_TRANSFERRED"
    assert described.started_at_ms <= described.ended_at_ms
    assert described.files_verified is not None


async def test_unknown_task_and_execution_are_not_found(end):
    task = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/task-0123456789abcdef0"
    execution = f"{await end.a_task()}/execution/exec-0123456789abcdef0"
    with pytest.raises(NotFoundError, match=task):
        await end.datasync.describe_task(task)
    with pytest.raises(NotFoundError, match=execution):
        await end.datasync.describe_execution(execution)
    assert list(await end.datasync.list_executions(task)) == []


async def test_executions_of_all_pages_are_listed(emulator):
    task = await emulator.a_task()
    started = {await emulator.an_execution(task) for _ in range(101)}
    assert {execution.arn for execution in await emulator.datasync.list_executions(task)} == started


async def test_times_are_milliseconds_and_counters_are_datasyncs(emulator):
    before_ms = time.time() * 1000 - 1000
    described = await emulator.datasync.describe_execution(await emulator.an_execution(await emulator.a_task()))
    assert before_ms < described.started_at_ms <= described.ended_at_ms < time.time() * 1000 + 1000
    assert described.log_level == "OFF"
    raw = await emulator.client.describe_task_execution(TaskExecutionArn=described.arn)
    assert described.files_verified == raw["FilesVerified"]
    assert described.estimated_files == raw["EstimatedFilesToTransfer"]


@pytest.mark.parametrize(
    ("subdirectory", "prefix"),
    [("/", ""), ("/prefix", "prefix/"), ("/a/b c/", "a/b c/"), ("/a+(b)_.", "a+(b)_./")],
)
async def test_location_has_the_bucket_and_prefix_of_datasync(emulator, subdirectory, prefix):
    task = await emulator.a_task(await emulator.s3(subdirectory))
    assert (await emulator.datasync.describe_task(task)).location == S3Location(emulator.name, prefix)


async def test_task_that_does_not_write_to_s3_has_no_location(emulator):
    answer = await emulator.client.create_location_smb(
        ServerHostname="nas",
        Subdirectory="/x",
        User="u",
        Password="p",
        AgentArns=[AGENT],
    )
    task = await emulator.a_task(answer["LocationArn"])
    assert (await emulator.datasync.describe_task(task)).location is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"eu-central-1:{ACCOUNT}:log-group:/my/group:*", "/my/group"),
        (f"eu-central-1:{ACCOUNT}:log-group:/my/group", "/my/group"),
        (f"us-east-1:{ACCOUNT}:log-group:/g:*", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/g"),
        ("eu-central-1:999999999999:log-group:/g:*", "arn:aws:logs:eu-central-1:999999999999:log-group:/g"),
        (None, None),
    ],
)
async def test_basic_task_logs_to_its_configured_group(emulator, written, read):
    task = await emulator.a_task(log_group=written)
    assert (await emulator.datasync.describe_task(task)).log_group == read


async def test_enhanced_task_always_logs_to_datasyncs_group(emulator):
    task = await emulator.a_task(
        log_group=f"eu-central-1:{ACCOUNT}:log-group:/mine",
        TaskMode="ENHANCED",
    )
    assert (await emulator.datasync.describe_task(task)).log_group == "/aws/datasync"


async def test_settings_replace_the_tasks_location_and_log_group(emulator):
    datasync = AwsDataSync(emulator.client, Scope(), location=S3Location("other", "deep/"), log_group="/g")
    described = await datasync.describe_task(await emulator.a_task())
    assert (described.location, described.log_group) == (S3Location("other", "deep/"), "/g")


async def test_named_tasks_are_listed_and_missing_ones_left_out(emulator):
    task, _ = await emulator.a_task(), await emulator.a_task()
    absent = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/task-0123456789abcdef0"
    datasync = AwsDataSync(emulator.client, Scope(arns=frozenset({task, absent})))
    assert await datasync.list_tasks() == [TaskListing(task, "AVAILABLE")]


async def test_tasks_with_the_tag_are_listed(emulator):
    tagged = await emulator.a_task(Tags=[{"Key": "k", "Value": emulator.name}])
    for tags in ([{"Key": "k", "Value": "other"}], [{"Key": emulator.name, "Value": "k"}], []):
        await emulator.a_task(Tags=tags)
    datasync = AwsDataSync(emulator.client, Scope(tag=("k", emulator.name)))
    assert await datasync.list_tasks() == [TaskListing(tagged, "AVAILABLE")]
    assert await datasync.list_tasks() == [TaskListing(tagged, "AVAILABLE")]


async def test_tasks_of_all_pages_are_listed(emulator):
    location = await emulator.s3()
    tasks = {await emulator.a_task(location) for _ in range(101)}
    assert {task.arn for task in await emulator.datasync.list_tasks()} >= tasks
