"""The API through the real SDK: shapes, defaults, pages, errors."""

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/datasync"
AGENT = "arn:aws:datasync:us-east-1:123456789012:agent/agent-0123456789abcdef0"
GROUP = "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0123456789abcdef0"
SUBNET = "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0123456789abcdef0"
FSX = "arn:aws:fsx:us-east-1:123456789012:file-system/fs-0123456789abcdef0"
NFS = {"NFS": {"MountOptions": {"Version": "NFS3"}}}

LOCATIONS = {
    "s3": ({"S3BucketArn": "arn:aws:s3:::bucket", "S3Config": {"BucketAccessRoleArn": ROLE}}, "s3://bucket/"),
    "nfs": (
        {"ServerHostname": "nas", "Subdirectory": "/export/a", "OnPremConfig": {"AgentArns": [AGENT]}},
        "nfs://nas/export/a/",
    ),
    "smb": (
        {"ServerHostname": "win", "Subdirectory": "share", "AgentArns": [AGENT], "User": "u", "Password": "secret"},
        "smb://win/share/",
    ),
    "efs": (
        {
            "EfsFilesystemArn": "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-01234567",
            "Ec2Config": {"SubnetArn": SUBNET, "SecurityGroupArns": [GROUP]},
        },
        "efs://us-east-1.fs-01234567/",
    ),
    "fsx_lustre": (
        {"FsxFilesystemArn": FSX, "SecurityGroupArns": [GROUP], "Subdirectory": "/d"},
        "fsxl://us-east-1.fs-0123456789abcdef0/d/",
    ),
    "fsx_open_zfs": (
        {"FsxFilesystemArn": FSX, "SecurityGroupArns": [GROUP], "Protocol": NFS, "Subdirectory": "/fsx"},
        "fsxz://us-east-1.fs-0123456789abcdef0/fsx/",
    ),
    "fsx_windows": (
        {"FsxFilesystemArn": FSX, "SecurityGroupArns": [GROUP], "User": "admin", "Password": "secret"},
        "fsxw://us-east-1.fs-0123456789abcdef0/",
    ),
    "fsx_ontap": (
        {
            "StorageVirtualMachineArn": FSX.replace("file-system", "storage-virtual-machine")
            + "/svm-0123456789abcdef0",
            "SecurityGroupArns": [GROUP],
            "Protocol": NFS,
        },
        "fsxn-nfs://us-east-1.fs-0123456789abcdef0.svm-0123456789abcdef0/",
    ),
    "hdfs": (
        {
            "NameNodes": [{"Hostname": "node", "Port": 8020}],
            "AuthenticationType": "SIMPLE",
            "SimpleUser": "u",
            "AgentArns": [AGENT],
        },
        "hdfs://node:8020/",
    ),
    "object_storage": (
        {"ServerHostname": "minio", "BucketName": "bucket", "AgentArns": [AGENT], "ServerCertificate": b"pem"},
        "object-storage://minio/bucket/",
    ),
    "azure_blob": (
        {
            "ContainerUrl": "https://account.blob.core.windows.net/box",
            "AuthenticationType": "NONE",
            "AgentArns": [AGENT],
        },
        "azure-blob://account.blob.core.windows.net/box/",
    ),
}


@pytest.mark.parametrize("kind", LOCATIONS)
def test_location_of_every_kind_is_created_described_updated_listed_and_deleted(aws, kind):
    request, uri = LOCATIONS[kind]
    datasync = aws.datasync

    arn = getattr(datasync, f"create_location_{kind}")(**request)["LocationArn"]
    described = getattr(datasync, f"describe_location_{kind}")(LocationArn=arn)

    assert (described["LocationArn"], described["LocationUri"]) == (arn, uri)
    assert "secret" not in str(described)
    assert {name: described[name] for name in described if name in request} == {
        name: value for name, value in request.items() if name in described
    }
    listed = datasync.list_locations(Filters=[{"Name": "LocationUri", "Values": [uri], "Operator": "Equals"}])
    assert {"LocationArn": arn, "LocationUri": uri} in listed["Locations"]
    if kind != "fsx_ontap":
        getattr(datasync, f"update_location_{kind}")(LocationArn=arn, Subdirectory="/moved")
        assert getattr(datasync, f"describe_location_{kind}")(LocationArn=arn)["LocationUri"].endswith("/moved/")
    datasync.delete_location(LocationArn=arn)
    with pytest.raises(datasync.exceptions.InvalidRequestException):
        getattr(datasync, f"describe_location_{kind}")(LocationArn=arn)


def test_location_in_use_is_not_deleted(aws):
    setup = aws.setup()
    with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="in use"):
        aws.datasync.delete_location(LocationArn=setup.source_arn)


def test_location_is_not_described_as_another_kind(aws):
    setup = aws.setup()
    with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="not found"):
        aws.datasync.describe_location_smb(LocationArn=setup.source_arn)


@pytest.mark.parametrize(
    ("mode", "verify_mode"), [("BASIC", "POINT_IN_TIME_CONSISTENT"), ("ENHANCED", "ONLY_FILES_TRANSFERRED")]
)
def test_task_has_the_defaults_of_its_mode(aws, mode, verify_mode):
    described = aws.datasync.describe_task(TaskArn=aws.setup(mode=mode).task_arn)

    assert described["Options"]["VerifyMode"] == verify_mode
    assert described["Options"]["TransferMode"] == "CHANGED"
    assert (described["Status"], described["TaskMode"]) == ("AVAILABLE", mode)
    assert described["CloudWatchLogGroupArn"].endswith(":*")


