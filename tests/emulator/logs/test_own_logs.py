"""The emulator's own CloudWatch Logs through the real SDK, with faults."""

import time
import uuid

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def stream(own):
    """A new stream with five events."""
    group, name = f"/own/{uuid.uuid4().hex}", "task-1-exec-1"
    own.logs.create_log_group(logGroupName=group)
    own.logs.create_log_stream(logGroupName=group, logStreamName=name)
    now_ms = int(time.time() * 1000)
    events = [{"timestamp": now_ms + number, "message": f"line {number}"} for number in range(5)]
    own.logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=events)
    return {"logGroupName": group, "logStreamName": name}


def messages(response):
    return [event["message"] for event in response["events"]]


def test_log_of_a_transfer_is_served_by_the_emulator(own):
    setup = own.setup()
    setup.write(a=b"one")
    setup.run()

    assert "[NOTICE] Verified file /a, 3 bytes" in setup.log()
    assert setup.log()[-1].endswith("finished with status Success.")
    listed = own.logs.describe_log_streams(logGroupName=setup.group)["logStreams"]
    assert [each["lastEventTimestamp"] >= each["firstEventTimestamp"] for each in listed] == [True]


def test_missing_log_group_does_not_stop_a_transfer(own):
    setup = own.setup()
    own.datasync.update_task(
        TaskArn=setup.task_arn, CloudWatchLogGroupArn="arn:aws:logs:us-east-1:123456789012:log-group:/none"
    )

    assert setup.run()["Status"] == "SUCCESS"


def test_log_lines_are_readable_while_the_execution_runs(own, eventually):
    setup = own.setup(options={"BytesPerSecond": 1})
    setup.write(a=b"1", b=b"2", c=b"x" * 1000)
    arn = setup.start()
    setup.until(arn, lambda described: described["Status"] == "TRANSFERRING")

    log = eventually(lambda: setup.log(arn), lambda lines: "[NOTICE] Transferred file /a, 1 bytes" in lines)

    assert not any("Verified" in line for line in log)
    own.datasync.cancel_task_execution(TaskExecutionArn=arn)
    setup.until(arn, lambda described: described["Status"] == "ERROR")


def test_last_page_returns_the_token_of_the_request(own, stream):
    first = own.logs.get_log_events(**stream, startFromHead=True, limit=3)
    second = own.logs.get_log_events(**stream, startFromHead=True, nextToken=first["nextForwardToken"])
    end = own.logs.get_log_events(**stream, startFromHead=True, nextToken=second["nextForwardToken"])

    assert (messages(first), messages(second), messages(end)) == (
        ["line 0", "line 1", "line 2"],
        ["line 3", "line 4"],
        [],
    )
    assert end["nextForwardToken"] == second["nextForwardToken"]


def test_end_time_is_exclusive_in_get_and_inclusive_in_filter(own, stream):
    events = own.logs.get_log_events(**stream, startFromHead=True)["events"]
    end = events[2]["timestamp"]
    got = own.logs.get_log_events(**stream, startFromHead=True, endTime=end)
    filtered = own.logs.filter_log_events(logGroupName=stream["logGroupName"], endTime=end)

    assert (len(got["events"]), len(filtered["events"])) == (2, 3)
    assert all(len(event["eventId"]) == 56 for event in filtered["events"])


def test_filter_log_events_returns_all_events_in_pages(own, stream):
    pages = own.logs.get_paginator("filter_log_events").paginate(
        logGroupName=stream["logGroupName"], logStreamNamePrefix="task-", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["events"]) for page in pages] == [2, 2, 1]
    found = own.logs.filter_log_events(logGroupName=stream["logGroupName"], filterPattern='"line 3"')
    assert messages(found) == ["line 3"]


def test_groups_and_streams_are_found_by_prefix_and_arn(own, stream):
    group = stream["logGroupName"]
    [found] = own.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["arn"] == found["logGroupArn"] + ":*"
    by_arn = own.logs.describe_log_streams(logGroupIdentifier=found["logGroupArn"], logStreamNamePrefix="task-1")
    assert [each["logStreamName"] for each in by_arn["logStreams"]] == ["task-1-exec-1"]
    assert own.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="other")["logStreams"] == []


def test_requests_that_aws_rejects_are_rejected(own, stream):
    logs, group = own.logs, stream["logGroupName"]
    for code, call in [
        ("ResourceNotFoundException", lambda: logs.get_log_events(logGroupName="/none", logStreamName="s")),
        ("ResourceNotFoundException", lambda: logs.get_log_events(logGroupName=group, logStreamName="none")),
        ("ResourceAlreadyExistsException", lambda: logs.create_log_group(logGroupName=group)),
        ("ResourceAlreadyExistsException", lambda: logs.create_log_stream(**stream)),
        ("InvalidParameterException", lambda: logs.get_log_events(**stream, nextToken="f/0")),
        ("InvalidParameterException", lambda: logs.get_log_events(logStreamName="s")),
        (
            "InvalidParameterException",
            lambda: logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="t", orderBy="LastEventTime"),
        ),
        (
            "InvalidParameterException",
            lambda: logs.describe_log_streams(
                logGroupIdentifier=f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
            ),
        ),
    ]:
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"]["Code"] == code


def test_empty_page_fault_does_not_end_the_stream(own, stream):
    with own.fault(kind="empty_pages", target=stream["logStreamName"], every=2):
        first = own.logs.get_log_events(**stream, startFromHead=True, limit=2)
        second = own.logs.get_log_events(**stream, startFromHead=True, nextToken=first["nextForwardToken"])
        third = own.logs.get_log_events(**stream, startFromHead=True, nextToken=second["nextForwardToken"])

    assert (messages(second), messages(third)) == ([], ["line 2", "line 3", "line 4"])
    assert second["nextForwardToken"] != first["nextForwardToken"]


def test_faults_shorten_pages_and_expire_tokens(own, stream):
    with own.fault(kind="short_pages", events=1), own.fault(kind="token_expiry", seconds=0.001):
        first = own.logs.get_log_events(**stream, startFromHead=True)
        assert messages(first) == ["line 0"]
        with pytest.raises(own.logs.exceptions.InvalidParameterException, match="expired"):
            own.logs.get_log_events(**stream, startFromHead=True, nextToken=first["nextForwardToken"])


def test_faults_throttle_and_fail_calls_up_to_their_limit(own, stream):
    unretried = own.session.client("logs", endpoint_url=own.url, config=own.without_retries)
    with own.fault(kind="throttle", target="GetLogEvents", times=1):
        with pytest.raises(ClientError, match="Rate exceeded") as throttled:
            unretried.get_log_events(**stream)
        assert messages(unretried.get_log_events(**stream, startFromHead=True))[0] == "line 0"
    with own.fault(kind="server_error", target="Get*"), pytest.raises(ClientError) as failed:
        unretried.get_log_events(**stream)
    unretried.close()

    assert throttled.value.response["Error"]["Code"] == "ThrottlingException"
    assert failed.value.response["Error"]["Code"] == "ServiceUnavailableException"
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
