"""ports.DataSync: AWS's side on the emulator, since moto's DataSync cannot list executions and tells little of them."""

import asyncio
import time

import pytest
import pytest_asyncio

from service.adapters.aws.datasync import AwsDataSync, Scope
from service.adapters.memory.world import MemoryDataSync
from service.domain.errors import Absent
from service.domain.execution import Target
from service.domain.names import TaskMode
from service.domain.records import ExecutionDescription, ExecutionListing, TaskDescription, TaskListing
from tests.contracts.examples import START_MS, a_task_id
from tests.contracts.servers import clients_of

ACCOUNT = "123456789012"
AGENT = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:agent/agent-0123456789abcdef0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/datasync"


class MemoryEnd:
    """Tasks and executions as a test says they are."""

    def __init__(self):
        self.datasync = MemoryDataSync()

    async def a_task(self):
        arn = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/{a_task_id()}"
        self.datasync.described_tasks[arn] = TaskDescription(arn, Target("bucket", "prefix/"), "/datasync")
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
    """Tasks of the emulator's, from an empty share to a bucket that nobody needs."""

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


async def test_all_tasks_are_listed_with_their_status(end):
    tasks = [await end.a_task() for _ in range(3)]
    listed = await end.datasync.tasks()
    assert set(listed) >= {TaskListing(task, "AVAILABLE") for task in tasks}


async def test_a_task_tells_where_it_writes_to(end):
    task = await end.a_task()
    described = await end.datasync.task(task)
    assert (described.arn, described.target.prefix) == (task, "prefix/")


async def test_all_executions_of_a_task_are_listed_and_of_no_other(end):
    task, other = await end.a_task(), await end.a_task()
    executions = [await end.an_execution(task) for _ in range(2)]
    await end.an_execution(other)
    listed = await end.datasync.executions(task)
    assert sorted(listed) == sorted(ExecutionListing(arn, "SUCCESS") for arn in executions)


async def test_an_execution_is_described(end):
    arn = await end.an_execution(await end.a_task())
    described = await end.datasync.execution(arn)
    assert described.arn == arn
    assert (described.status, described.task_mode) == ("SUCCESS", TaskMode.BASIC)
    assert described.verify_mode == "ONLY_FILES_TRANSFERRED"
    assert described.started_at_ms <= described.ended_at_ms
    assert described.files_verified is not None


async def test_what_does_not_exist_is_absent(end):
    task = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/task-0123456789abcdef0"
    execution = f"{await end.a_task()}/execution/exec-0123456789abcdef0"
    with pytest.raises(Absent, match=task):
        await end.datasync.task(task)
    with pytest.raises(Absent, match=execution):
        await end.datasync.execution(execution)
    assert list(await end.datasync.executions(task)) == []


async def test_more_executions_than_one_answer_holds_are_all_listed(emulator):
    task = await emulator.a_task()
    started = {await emulator.an_execution(task) for _ in range(101)}
    assert {execution.arn for execution in await emulator.datasync.executions(task)} == started


async def test_times_are_milliseconds_and_counters_are_datasyncs(emulator):
    before_ms = time.time() * 1000 - 1000
    described = await emulator.datasync.execution(await emulator.an_execution(await emulator.a_task()))
    assert before_ms < described.started_at_ms <= described.ended_at_ms < time.time() * 1000 + 1000
    assert described.log_level == "OFF"
    raw = await emulator.client.describe_task_execution(TaskExecutionArn=described.arn)
    assert described.files_verified == raw["FilesVerified"]
    assert described.estimated_files == raw["EstimatedFilesToTransfer"]


@pytest.mark.parametrize(
    ("subdirectory", "prefix"),
    [("/", ""), ("/prefix", "prefix/"), ("/a/b c/", "a/b c/"), ("/a+(b)_.", "a+(b)_./")],
)
async def test_the_target_is_the_locations_bucket_and_prefix(emulator, subdirectory, prefix):
    task = await emulator.a_task(await emulator.s3(subdirectory))
    assert (await emulator.datasync.task(task)).target == Target(emulator.name, prefix)


async def test_a_task_that_does_not_write_to_s3_has_no_target(emulator):
    answer = await emulator.client.create_location_smb(
        ServerHostname="nas",
        Subdirectory="/x",
        User="u",
        Password="p",
        AgentArns=[AGENT],
    )
    task = await emulator.a_task(answer["LocationArn"])
    assert (await emulator.datasync.task(task)).target is None


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
async def test_a_basic_task_logs_where_it_says(emulator, written, read):
    task = await emulator.a_task(log_group=written)
    assert (await emulator.datasync.task(task)).log_group == read


async def test_an_enhanced_task_logs_to_datasyncs_own_group_whatever_it_says(emulator):
    task = await emulator.a_task(
        log_group=f"eu-central-1:{ACCOUNT}:log-group:/mine",
        TaskMode="ENHANCED",
    )
    assert (await emulator.datasync.task(task)).log_group == "/aws/datasync"


async def test_what_the_operator_says_of_target_and_log_group_wins(emulator):
    datasync = AwsDataSync(emulator.client, Scope(), target=Target("other", "deep/"), log_group="/g")
    described = await datasync.task(await emulator.a_task())
    assert (described.target, described.log_group) == (Target("other", "deep/"), "/g")


async def test_named_tasks_are_listed_and_one_that_does_not_exist_stops_nothing(emulator):
    task, _ = await emulator.a_task(), await emulator.a_task()
    absent = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/task-0123456789abcdef0"
    datasync = AwsDataSync(emulator.client, Scope(arns=frozenset({task, absent})))
    assert await datasync.tasks() == [TaskListing(task, "AVAILABLE")]


async def test_tasks_with_the_tag_are_listed(emulator):
    tagged = await emulator.a_task(Tags=[{"Key": "k", "Value": emulator.name}])
    for tags in ([{"Key": "k", "Value": "other"}], [{"Key": emulator.name, "Value": "k"}], []):
        await emulator.a_task(Tags=tags)
    datasync = AwsDataSync(emulator.client, Scope(tag=("k", emulator.name)))
    assert await datasync.tasks() == [TaskListing(tagged, "AVAILABLE")]
    assert await datasync.tasks() == [TaskListing(tagged, "AVAILABLE")]


async def test_more_tasks_than_one_answer_holds_are_all_listed(emulator):
    location = await emulator.s3()
    tasks = {await emulator.a_task(location) for _ in range(101)}
    assert {task.arn for task in await emulator.datasync.tasks()} >= tasks
