import pytest

from service.adapters.aws.sqs import SqsQueue, SqsWakeUps
from service.domain.errors import AccessDeniedError, NotFoundError, TransientError
from service.domain.messages import Message


@pytest.fixture
def queue(clients, stub):
    return SqsQueue(clients.sqs, f"{stub.url}/1/q")


MESSAGES = [Message(f"id-{number}", "{}", "task-1", "exec-1", f"id-{number}") for number in range(4)]


def sent(*numbers):
    return [{"Id": str(number), "MessageId": "m", "MD5OfMessageBody": "x"} for number in numbers]


def failed(number, code, *, sender):
    return {"Id": str(number), "Code": code, "SenderFault": sender, "Message": "because"}


async def test_answer_of_status_200_may_contain_failed_and_rejected_messages(queue, stub):
    failures = [
        failed(1, "InternalError", sender=False),
        failed(2, "InvalidMessageContents", sender=True),
        failed(3, "RequestThrottled", sender=True),
    ]
    stub.answer({"Successful": sent(0), "Failed": failures})
    result = await queue.send(MESSAGES)
    assert result.sent == {"id-0"}
    assert result.failed == {"id-1", "id-3"}
    assert result.rejected == {"id-2": "InvalidMessageContents: because"}


async def test_message_missing_from_the_answer_counts_as_failed(queue, stub):
    stub.answer({"Successful": sent(0)}, "<html>a proxy</html>")
    assert (await queue.send(MESSAGES)).failed == {"id-1", "id-2", "id-3"}
    assert (await queue.send(MESSAGES)).failed == {"id-0", "id-1", "id-2", "id-3"}


@pytest.mark.parametrize(
    "code", ["AccessDenied", "KMS.AccessDeniedException", "KmsAccessDenied", "KMS.DisabledException"]
)
async def test_denied_access_is_an_error_of_the_queue_and_not_of_a_message(queue, stub, code):
    stub.answer({"Failed": [failed(number, code, sender=True) for number in range(4)]})
    with pytest.raises(AccessDeniedError, match=f"/1/q: {code}"):
        await queue.send(MESSAGES)


async def test_batch_that_is_too_long_is_sent_in_halves(queue, stub):
    stub.refuse("BatchRequestTooLong")
    stub.answer({"Successful": sent(0, 1)}, {"Successful": sent(0), "Failed": [failed(1, "X", sender=False)]})
    result = await queue.send(MESSAGES)
    assert (result.sent, result.failed) == ({"id-0", "id-1", "id-2"}, {"id-3"})
    assert [len(asked.body["Entries"]) for asked in stub.asked] == [4, 2, 2]


async def test_invalid_message_that_fails_a_whole_batch_is_isolated(queue, stub):
    stub.refuse("InvalidMessageContents")
    stub.refuse("InvalidMessageContents")
    stub.answer({"Successful": sent(0)})
    stub.refuse("InvalidMessageContents", "a character")
    stub.answer({"Successful": sent(0, 1)})
    result = await queue.send(MESSAGES)
    assert result.sent == {"id-0", "id-2", "id-3"}
    assert list(result.rejected) == ["id-1"]
    assert "a character" in result.rejected["id-1"]


async def test_server_error_is_transient(queue, stub):
    stub.refuse("InternalFailure", status=500)
    stub.refuse("RequestThrottled", status=400)
    stub.refuse("RequestThrottled", status=400)
    stub.refuse("ServiceUnavailable", status=503)
    with pytest.raises(TransientError, match=r"the queue .*/1/q is temporarily unavailable"):
        await queue.send(MESSAGES)


async def test_missing_queue_is_not_found_in_both_protocols(queue, stub):
    stub.refuse("QueueDoesNotExist")
    stub.answer(
        {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "because"},
        status=400,
        **{"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
    )
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await queue.send(MESSAGES)


async def test_standard_queue_gets_no_message_group(queue, stub):
    stub.answer({"Successful": sent(0)})
    await queue.send(MESSAGES[:1])
    (entry,) = stub.asked[0].body["Entries"]
    assert set(entry) == {"Id", "MessageBody", "MessageAttributes"}


async def test_queue_without_a_size_limit_is_not_ready(queue, stub):
    stub.answer({"Attributes": {}})
    with pytest.raises(TransientError, match="MaximumMessageSize"):
        await queue.check()


# Wake-ups.


@pytest.fixture
def wake_ups(clients, stub):
    return SqsWakeUps(clients.sqs, f"{stub.url}/1/wake-ups")


def received(*numbers):
    return {"Messages": [{"MessageId": "m", "ReceiptHandle": f"handle {n}", "Body": "{}"} for n in numbers]}


async def test_empty_answer_is_not_a_wake_up_and_deletes_nothing(wake_ups, clients, stub):
    stub.answer({}, {"Messages": []})
    assert [await wake_ups.wait(), await wake_ups.wait()] == [False, False]
    assert [asked.operation for asked in stub.asked] == ["ReceiveMessage"] * 2
    body = stub.asked[0].body
    assert (body["MaxNumberOfMessages"], body["WaitTimeSeconds"]) == (10, 20)
    assert clients.sqs.meta.config.read_timeout > body["WaitTimeSeconds"]


async def test_received_wake_ups_are_deleted_and_a_failed_delete_is_ignored(wake_ups, stub):
    stub.answer(received(1, 2), {"Successful": [{"Id": "0"}], "Failed": [failed(1, "InternalError", sender=False)]})
    assert await wake_ups.wait()
    entries = stub.asked[1].body["Entries"]
    assert entries == [{"Id": "0", "ReceiptHandle": "handle 1"}, {"Id": "1", "ReceiptHandle": "handle 2"}]


async def test_denied_wake_queue_names_the_iam_action(wake_ups, stub):
    stub.refuse("AccessDeniedException")
    stub.answer(received(1))
    stub.refuse("AccessDeniedException")
    with pytest.raises(AccessDeniedError, match=r"no access to the wake queue .*; allow sqs:ReceiveMessage$"):
        await wake_ups.wait()
    with pytest.raises(AccessDeniedError, match=r"no access to the wake queue .*; allow sqs:DeleteMessage$"):
        await wake_ups.wait()
