"""Both protocols, as raw HTTP and through the real SDK."""

import gzip
import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import botocore
import cbor2
import pytest

from emulator.wire import cbor
from emulator.wire.model import load_model


def post(url, data, **headers):
    """Send a raw POST; return status, headers and body."""
    request = urllib.request.Request(url, data=data, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture
def cbor_datasync(aws, tmp_path):
    """An SDK client whose DataSync model has CBOR as its only protocol."""
    shipped = Path(botocore.__file__).parent / "data/datasync/2018-11-09"
    model_folder = tmp_path / "datasync/2018-11-09"
    shutil.copytree(shipped, model_folder)
    packed = model_folder / "service-2.json.gz"
    model = json.loads(gzip.decompress(packed.read_bytes()))
    model["metadata"] |= {"protocol": "smithy-rpc-v2-cbor", "protocols": ["smithy-rpc-v2-cbor"]}
    packed.unlink()
    (model_folder / "service-2.json").write_text(json.dumps(model))
    core = botocore.session.get_session()
    core.get_component("data_loader").search_paths.insert(0, str(tmp_path))
    session = boto3.Session("test", "test", region_name="us-east-1", botocore_session=core)
    client = session.client("datasync", endpoint_url=aws.url)
    yield client
    client.close()


def test_sdk_with_cbor_runs_an_execution(aws, cbor_datasync):
    paths = []
    cbor_datasync.meta.events.register("before-send", lambda request, **_: paths.append(request.url))
    setup = aws.setup()
    setup.write(a=b"one")

    arn = cbor_datasync.start_task_execution(TaskArn=setup.task_arn)["TaskExecutionArn"]
    setup.until(arn, lambda described: described["Status"] == "SUCCESS")
    described = cbor_datasync.describe_task_execution(TaskExecutionArn=arn)

    assert paths == [
        f"{aws.url}/service/FmrsService/operation/StartTaskExecution",
        f"{aws.url}/service/FmrsService/operation/DescribeTaskExecution",
    ]
    in_json = setup.describe(arn)
    assert {name: described[name] for name in described if name != "ResponseMetadata"} == {
        name: in_json[name] for name in in_json if name != "ResponseMetadata"
    }
    with pytest.raises(cbor_datasync.exceptions.InvalidRequestException, match="not found") as raised:
        cbor_datasync.describe_task(TaskArn=setup.task_arn[:-3] + "000")
    assert raised.value.response["errorCode"] == "InvalidParameter"


def test_blobs_are_unchanged_in_both_protocols(aws, cbor_datasync):
    agent = "arn:aws:datasync:us-east-1:123456789012:agent/agent-0123456789abcdef0"
    arn = cbor_datasync.create_location_object_storage(
        ServerHostname="minio", BucketName="box", AgentArns=[agent], ServerCertificate=b"\x00\xff"
    )["LocationArn"]

    for client in (aws.datasync, cbor_datasync):
        assert client.describe_location_object_storage(LocationArn=arn)["ServerCertificate"] == b"\x00\xff"


def test_cbor_response_has_the_protocol_header_and_times_with_tag_1(aws):
    setup = aws.setup()
    status, headers, body = post(
        f"{aws.url}/service/FmrsService/operation/DescribeTask", cbor2.dumps({"TaskArn": setup.task_arn})
    )

    assert (status, headers["smithy-protocol"], headers["content-type"]) == (200, cbor.PROTOCOL, "application/cbor")
    tagged = cbor2.loads(body, tag_hook=lambda _, tag: tag.tag)
    assert tagged["TaskArn"] == setup.task_arn
    assert b"\xc1" in body
    assert headers["x-amzn-RequestId"]


@pytest.mark.parametrize("mode", ["BASIC", "ENHANCED"])
def test_response_has_only_members_of_the_model_and_the_newer_folder_counters(aws, mode):
    setup = aws.setup(mode=mode, Name="n", Schedule={"ScheduleExpression": "rate(12 hours)"})
    setup.run()
    model = load_model("datasync")
    for operation, request in [
        ("DescribeTask", {"TaskArn": setup.task_arn}),
        ("DescribeTaskExecution", {"TaskExecutionArn": setup.execution_arn}),
        ("ListTaskExecutions", {"TaskArn": setup.task_arn}),
        ("ListTasks", {}),
        ("DescribeLocationS3", {"LocationArn": setup.destination_arn}),
        ("DescribeLocationNfs", {"LocationArn": setup.source_arn}),
    ]:
        target = f"FmrsService.{operation}"
        _, _, body = post(aws.url, json.dumps(request).encode(), X_Amz_Target=target)
        unknown = json.loads(body).keys() - model.operation_model(operation).output_shape.members.keys()
        assert all("Folders" in name for name in unknown)
        assert bool(unknown) is (mode == "ENHANCED" and operation == "DescribeTaskExecution")


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/", b"{not json", {"X_Amz_Target": "FmrsService.ListTasks"}),
        ("/", b"{}", {"X_Amz_Target": "FmrsService.BrewCoffee"}),
        ("/", b"{}", {"X_Amz_Target": "Unknown.ListTasks"}),
        ("/", b"{}", {}),
        ("/", b"[]", {"X_Amz_Target": "FmrsService.ListTasks"}),
        ("/service/FmrsService/operation/ListTasks", b"\xff\xff", {}),
        ("/service/Unknown/operation/ListTasks", b"", {}),
    ],
)
def test_invalid_request_gets_an_error_in_its_protocol(aws, path, body, headers):
    status, _, response = post(f"{aws.url}{path}", body, **headers)

    assert status == 400
    error = json.loads(response) if path == "/" else cbor2.loads(response)
    assert error["__type"].rpartition("#")[2] in {
        "SerializationException",
        "UnknownOperationException",
        "InvalidRequestException",
    }
    assert error["message"]
