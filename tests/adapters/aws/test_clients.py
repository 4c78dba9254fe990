import asyncio
import time

import pytest
from aiohttp import web

from service import __version__
from service.adapters.aws.clients import Clients, clients
from service.domain.errors import AccessDeniedError, CredentialsError, RequestRejectedError
from tests.contracts.servers import ENVIRONMENT, clients_of

STREAM = {"logGroupName": "g", "logStreamName": "s"}
PAGE = {"events": [], "nextForwardToken": "f/1", "nextBackwardToken": "b/1"}


async def test_each_attempt_is_counted_with_its_outcome(clients, stub, counted):
    stub.refuse("ThrottlingException")
    stub.refuse("ServiceUnavailableException", status=503)
    stub.answer(PAGE)
    await clients.logs.get_log_events(**STREAM)
    assert counted == [
        ("logs", "GetLogEvents", "throttled"),
        ("logs", "GetLogEvents", "server_error"),
        ("logs", "GetLogEvents", "ok"),
    ]


async def test_broken_connection_is_retried_and_counted(clients, stub, counted):
    stub.answer(None, PAGE)
    await clients.logs.get_log_events(**STREAM)
    assert counted == [("logs", "GetLogEvents", "connection_error"), ("logs", "GetLogEvents", "ok")]


async def test_refusal_is_counted_and_not_retried(clients, stub, counted):
    stub.refuse("ResourceNotFoundException")
    with pytest.raises(clients.logs.exceptions.ResourceNotFoundException):
        await clients.logs.get_log_events(**STREAM)
    assert counted == [("logs", "GetLogEvents", "client_error")]


async def test_unreadable_s3_answer_is_counted_as_a_server_error(clients, stub, counted):
    stub.answer("<html", "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    await clients.s3.list_objects_v2(Bucket="b")
    assert [outcome for *_, outcome in counted] == ["server_error", "ok"]


async def test_binary_values_are_bytes_in_fast_parsed_answers(clients, stub):
    stub.answer({"Items": [{"binary": {"B": "AQI="}, "text": {"S": '"B":'}}], "Count": 1})
    answer = await clients.dynamodb.query(TableName="t")
    assert answer["Items"] == [{"binary": {"B": b"\x01\x02"}, "text": {"S": '"B":'}}]


async def test_null_member_is_left_out_of_fast_parsed_answers(clients, stub):
    stub.answer({"Items": [], "Count": 0, "LastEvaluatedKey": None})
    assert "LastEvaluatedKey" not in await clients.dynamodb.query(TableName="t")


async def test_log_message_may_contain_a_lone_surrogate(clients, stub):
    stub.answer(PAGE | {"events": [{"timestamp": 1, "message": "x\ud800", "ingestionTime": 2}]})
    answer = await clients.logs.get_log_events(**STREAM)
    assert [event["message"] for event in answer["events"]] == ["x\ud800"]


async def test_slow_down_of_s3_is_counted_as_throttled(clients, stub, counted):
    stub.refuse_as_s3("SlowDown", 503)
    stub.answer("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    await clients.s3.list_objects_v2(Bucket="b")
    assert [outcome for *_, outcome in counted] == ["throttled", "ok"]


async def test_services_are_counted_under_the_names_that_errors_use(clients, stub, counted):
    stub.answer({"Tasks": []}, {"Items": [], "Count": 0}, {"Attributes": {}})
    await clients.datasync.list_tasks()
    await clients.dynamodb.query(TableName="t")
    await clients.sqs.get_queue_attributes(QueueUrl="http://q/1/q")
    assert [service for service, *_ in counted] == ["datasync", "dynamodb", "sqs"]
    assert set(Clients._fields) >= {service for service, *_ in counted}


async def test_rate_limit_delays_its_operation_and_no_other(serving, stub):
    async with clients_of(serving.url, rates={("logs", "GetLogEvents"): 20.0}) as paced:
        stub.answer(*[PAGE] * 30, {"logStreams": []})
        started_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(30):
                group.create_task(paced.logs.get_log_events(**STREAM))
        # A bucket of twenty is full at first; the other ten come at twenty a second.
        assert time.monotonic() - started_s >= 0.45
        await paced.logs.describe_log_streams(logGroupName="g")


async def test_retries_are_rate_limited(serving, stub):
    async with clients_of(serving.url, rates={("logs", "GetLogEvents"): 1.0}) as paced:
        stub.refuse("InternalFailure", status=500)
        stub.answer(PAGE)
        started_s = time.monotonic()
        await paced.logs.get_log_events(**STREAM)
        assert time.monotonic() - started_s >= 0.95


async def test_user_agent_names_the_service_and_its_version(serving, stub):
    async with clients_of(serving.url) as opened:
        agents = []
        opened.logs.meta.events.register(
            "before-send", lambda request, **_: agents.append(request.headers["User-Agent"].decode())
        )
        stub.answer(PAGE)
        await opened.logs.get_log_events(**STREAM)
    assert f"datasync-trigger/{__version__}" in agents[0]


async def test_region_may_be_set_as_aws_region(serving):
    async with clients_of(serving.url, AWS_REGION="eu-west-3", AWS_DEFAULT_REGION="us-east-1") as opened:
        assert {client.meta.region_name for client in opened} == {"eu-west-3"}


async def test_each_service_may_have_a_separate_endpoint(serving):
    async with clients_of("http://127.0.0.1:1", AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=serving.url) as opened:
        assert opened.logs.meta.endpoint_url == serving.url
        assert opened.sqs.meta.endpoint_url == "http://127.0.0.1:1"


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Return an environment without AWS configuration files."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return monkeypatch


async def opening():
    async with clients(lambda *_: None):
        pass


async def test_missing_region_is_rejected(bare):
    bare.delenv("AWS_REGION")
    bare.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(RequestRejectedError, match="AWS_REGION"):
        await opening()


async def test_missing_credentials_are_reported(bare):
    bare.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(CredentialsError, match="AWS_ACCESS_KEY_ID"):
        await opening()


async def test_unknown_profile_is_named(bare):
    bare.setenv("AWS_PROFILE", "absent-profile")
    with pytest.raises(AccessDeniedError, match="absent-profile"):
        await opening()


async def test_invalid_endpoint_url_is_named(bare):
    bare.setenv("AWS_ENDPOINT_URL_SQS", "not a url")
    with pytest.raises(RequestRejectedError, match=r"AWS_ENDPOINT_URL.*not a url"):
        await opening()


async def test_refused_connection_is_counted_as_a_connection_error(counted):
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    await runner.cleanup()
    requests = []
    async with clients_of(f"http://127.0.0.1:{port}", on_request=lambda *request: requests.append(request)) as opened:
        with pytest.raises(Exception, match="Could not connect"):
            await opened.logs.describe_log_streams(logGroupName="g")
    assert requests == [("logs", "DescribeLogStreams", "connection_error")] * 4
