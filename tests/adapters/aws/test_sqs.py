import pytest

from service.adapters.aws.sqs import SqsQueue, SqsWakeUps
from service.domain.errors import Absent, Denied, Transient
from service.domain.messages import Message


@pytest.fixture
def queue(clients, stub):
    return SqsQueue(clients.sqs, f"{stub.url}/1/q")


MESSAGES = [Message(f"id-{number}", "{}", "task-1", "exec-1", f"id-{number}") for number in range(4)]


def sent(*numbers):
    return [{"Id": str(number), "MessageId": "m", "MD5OfMessageBody": "x"} for number in numbers]


def failed(number, code, *, sender):
    return {"Id": str(number), "Code": code, "SenderFault": sender, "Message": "because"}


async def test_an_answer_of_status_200_may_name_failures_of_both_kinds(queue, stub):
    failures = [
        failed(1, "InternalError", sender=False),
        failed(2, "InvalidMessageContents", sender=True),
        failed(3, "RequestThrottled", sender=True),
    ]
    stub.answer({"Successful": sent(0), "Failed": failures})
    delivery = await queue.send(MESSAGES)
    assert delivery.sent == {"id-0"}
    assert delivery.failed == {"id-1", "id-3"}
    assert delivery.rejected == {"id-2": "InvalidMessageContents: because"}


async def test_what_an_answer_does_not_name_is_not_sent(queue, stub):
    stub.answer({"Successful": sent(0)}, "<html>a proxy</html>")
    assert (await queue.send(MESSAGES)).failed == {"id-1", "id-2", "id-3"}
    assert (await queue.send(MESSAGES)).failed == {"id-0", "id-1", "id-2", "id-3"}


@pytest.mark.parametrize(
    "code", ["AccessDenied", "KMS.AccessDeniedException", "KmsAccessDenied", "KMS.DisabledException"]
)
async def test_a_fault_of_access_is_denied_and_no_messages_fault(queue, stub, code):
    stub.answer({"Failed": [failed(number, code, sender=True) for number in range(4)]})
    with pytest.raises(Denied, match=f"/1/q: {code}"):
        await queue.send(MESSAGES)


async def test_a_batch_that_is_too_long_is_sent_in_halves(queue, stub):
    stub.refuse("BatchRequestTooLong")
    stub.answer({"Successful": sent(0, 1)}, {"Successful": sent(0), "Failed": [failed(1, "X", sender=False)]})
    delivery = await queue.send(MESSAGES)
    assert (delivery.sent, delivery.failed) == ({"id-0", "id-1", "id-2"}, {"id-3"})
    assert [len(asked.body["Entries"]) for asked in stub.asked] == [4, 2, 2]


async def test_one_message_that_makes_sqs_refuse_the_whole_batch_is_found_out(queue, stub):
    stub.refuse("InvalidMessageContents")
    stub.refuse("InvalidMessageContents")
    stub.answer({"Successful": sent(0)})
    stub.refuse("InvalidMessageContents", "a character")
    stub.answer({"Successful": sent(0, 1)})
    delivery = await queue.send(MESSAGES)
    assert delivery.sent == {"id-0", "id-2", "id-3"}
    assert list(delivery.rejected) == ["id-1"]
    assert "a character" in delivery.rejected["id-1"]


async def test_a_request_whose_answer_is_an_error_of_the_servers_is_transient(queue, stub):
    stub.refuse("InternalFailure", status=500)
    stub.refuse("RequestThrottled", status=400)
    stub.refuse("RequestThrottled", status=400)
    stub.refuse("ServiceUnavailable", status=503)
    with pytest.raises(Transient, match=r"the queue .*/1/q does not answer for now"):
        await queue.send(MESSAGES)


async def test_a_queue_is_absent_in_either_of_sqs_protocols(queue, stub):
    stub.refuse("QueueDoesNotExist")
    stub.answer(
        {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "because"},
        status=400,
        **{"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
    )
    for _ in range(2):
        with pytest.raises(Absent):
            await queue.send(MESSAGES)


async def test_a_standard_queue_gets_no_group(queue, stub):
    stub.answer({"Successful": sent(0)})
    await queue.send(MESSAGES[:1])
    (entry,) = stub.asked[0].body["Entries"]
    assert set(entry) == {"Id", "MessageBody", "MessageAttributes"}


async def test_without_a_limit_nothing_is_ready(queue, stub):
    stub.answer({"Attributes": {}})
    with pytest.raises(Transient, match="MaximumMessageSize"):
        await queue.check()


# Wake-ups.


@pytest.fixture
def wake_ups(clients, stub):
    return SqsWakeUps(clients.sqs, f"{stub.url}/1/wake-ups")


def received(*numbers):
    return {"Messages": [{"MessageId": "m", "ReceiptHandle": f"handle {n}", "Body": "{}"} for n in numbers]}


async def test_an_empty_answer_is_no_wake_up_and_nothing_is_deleted(wake_ups, clients, stub):
    stub.answer({}, {"Messages": []})
    assert [await wake_ups.wait(), await wake_ups.wait()] == [False, False]
    assert [asked.operation for asked in stub.asked] == ["ReceiveMessage"] * 2
    body = stub.asked[0].body
    assert (body["MaxNumberOfMessages"], body["WaitTimeSeconds"]) == (10, 20)
    assert clients.sqs.meta.config.read_timeout > body["WaitTimeSeconds"]


async def test_what_was_received_is_deleted_and_what_is_left_of_it_does_no_harm(wake_ups, stub):
    stub.answer(received(1, 2), {"Successful": [{"Id": "0"}], "Failed": [failed(1, "InternalError", sender=False)]})
    assert await wake_ups.wait()
    entries = stub.asked[1].body["Entries"]
    assert entries == [{"Id": "0", "ReceiptHandle": "handle 1"}, {"Id": "1", "ReceiptHandle": "handle 2"}]


async def test_a_wake_queue_that_refuses_the_worker_is_denied_and_says_what_to_allow(wake_ups, stub):
    stub.refuse("AccessDeniedException")
    stub.answer(received(1))
    stub.refuse("AccessDeniedException")
    with pytest.raises(Denied, match=r"no access to the wake queue .*; allow sqs:ReceiveMessage$"):
        await wake_ups.wait()
    with pytest.raises(Denied, match=r"no access to the wake queue .*; allow sqs:DeleteMessage$"):
        await wake_ups.wait()
