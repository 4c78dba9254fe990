import pytest

from service.domain.names import (
    ExecutionName,
    Status,
    TaskMode,
    VerifyMode,
    execution_id,
    execution_name,
    is_known,
    is_terminal,
    task_id,
)

TASK = "arn:aws:datasync:eu-west-1:123456789012:task/task-0123456789abcdef0"
EXECUTION = f"{TASK}/execution/exec-0123456789abcdef1"


def test_an_execution_s_arn_is_taken_apart():
    assert execution_name(EXECUTION) == ExecutionName(
        EXECUTION, "exec-0123456789abcdef1", TASK, "task-0123456789abcdef0"
    )


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
def test_arns_of_every_partition_are_taken(partition):
    arn = EXECUTION.replace("arn:aws:", f"arn:{partition}:")
    assert execution_name(arn).task_arn == arn.split("/execution/")[0]
    assert task_id(arn.split("/execution/")[0]) == "task-0123456789abcdef0"


NO_EXECUTIONS = [
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


@pytest.mark.parametrize("text", NO_EXECUTIONS)
def test_what_is_no_execution_s_arn_is_named_as_it_is(text):
    with pytest.raises(ValueError, match="not the ARN of a task execution") as refused:
        execution_name(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["exec-0123456789abcdef1", EXECUTION])
def test_a_person_names_an_execution_by_its_id_or_its_arn(text):
    assert execution_id(text) == "exec-0123456789abcdef1"


@pytest.mark.parametrize(
    "text", [*NO_EXECUTIONS, "exec-", "exec-0123456789abcdef1\n", "exec-../x", "0123456789abcdef1"]
)
def test_a_person_who_names_something_else_is_told(text):
    with pytest.raises(ValueError, match="not the ARN of a task execution"):
        execution_id(text)


@pytest.mark.parametrize(
    "text", ["", EXECUTION, f"{TASK}\n", TASK.replace("task/", "location/"), "task-0123456789abcdef0"]
)
def test_what_is_no_task_s_arn_is_named_as_it_is(text):
    with pytest.raises(ValueError, match="not the ARN of a DataSync task") as refused:
        task_id(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("status", ["QUEUED", "CANCELLING", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING"])
def test_a_status_of_a_running_execution_is_known_and_not_terminal(status):
    assert (is_known(status), is_terminal(status)) == (True, False)


@pytest.mark.parametrize("status", Status)
def test_success_and_error_are_terminal(status):
    assert (is_known(status), is_terminal(status)) == (True, True)


@pytest.mark.parametrize("status", ["", "LAUNCHED", "INITIALIZING", "success", "CANCELLED"])
def test_any_other_status_is_not_known_and_means_not_yet(status):
    assert (is_known(status), is_terminal(status)) == (False, False)


def test_the_words_are_the_api_s():
    assert [*TaskMode, *VerifyMode] == [
        "BASIC",
        "ENHANCED",
        "POINT_IN_TIME_CONSISTENT",
        "ONLY_FILES_TRANSFERRED",
        "NONE",
    ]
