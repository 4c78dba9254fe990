import asyncio
import time

import pytest
from aiohttp import web

from service import __version__
from service.adapters.aws.clients import Clients, clients
from service.domain.errors import Denied, Rejected
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


async def test_a_broken_connection_is_tried_again_and_counted(clients, stub, counted):
    stub.answer(None, PAGE)
    await clients.logs.get_log_events(**STREAM)
    assert counted == [("logs", "GetLogEvents", "connection_error"), ("logs", "GetLogEvents", "ok")]


async def test_a_refusal_is_counted_and_not_tried_again(clients, stub, counted):
    stub.refuse("ResourceNotFoundException")
    with pytest.raises(clients.logs.exceptions.ResourceNotFoundException):
        await clients.logs.get_log_events(**STREAM)
    assert counted == [("logs", "GetLogEvents", "client_error")]


async def test_an_answer_of_s3_that_is_none_of_aws_is_counted_as_the_servers_error(clients, stub, counted):
    stub.answer("<html", "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    await clients.s3.list_objects_v2(Bucket="b")
    assert [outcome for *_, outcome in counted] == ["server_error", "ok"]


async def test_binary_values_are_bytes_in_long_answers_too(clients, stub):
    stub.answer({"Items": [{"binary": {"B": "AQI="}, "text": {"S": '"B":'}}], "Count": 1})
    answer = await clients.dynamodb.query(TableName="t")
    assert answer["Items"] == [{"binary": {"B": b"\x01\x02"}, "text": {"S": '"B":'}}]


async def test_a_member_without_a_value_is_left_out_of_long_answers_too(clients, stub):
    stub.answer({"Items": [], "Count": 0, "LastEvaluatedKey": None})
    assert "LastEvaluatedKey" not in await clients.dynamodb.query(TableName="t")


async def test_a_log_message_may_hold_what_is_no_unicode_text(clients, stub):
    stub.answer(PAGE | {"events": [{"timestamp": 1, "message": "x\ud800", "ingestionTime": 2}]})
    answer = await clients.logs.get_log_events(**STREAM)
    assert [event["message"] for event in answer["events"]] == ["x\ud800"]


async def test_a_slow_down_of_s3_is_a_throttle(clients, stub, counted):
    stub.refuse_as_s3("SlowDown", 503)
    stub.answer("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    await clients.s3.list_objects_v2(Bucket="b")
    assert [outcome for *_, outcome in counted] == ["throttled", "ok"]


async def test_services_are_counted_by_the_names_that_troubles_bear(clients, stub, counted):
    stub.answer({"Tasks": []}, {"Items": [], "Count": 0}, {"Attributes": {}})
    await clients.datasync.list_tasks()
    await clients.dynamodb.query(TableName="t")
    await clients.sqs.get_queue_attributes(QueueUrl="http://q/1/q")
    assert [service for service, *_ in counted] == ["datasync", "dynamodb", "sqs"]
    assert set(Clients._fields) >= {service for service, *_ in counted}


async def test_an_operation_is_paced_and_others_are_not_kept_waiting(serving, stub):
    async with clients_of(serving.url, rates={("logs", "GetLogEvents"): 20.0}) as paced:
        stub.answer(*[PAGE] * 30, {"logStreams": []})
        started_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(30):
                group.create_task(paced.logs.get_log_events(**STREAM))
        # A bucket of twenty is full at first; the other ten come at twenty a second.
        assert time.monotonic() - started_s >= 0.45
        await paced.logs.describe_log_streams(logGroupName="g")


async def test_retries_are_paced_too(serving, stub):
    async with clients_of(serving.url, rates={("logs", "GetLogEvents"): 1.0}) as paced:
        stub.refuse("InternalFailure", status=500)
        stub.answer(PAGE)
        started_s = time.monotonic()
        await paced.logs.get_log_events(**STREAM)
        assert time.monotonic() - started_s >= 0.95


async def test_requests_say_who_sends_them(serving, stub):
    async with clients_of(serving.url) as opened:
        agents = []
        opened.logs.meta.events.register(
            "before-send", lambda request, **_: agents.append(request.headers["User-Agent"].decode())
        )
        stub.answer(PAGE)
        await opened.logs.get_log_events(**STREAM)
    assert f"datasync-trigger/{__version__}" in agents[0]


async def test_the_region_may_come_as_the_other_sdks_name_it(serving):
    async with clients_of(serving.url, AWS_REGION="eu-west-3", AWS_DEFAULT_REGION="us-east-1") as opened:
        assert {client.meta.region_name for client in opened} == {"eu-west-3"}


async def test_each_service_may_have_an_endpoint_of_its_own(serving):
    async with clients_of("http://127.0.0.1:1", AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=serving.url) as opened:
        assert opened.logs.meta.endpoint_url == serving.url
        assert opened.sqs.meta.endpoint_url == "http://127.0.0.1:1"


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """An environment in which nothing of AWS's is set."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return monkeypatch


async def opening():
    async with clients(lambda *_: None):
        pass


async def test_without_a_region_there_are_no_clients(bare):
    bare.delenv("AWS_REGION")
    bare.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(Rejected, match="AWS_REGION"):
        await opening()


async def test_without_credentials_there_are_no_clients(bare):
    bare.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Denied, match="AWS_ACCESS_KEY_ID"):
        await opening()


async def test_a_profile_that_is_not_there_is_named(bare):
    bare.setenv("AWS_PROFILE", "absent-profile")
    with pytest.raises(Denied, match="absent-profile"):
        await opening()


async def test_an_endpoint_that_is_no_url_is_named(bare):
    bare.setenv("AWS_ENDPOINT_URL_SQS", "not a url")
    with pytest.raises(Rejected, match=r"AWS_ENDPOINT_URL.*not a url"):
        await opening()


async def test_a_server_that_does_not_listen_is_a_connection_error(counted):
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    await runner.cleanup()
    heard = []
    async with clients_of(f"http://127.0.0.1:{port}", on_request=lambda *request: heard.append(request)) as opened:
        with pytest.raises(Exception, match="Could not connect"):
            await opened.logs.describe_log_streams(logGroupName="g")
    assert heard == [("logs", "DescribeLogStreams", "connection_error")] * 4
