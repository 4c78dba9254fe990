"""ports.Queue, ports.Readiness and ports.WakeUps on SQS."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import classify, translate_errors
from service.domain.errors import AccessDeniedError, NotFoundError, RequestRejectedError, TransientError
from service.domain.messages import Message
from service.domain.port_types import SendResult

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

_ALLOW_KEY = "allow kms:GenerateDataKey and kms:Decrypt on the queue's key"
_SEND = "sqs.SendMessageBatch"
_CHECK = "sqs.GetQueueAttributes"
_RECEIVE = "sqs.ReceiveMessage"
_DELETE = "sqs.DeleteMessageBatch"

_WAIT_S = 20
"""The longest wait that SQS allows. The time-out of the clients is longer."""


class SqsQueue:
    """A standard queue, or a FIFO one if the URL ends in `.fifo`.

    Once `check` has read the queue's size limit, a larger message is rejected without a call.
    """

    batch_size = 10

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url
        self._resource = f"the queue {url}"
        self._fifo = url.endswith(".fifo")
        self._limit_bytes: int | None = None

    async def check(self) -> str:
        try:
            with translate_errors(_CHECK, self._resource):
                answer = await self._client.get_queue_attributes(
                    QueueUrl=self._url,
                    AttributeNames=["MaximumMessageSize"],
                )
                self._limit_bytes = int(answer["Attributes"]["MaximumMessageSize"])
        except NotFoundError as error:
            remedy = "create it with `datasync-trigger init --queue NAME`, or correct TRIGGER_QUEUE_URL"
            raise NotFoundError(
                _CHECK, f"there is no queue {self._url} in this account and Region: {remedy}"
            ) from error
        return f"queue {self._url}, messages up to {self._limit_bytes} bytes"

    async def send(self, messages: Sequence[Message]) -> SendResult:
        """Send a batch. Raise AccessDeniedError if the queue or its key refuses the caller, even if some were sent."""
        large = {
            message.id: f"MessageTooLong: it has {size} bytes and the queue takes {self._limit_bytes}"
            for message in messages
            if self._limit_bytes is not None and (size := _size_bytes(message)) > self._limit_bytes
        }
        result = await self._send([message for message in messages if message.id not in large])
        return replace(result, rejected={**result.rejected, **large})

    async def _send(self, messages: list[Message]) -> SendResult:
        """Send in one call. If SQS rejects the whole, send the halves, until the invalid message is alone."""
        if not messages:
            return SendResult(frozenset(), frozenset(), {})
        entries: Any = [self._entry(str(number), message) for number, message in enumerate(messages)]
        try:
            with translate_errors(_SEND, self._resource):
                answer = await self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except RequestRejectedError as error:
            if len(messages) == 1:
                return SendResult(frozenset(), frozenset(), {messages[0].id: error.detail})
            half = len(messages) // 2
            first, second = await self._send(messages[:half]), await self._send(messages[half:])
            return SendResult(
                first.sent | second.sent,
                first.failed | second.failed,
                {**first.rejected, **second.rejected},
            )
        return _send_result([message.id for message in messages], answer, self._resource)

    def _entry(self, number: str, message: Message) -> dict[str, Any]:
        entry = {"Id": number, "MessageBody": message.body, "MessageAttributes": _attributes(message)}
        if self._fifo:
            entry["MessageGroupId"] = message.task_id
            entry["MessageDeduplicationId"] = message.deduplication_id
        return entry


class SqsWakeUps:
    """A queue of which every message is a wake-up, whatever its body."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url
        self._resource = f"the wake queue {url}"

    async def wait(self) -> bool:
        """Wait for messages and delete them. One that could not be deleted comes again, which is harmless."""
        with translate_errors(_RECEIVE, self._resource):
            answer = await self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=_WAIT_S,
            )
            received = [message["ReceiptHandle"] for message in answer.get("Messages", ())]
        if received:
            entries: Any = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(received)]
            with translate_errors(_DELETE, self._resource):
                await self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        return bool(received)


def _attributes(message: Message) -> dict[str, dict[str, str]]:
    return {
        "id": {"DataType": "String", "StringValue": message.id},
        "task_id": {"DataType": "String", "StringValue": message.task_id},
        "execution_id": {"DataType": "String", "StringValue": message.execution_id},
    }


def _size_bytes(message: Message) -> int:
    """Return the size that SQS counts: the body, and each attribute's name, type and value."""
    attributes = _attributes(message).items()
    texts = [text for name, attribute in attributes for text in (name, *attribute.values())]
    return len(message.body.encode()) + sum(map(len, texts))


def _send_result(ids: Sequence[str], answer: Mapping[str, Any], resource: str) -> SendResult:
    """Read an answer of status 200. A message that it does not report as successful was not sent."""
    rejected = {}
    for entry in answer.get("Failed", ()):
        code, why = entry["Code"], f"{entry['Code']}: {entry.get('Message', 'SQS gives no reason')}"
        kind = classify(code, 400)
        if kind is AccessDeniedError:
            remedy = f"; {_ALLOW_KEY}" if code.startswith("KMS.") else ""
            raise AccessDeniedError(_SEND, f"no access to {resource}: {why}{remedy}")
        if entry["SenderFault"] and kind is not TransientError:
            rejected[ids[int(entry["Id"])]] = why
    sent = frozenset(ids[int(entry["Id"])] for entry in answer.get("Successful", ()))
    return SendResult(sent, frozenset(ids) - sent - rejected.keys(), rejected)
