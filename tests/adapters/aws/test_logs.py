import pytest

from service.adapters.aws.logs import CloudWatchLogs
from service.domain.errors import RequestRejectedError, TransientError

GROUP_ARN = "arn:aws:logs:us-east-1:123456789012:log-group:/g"


@pytest.fixture
def logs(clients):
    return CloudWatchLogs(clients.logs)


def a_page(token, *messages):
    events = [{"timestamp": 1, "message": message, "ingestionTime": 2} for message in messages]
    return {"events": events, "nextForwardToken": token, "nextBackwardToken": "b/0"}


@pytest.mark.parametrize(
    ("group", "parameter", "value"),
    [
        ("/g", "logGroupName", "/g"),
        (GROUP_ARN, "logGroupIdentifier", GROUP_ARN),
        (f"{GROUP_ARN}:*", "logGroupIdentifier", GROUP_ARN),
    ],
)
async def test_group_is_passed_by_name_or_by_arn(logs, stub, group, parameter, value):
    stub.answer({"logStreams": []}, a_page("f/1"))
    await logs.list_streams(group, "s")
    await logs.read_page(group, "s", None)
    for asked in stub.asked:
        assert {name: asked.body[name] for name in asked.body if name.startswith("logGroup")} == {parameter: value}


async def test_pages_are_read_from_the_head_at_the_largest_size(logs, stub):
    stub.answer(a_page("f/1", "x"), a_page("f/1"))
    await logs.read_page("/g", "s", None)
    page = await logs.read_page("/g", "s", "f/1")
    assert page.at_end
    assert [(asked.body["limit"], asked.body["startFromHead"]) for asked in stub.asked] == [(10_000, True)] * 2
    assert [asked.body.get("nextToken") for asked in stub.asked] == [None, "f/1"]


async def test_incomplete_answer_is_neither_an_empty_page_nor_the_end(logs, stub):
    stub.answer({"message": "?"}, {"events": []})
    for _ in range(2):
        with pytest.raises(TransientError, match="the log stream s of /g"):
            await logs.read_page("/g", "s", "f/1")


async def test_expired_token_is_rejected(logs, stub):
    stub.refuse("InvalidParameterException", "The specified nextToken is expired.")
    with pytest.raises(RequestRejectedError, match="expired"):
        await logs.read_page("/g", "s", "f/1")