def test_task_is_updated_option_by_option(aws):
    setup = aws.setup(Name="before")

    aws.datasync.update_task(TaskArn=setup.task_arn, Name="after", Options={"VerifyMode": "NONE"})

    described = aws.datasync.describe_task(TaskArn=setup.task_arn)
    assert (described["Name"], described["Options"]["VerifyMode"]) == ("after", "NONE")
    assert described["Options"]["LogLevel"] == "TRANSFER"


def test_task_shows_its_newest_execution_and_is_deleted_with_all_of_them(aws):
    setup = aws.setup()
    setup.run()
    setup.run()

    described = aws.datasync.describe_task(TaskArn=setup.task_arn)
    assert described["CurrentTaskExecutionArn"] == setup.execution_arn
    aws.datasync.delete_task(TaskArn=setup.task_arn)
    with pytest.raises(aws.datasync.exceptions.InvalidRequestException):
        setup.describe(setup.execution_arn)


@pytest.mark.parametrize(
    "options",
    [
        {"PreserveDeletedFiles": "REMOVE", "TransferMode": "ALL"},
        {"Atime": "NONE", "Mtime": "PRESERVE"},
    ],
)
def test_conflicting_options_are_rejected(aws, options):
    with pytest.raises(aws.datasync.exceptions.InvalidRequestException):
        aws.setup(options=options)


def test_enhanced_mode_rejects_point_in_time_verification(aws):
    with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="POINT_IN_TIME_CONSISTENT"):
        aws.setup(mode="ENHANCED", options={"VerifyMode": "POINT_IN_TIME_CONSISTENT"})


def test_request_that_violates_the_service_model_is_rejected_with_all_error_members(aws):
    unchecked = aws.session.client(
        "datasync", endpoint_url=aws.url, config=Config(parameter_validation=False, signature_version=UNSIGNED)
    )
    for request, message in [
        ({}, "'TaskArn' failed to satisfy constraint: Member must not be null"),
        ({"TaskArn": "arn:nonsense"}, "regular expression pattern"),
        ({"TaskArn": 7}, "'TaskArn' must be a string"),
        ({"TaskArn": aws.setup().task_arn, "OverrideOptions": {"LogLevel": "LOUD"}}, "enum value set"),
        ({"TaskArn": aws.setup().task_arn, "OverrideOptions": {"BytesPerSecond": -2}}, "greater than or equal to -1"),
        ({"TaskArn": aws.setup().task_arn, "Includes": [{}, {}]}, "less than or equal to 1"),
        ({"TaskArn": "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0"}, "is not found"),
    ]:
        with pytest.raises(ClientError) as raised:
            unchecked.start_task_execution(**request)
        response = raised.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
            "InvalidRequestException",
            400,
        )
        assert message in response["Error"]["Message"]
        assert response["errorCode"] == response["datasyncErrorCode"] == "InvalidParameter"
    unchecked.close()


def test_operation_that_is_not_emulated_returns_an_error(aws):
    with pytest.raises(ClientError, match="not emulated"):
        aws.datasync.list_agents()


def test_executions_are_listed_in_pages_oldest_first(aws):
    setup = aws.setup()
    arns = []
    for _ in range(5):
        setup.run()
        arns.append(setup.execution_arn)

    pages = aws.datasync.get_paginator("list_task_executions").paginate(
        TaskArn=setup.task_arn, PaginationConfig={"PageSize": 2}
    )
    found = [page["TaskExecutions"] for page in pages]

    assert [len(page) for page in found] == [2, 2, 1]
    assert [each["TaskExecutionArn"] for page in found for each in page] == arns
    assert {each["Status"] for page in found for each in page} == {"SUCCESS"}
    everything = aws.datasync.get_paginator("list_task_executions").paginate().build_full_result()
    assert {each["TaskExecutionArn"] for each in everything["TaskExecutions"]} >= set(arns)


def test_unknown_page_token_is_rejected(aws):
    with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="NextToken"):
        aws.datasync.list_tasks(NextToken="abc")


def test_tasks_are_filtered_by_location(aws):
    setup = aws.setup(Name="mine")
    location_id = setup.source_arn.rpartition("/")[2]

    found = aws.datasync.list_tasks(Filters=[{"Name": "LocationId", "Values": [location_id], "Operator": "Contains"}])[
        "Tasks"
    ]

    assert found == [{"TaskArn": setup.task_arn, "Status": "AVAILABLE", "Name": "mine", "TaskMode": "BASIC"}]


def test_tags_are_added_listed_and_removed(aws):
    setup = aws.setup(Tags=[{"Key": "a", "Value": "1"}])
    aws.datasync.tag_resource(ResourceArn=setup.task_arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    aws.datasync.untag_resource(ResourceArn=setup.task_arn, Keys=["b", "unknown"])

    assert aws.datasync.list_tags_for_resource(ResourceArn=setup.task_arn)["Tags"] == [{"Key": "a", "Value": "3"}]


def test_invalid_schedule_is_rejected(aws):
    with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="schedule"):
        aws.setup(Schedule={"ScheduleExpression": "cron(nonsense)"})


def test_disabled_schedule_shows_that_the_user_disabled_it(aws):
    setup = aws.setup(Schedule={"ScheduleExpression": "rate(12 hours)", "Status": "DISABLED"})

    assert aws.datasync.describe_task(TaskArn=setup.task_arn)["ScheduleDetails"]["DisabledBy"] == "USER"
