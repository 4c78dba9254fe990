import pytest

from service.domain.names import (
    ExecutionIds,
    Status,
    TaskMode,
    VerifyMode,
    is_documented_status,
    is_terminal,
    parse_execution_arn,
    parse_execution_id,
    parse_task_id,
)

TASK = "arn:aws:datasync:eu-west-1:123456789012:task/task-0123456789abcdef0"
EXECUTION = f"{TASK}/execution/exec-0123456789abcdef1"


def test_arn_of_an_execution_is_parsed():
    assert parse_execution_arn(EXECUTION) == ExecutionIds(
        EXECUTION, "exec-0123456789abcdef1", TASK, "task-0123456789abcdef0"
    )


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
def test_arns_of_every_partition_are_parsed(partition):
    arn = EXECUTION.replace("arn:aws:", f"arn:{partition}:")
    assert parse_execution_arn(arn).task_arn == arn.split("/execution/")[0]
    assert parse_task_id(arn.split("/execution/")[0]) == "task-0123456789abcdef0"


NOT_EXECUTION_ARNS = [
    "",
    TASK,
    f"{EXECUTION}\n",
    f" {EXECUTION}",
    f"{EXECUTION}/x",
    EXECUTION.replace(":datasync:", ":s3:"),
    EXECUTION.replace("123456789012", "12345"),
    EXECUTION.replace("exec-", "task-"),
    EXECUTION.upper(),
]


@pytest.mark.parametrize("text", NOT_EXECUTION_ARNS)
def test_text_that_is_not_the_arn_of_an_execution_is_quoted_in_the_error(text):
    with pytest.raises(ValueError, match="not the ARN of a task execution") as refused:
        parse_execution_arn(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["exec-0123456789abcdef1", EXECUTION])
def test_execution_can_be_named_by_its_id_or_its_arn(text):
    assert parse_execution_id(text) == "exec-0123456789abcdef1"


@pytest.mark.parametrize(
    "text", [*NOT_EXECUTION_ARNS, "exec-", "exec-0123456789abcdef1\n", "exec-../x", "0123456789abcdef1"]
)
def test_text_that_names_no_execution_is_refused(text):
    with pytest.raises(ValueError, match="not the ARN of a task execution"):
        parse_execution_id(text)


@pytest.mark.parametrize(
    "text", ["", EXECUTION, f"{TASK}\n", TASK.replace("task/", "location/"), "task-0123456789abcdef0"]
)
def test_text_that_is_not_the_arn_of_a_task_is_quoted_in_the_error(text):
    with pytest.raises(ValueError, match="not the ARN of a DataSync task") as refused:
        parse_task_id(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("status", ["QUEUED", "CANCELLING", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING"])
def test_status_of_a_running_execution_is_documented_and_not_terminal(status):
    assert (is_documented_status(status), is_terminal(status)) == (True, False)


@pytest.mark.parametrize("status", Status)
def test_success_and_error_are_terminal(status):
    assert (is_documented_status(status), is_terminal(status)) == (True, True)


@pytest.mark.parametrize("status", ["", "LAUNCHED", "INITIALIZING", "success", "CANCELLED"])
def test_any_other_status_is_neither_documented_nor_terminal(status):
    assert (is_documented_status(status), is_terminal(status)) == (False, False)


def test_values_are_those_of_the_api():
    assert [*TaskMode, *VerifyMode] == [
        "BASIC",
        "ENHANCED",
        "POINT_IN_TIME_CONSISTENT",
        "ONLY_FILES_TRANSFERRED",
        "NONE",
    ]
