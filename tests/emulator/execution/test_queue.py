"""The queue of a task's executions, and cancelling."""

import pytest


def statuses(aws, setup):
    listed = aws.datasync.list_task_executions(TaskArn=setup.task_arn)["TaskExecutions"]
    return [each["Status"] for each in listed]


def test_second_execution_of_a_task_waits_for_the_first(aws):
    setup = aws.setup()
    with aws.fault(kind="hold", status="LAUNCHING", target=f"{setup.task_arn}*"):
        first, second = setup.start(), setup.start()
        setup.until(first, lambda described: described["Status"] == "LAUNCHING")
        assert statuses(aws, setup) == ["LAUNCHING", "QUEUED"]
        assert aws.datasync.describe_task(TaskArn=setup.task_arn)["Status"] == "RUNNING"

    described = setup.until(second, lambda described: described["Status"] == "SUCCESS")
    assert described["LaunchTime"] >= setup.describe(first)["EndTime"]


def test_fault_holds_an_execution_in_the_queue(aws):
    setup = aws.setup()
    with aws.fault(kind="hold", status="QUEUED", target=f"{setup.task_arn}*"):
        held, following = setup.start(), setup.start()
        assert statuses(aws, setup) == ["QUEUED", "QUEUED"]
        assert aws.datasync.describe_task(TaskArn=setup.task_arn)["Status"] == "QUEUED"
        aws.datasync.cancel_task_execution(TaskExecutionArn=held)
        setup.until(held, lambda described: described["Status"] == "ERROR")

    setup.until(following, lambda described: described["Status"] == "SUCCESS")


def test_at_most_fifty_executions_wait(aws):
    setup = aws.setup()
    with aws.fault(kind="hold", status="LAUNCHING", target=f"{setup.task_arn}*"):
        first = setup.start()
        setup.until(first, lambda described: described["Status"] == "LAUNCHING")
        waiting = [setup.start() for _ in range(50)]
        assert statuses(aws, setup) == ["LAUNCHING"] + ["QUEUED"] * 50
        with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="50 queued"):
            setup.start()
        for arn in waiting:
            aws.datasync.cancel_task_execution(TaskExecutionArn=arn)
        setup.until(waiting[-1], lambda described: described["Status"] == "ERROR")
        last = setup.start()

    setup.until(last, lambda described: described["Status"] == "SUCCESS")
    assert statuses(aws, setup) == ["SUCCESS"] + ["ERROR"] * 50 + ["SUCCESS"]


def test_second_execution_is_rejected_without_queueing(aws):
    setup = aws.setup(options={"TaskQueueing": "DISABLED"})
    with aws.fault(kind="hold", status="LAUNCHING", target=f"{setup.task_arn}*"):
        setup.start()
        with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="TaskQueueing"):
            setup.start()


@pytest.mark.parametrize("status", ["LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING"])
def test_cancelled_execution_ends_in_error_after_cancelling(aws, status):
    setup = aws.setup()
    setup.write(a=b"one")
    with aws.fault(kind="hold", status=status, target=f"{setup.task_arn}*"):
        arn = setup.start()
        setup.until(arn, lambda described: described["Status"] == status)
        with aws.fault(kind="hold", status="CANCELLING", target=f"{setup.task_arn}*"):
            aws.datasync.cancel_task_execution(TaskExecutionArn=arn)
            assert setup.describe(arn)["Status"] == "CANCELLING"
            aws.datasync.cancel_task_execution(TaskExecutionArn=arn)
        described = setup.until(arn, lambda described: described["Status"] == "ERROR")

    assert "cancelled" in described["Result"]["ErrorDetail"]
    assert setup.run()["Status"] == "SUCCESS"


def test_queued_execution_is_cancelled_without_the_running_one(aws):
    setup = aws.setup()
    with aws.fault(kind="hold", status="LAUNCHING", target=f"{setup.task_arn}*"):
        first, second = setup.start(), setup.start()
        aws.datasync.cancel_task_execution(TaskExecutionArn=second)
        setup.until(second, lambda described: described["Status"] == "ERROR")

    assert "LaunchTime" not in setup.describe(second)
    setup.until(first, lambda described: described["Status"] == "SUCCESS")


def test_ended_execution_cannot_be_cancelled_or_updated(aws):
    setup = aws.setup()
    setup.run()
    for call in (
        lambda: aws.datasync.cancel_task_execution(TaskExecutionArn=setup.execution_arn),
        lambda: aws.datasync.update_task_execution(TaskExecutionArn=setup.execution_arn, Options={"BytesPerSecond": 1}),
    ):
        with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="has ended"):
            call()


def test_execution_update_accepts_only_the_bandwidth(aws):
    setup = aws.setup()
    with aws.fault(kind="hold", status="LAUNCHING", target=f"{setup.task_arn}*"):
        arn = setup.start()
        aws.datasync.update_task_execution(TaskExecutionArn=arn, Options={"BytesPerSecond": 1_000_000})
        assert setup.describe(arn)["Options"]["BytesPerSecond"] == 1_000_000
        with pytest.raises(aws.datasync.exceptions.InvalidRequestException):
            aws.datasync.update_task_execution(TaskExecutionArn=arn, Options={"LogLevel": "OFF"})


def test_running_task_is_not_deleted(aws):
    setup = aws.setup()
    with aws.fault(kind="hold", status="LAUNCHING", target=f"{setup.task_arn}*"):
        setup.start()
        with pytest.raises(aws.datasync.exceptions.InvalidRequestException, match="not ended"):
            aws.datasync.delete_task(TaskArn=setup.task_arn)
