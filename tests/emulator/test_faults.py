"""Faults and the control API."""

import asyncio
import urllib.error

import pytest

from emulator.faults import Faults


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({}, "None is not a kind of fault; the kinds are"),
        ({"kind": "earthquake"}, "'earthquake' is not a kind of fault"),
        ({"kind": "hold"}, "hold needs status"),
        ({"kind": "hold", "status": 7}, "status of hold cannot be 7"),
        ({"kind": "hold", "status": "X", "seconds": 1}, "hold does not have the parameter seconds"),
        ({"kind": "hold", "status": "SUCCESS"}, "status of hold must be one of QUEUED, LAUNCHING"),
        ({"kind": "late_lines", "seconds": True}, "cannot be True"),
        ({"kind": "late_lines", "seconds": 0}, "must be more than 0"),
    ],
)
def test_invalid_fault_is_rejected_with_a_sentence(definition, message):
    with pytest.raises(ValueError, match=message):
        Faults().add(definition)


def test_fault_triggers_every_nth_time_up_to_its_limit():
    faults = Faults()
    faults.add({"kind": "throttle", "every": 2, "times": 2})
    assert [faults.triggers("throttle", "GetLogEvents") for _ in range(8)] == [False, True] * 2 + [False] * 4


def test_fault_applies_to_matching_target_and_path():
    faults = Faults()
    faults.add({"kind": "unreadable", "path": "/dir/*.csv", "target": "*task-1*"})
    assert faults.matches_path("unreadable", "arn:task-1/execution/exec-1", "/dir/sub/a.csv")
    assert not faults.matches_path("unreadable", "arn:task-2/execution/exec-1", "/dir/a.csv")
    assert not faults.matches_path("unreadable", "arn:task-1/execution/exec-1", "/dir/a.txt")


def test_pattern_treats_only_stars_and_question_marks_specially():
    faults = Faults()
    faults.add({"kind": "unreadable", "path": "/a[1]?*.c"})
    assert faults.matches_path("unreadable", "arn", "/a[1]x\n.c")
    assert not faults.matches_path("unreadable", "arn", "/a1xx.c")
    assert not faults.matches_path("unreadable", "arn", "/a[1].c")


def test_fault_of_the_same_name_replaces_the_first():
    faults = Faults()
    for status in ("LAUNCHING", "VERIFYING"):
        faults.add({"kind": "hold", "status": status, "name": "h"})
    assert [fault.parameters["status"] for fault in faults] == ["VERIFYING"]


async def test_held_execution_continues_when_the_fault_ends():
    faults = Faults()
    hold = faults.add({"kind": "hold", "status": "LAUNCHING"})
    waiting = asyncio.create_task(faults.wait_until_released("arn", "LAUNCHING"))
    await asyncio.wait_for(faults.wait_until_released("arn", "VERIFYING"), 1)
    assert not waiting.done()

    faults.remove(hold.name)

    await asyncio.wait_for(waiting, 1)


def test_control_api_lists_and_ends_faults_and_rejects_invalid_requests(aws):
    with aws.fault(kind="hold", status="QUEUED", target="nothing", name="mine"):
        listed = aws.control("GET", "faults")["faults"]
        assert {"name": "mine", "kind": "hold", "target": "nothing", "status": "QUEUED"} in listed
    for method, path, body, status in [
        ("DELETE", "faults/mine", None, 404),
        ("POST", "faults", {"kind": "earthquake"}, 400),
        ("POST", "faults", [1], 400),
        ("POST", "synthetic", {"share": "nas/x"}, 400),
    ]:
        with pytest.raises(urllib.error.HTTPError) as raised:
            aws.control(method, path, body)
        assert raised.value.code == status
        raised.value.close()


def test_faults_change_the_shown_status_and_counters(aws):
    setup = aws.setup()
    setup.write(a=b"one")
    target = f"{setup.task_arn}*"
    with (
        aws.fault(kind="status", instead_of="SUCCESS", status="LAUNCHED", target=target),
        aws.fault(kind="counters", add={"FilesVerified": 5}, target=target),
    ):
        arn = setup.start()
        described = setup.until(arn, lambda described: described["Status"] == "LAUNCHED")
        listed = aws.datasync.list_task_executions(TaskArn=setup.task_arn)["TaskExecutions"]

    assert described["FilesVerified"] == 7
    assert [each["Status"] for each in listed] == ["LAUNCHED"]
    assert setup.describe(arn)["FilesVerified"] == 2


def test_faults_return_datasync_errors_that_sdks_retry(aws):
    setup = aws.setup()
    unretried = aws.session.client("datasync", endpoint_url=aws.url, config=aws.without_retries)
    for kind, code in (("throttle", "ThrottlingException"), ("server_error", "InternalException")):
        with aws.fault(kind=kind, target="DescribeTask", times=2):
            with pytest.raises(unretried.exceptions.ClientError) as failed:
                unretried.describe_task(TaskArn=setup.task_arn)
            assert failed.value.response["Error"]["Code"] == code
            assert aws.datasync.describe_task(TaskArn=setup.task_arn)["Status"] == "AVAILABLE"
    unretried.close()
