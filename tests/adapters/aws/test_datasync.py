import pytest

from service.adapters.aws.datasync import AwsDataSync, Scope, parse_s3_uri
from service.domain.errors import AccessDeniedError, RequestRejectedError, TransientError
from service.domain.execution import S3Location
from service.domain.names import TaskMode

TASK = "arn:aws:datasync:eu-central-1:123456789012:task/task-0123456789abcdef0"
EXECUTION = f"{TASK}/execution/exec-0123456789abcdef0"


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("s3://b", S3Location("b", "")),
        ("s3://b/", S3Location("b", "")),
        ("s3://b/p", S3Location("b", "p/")),
        ("s3://b/p/q/", S3Location("b", "p/q/")),
        ("s3://b//p//", S3Location("b", "p/")),
        ("s3://b/p q/%20+", S3Location("b", "p q/%20+/")),
        ("s3://b.c-d/\nx", S3Location("b.c-d", "\nx/")),
        (
            "s3://arn:aws:s3:eu-west-3:123456789012:accesspoint/ap/p/",
            S3Location("arn:aws:s3:eu-west-3:123456789012:accesspoint/ap", "p/"),
        ),
        (
            "s3://arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap/p",
            S3Location("arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap", "p/"),
        ),
        (
            "s3://arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap",
            S3Location("arn:aws:s3-outposts:eu-west-3:123456789012:outpost/op-1/accesspoint/ap", ""),
        ),
    ],
)
def test_s3_uri_is_parsed_into_bucket_and_prefix(uri, location):
    assert parse_s3_uri(uri) == location


@pytest.mark.parametrize("uri", ["", "b/p", "s3://", "s3:///p", "http://b/p", "nfs://host/p", "s3://a:b/p"])
def test_other_uri_is_quoted_in_the_error(uri):
    with pytest.raises(ValueError, match=r"not an S3 URI"):
        parse_s3_uri(uri)


@pytest.fixture
def datasync(clients):
    return AwsDataSync(clients.datasync, Scope())


async def test_values_that_datasync_does_not_report_are_none(datasync, stub):
    stub.answer({"Status": "SOMETHING_NEW"})
    described = await datasync.describe_execution(EXECUTION)
    assert (described.status, described.task_mode) == ("SOMETHING_NEW", TaskMode.BASIC)
    assert (described.verify_mode, described.log_level, described.started_at_ms) == (None, None, None)
    assert (described.ended_at_ms, described.files_verified, described.estimated_files) == (None, None, None)


async def test_invalid_request_without_not_found_is_rejected(datasync, stub):
    message = "Invalid parameter: ARN account () must match authenticated user."
    stub.refuse("InvalidRequestException", message, errorCode="InvalidParameter")
    with pytest.raises(RequestRejectedError, match=r"must match authenticated user"):
        await datasync.describe_execution(EXECUTION)


async def test_denied_location_is_not_treated_as_another_kind_of_location(datasync, stub):
    stub.answer({"DestinationLocationArn": "arn:location"})
    stub.refuse("AccessDeniedException", "not authorized to perform: datasync:DescribeLocationS3")
    with pytest.raises(AccessDeniedError, match=r"the location arn:location"):
        await datasync.describe_task(TASK)


async def test_answer_without_tasks_is_not_an_empty_list(datasync, stub):
    stub.answer({"message": "?"})
    with pytest.raises(TransientError, match="Tasks"):
        await datasync.list_tasks()


async def test_tags_are_cached(clients, stub):
    datasync = AwsDataSync(clients.datasync, Scope(tag=("k", "v")))
    stub.answer({"Tasks": [{"TaskArn": TASK, "Status": "RUNNING"}]}, {"Tags": [{"Key": "k", "Value": "v"}]})
    stub.answer({"Tasks": [{"TaskArn": TASK, "Status": "AVAILABLE"}]})
    assert [task.status for task in await datasync.list_tasks()] == ["RUNNING"]
    assert [task.status for task in await datasync.list_tasks()] == ["AVAILABLE"]


async def test_task_deleted_before_its_tags_are_read_is_left_out(clients, stub):
    datasync = AwsDataSync(clients.datasync, Scope(tag=("k", "v")))
    stub.answer({"Tasks": [{"TaskArn": TASK, "Status": "AVAILABLE"}]})
    stub.refuse("InvalidRequestException", f"Resource {TASK} is not found.")
    assert await datasync.list_tasks() == []
