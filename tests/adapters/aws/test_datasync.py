import pytest

from service.adapters.aws.datasync import AwsDataSync, Scope, target_of
from service.domain.errors import Denied, Rejected, Transient
from service.domain.execution import Target
from service.domain.names import TaskMode

TASK = "arn:aws:datasync:eu-central-1:123456789012:task/task-0123456789abcdef0"
EXECUTION = f"{TASK}/execution/exec-0123456789abcdef0"


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("s3://b", Target("b", "")),
        ("s3://b/", Target("b", "")),
        ("s3://b/p", Target("b", "p/")),
        ("s3://b/p/q/", Target("b", "p/q/")),
        ("s3://b//p//", Target("b", "p/")),
        ("s3://b/p q/%20+", Target("b", "p q/%20+/")),
        ("s3://b.c-d/\nx", Target("b.c-d", "\nx/")),
        (
            "s3://arn:aws:s3:eu-west-3:123456789012:accesspoint/ap/p/",
            Target("arn:aws:s3:eu-west-3:123456789012:accesspoint/ap", "p/"),
        ),
        (
            "s3://arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap/p",
            Target("arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap", "p/"),
        ),
        (
            "s3://arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap",
            Target("arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap", ""),
        ),
    ],
)
def test_a_uri_names_a_bucket_and_a_prefix(uri, target):
    assert target_of(uri) == target


@pytest.mark.parametrize("uri", ["", "b/p", "s3://", "s3:///p", "http://b/p", "nfs://host/p", "s3://a:b/p"])
def test_what_is_no_place_in_s3_is_named(uri):
    with pytest.raises(ValueError, match=r"not the URI of a place in S3"):
        target_of(uri)


@pytest.fixture
def datasync(clients):
    return AwsDataSync(clients.datasync, Scope())


async def test_what_datasync_does_not_say_of_an_execution_is_none(datasync, stub):
    stub.answer({"Status": "SOMETHING_NEW"})
    described = await datasync.execution(EXECUTION)
    assert (described.status, described.task_mode) == ("SOMETHING_NEW", TaskMode.BASIC)
    assert (described.verify_mode, described.log_level, described.started_at_ms) == (None, None, None)
    assert (described.ended_at_ms, described.files_verified, described.estimated_files) == (None, None, None)


async def test_a_bad_request_that_does_not_say_not_found_is_rejected(datasync, stub):
    message = "Invalid parameter: ARN account () must match authenticated user."
    stub.refuse("InvalidRequestException", message, errorCode="InvalidParameter")
    with pytest.raises(Rejected, match=r"must match authenticated user"):
        await datasync.execution(EXECUTION)


async def test_a_destination_that_cannot_be_looked_at_is_not_taken_for_another_kind(datasync, stub):
    stub.answer({"DestinationLocationArn": "arn:location"})
    stub.refuse("AccessDeniedException", "not authorized to perform: datasync:DescribeLocationS3")
    with pytest.raises(Denied, match=r"the location arn:location"):
        await datasync.task(TASK)


async def test_a_listing_without_tasks_is_not_an_empty_one(datasync, stub):
    stub.answer({"message": "?"})
    with pytest.raises(Transient, match="Tasks"):
        await datasync.tasks()


async def test_tags_are_read_once_in_a_while(clients, stub):
    datasync = AwsDataSync(clients.datasync, Scope(tag=("k", "v")))
    stub.answer({"Tasks": [{"TaskArn": TASK, "Status": "RUNNING"}]}, {"Tags": [{"Key": "k", "Value": "v"}]})
    stub.answer({"Tasks": [{"TaskArn": TASK, "Status": "AVAILABLE"}]})
    assert [task.status for task in await datasync.tasks()] == ["RUNNING"]
    assert [task.status for task in await datasync.tasks()] == ["AVAILABLE"]


async def test_a_task_that_is_deleted_while_tags_are_read_is_left_out(clients, stub):
    datasync = AwsDataSync(clients.datasync, Scope(tag=("k", "v")))
    stub.answer({"Tasks": [{"TaskArn": TASK, "Status": "AVAILABLE"}]})
    stub.refuse("InvalidRequestException", f"Resource {TASK} is not found.")
    assert await datasync.tasks() == []
