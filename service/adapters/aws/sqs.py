"""ports.Queue, ports.Readiness and ports.WakeUps on SQS."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import ruling, translated
from service.domain.errors import Absent, Denied, Rejected, Transient
from service.domain.messages import Message
from service.domain.records import Delivery

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

_SEND = "sqs.SendMessageBatch"
_CHECK = "sqs.GetQueueAttributes"
_RECEIVE = "sqs.ReceiveMessage"
_DELETE = "sqs.DeleteMessageBatch"

_WAIT_S = 20
"""SQS waits no longer, and the clients' time-out is longer."""


class SqsQueue:
    """A standard queue, or a FIFO one where the URL ends in `.fifo`.

    Once `check` has read the queue's limit, a message that is larger is rejected without a call.
    """

    batch_size = 10

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url
        self._about = f"the queue {url}"
        self._fifo = url.endswith(".fifo")
        self._limit_bytes: int | None = None

    async def check(self) -> str:
        """See ports.Readiness."""
        try:
            with translated(_CHECK, self._about):
                answer = await self._client.get_queue_attributes(
                    QueueUrl=self._url,
                    AttributeNames=["MaximumMessageSize"],
                )
                self._limit_bytes = int(answer["Attributes"]["MaximumMessageSize"])
        except Absent as error:
            remedy = "make it with `datasync-trigger init --queue NAME`, or correct TRIGGER_QUEUE_URL"
            raise Absent(_CHECK, f"there is no queue {self._url} in this account and Region: {remedy}") from error
        return f"queue {self._url}, messages up to {self._limit_bytes} bytes"

    async def send(self, messages: Sequence[Message]) -> Delivery:
        """See ports.Queue. Raises Denied where the queue or its key refuses the caller, even if some were sent."""
        large = {
            message.id: f"MessageTooLong: it has {size} bytes and the queue takes {self._limit_bytes}"
            for message in messages
            if self._limit_bytes is not None and (size := _size_bytes(message)) > self._limit_bytes
        }
        delivery = await self._send([message for message in messages if message.id not in large])
        return replace(delivery, rejected={**delivery.rejected, **large})

    async def _send(self, messages: list[Message]) -> Delivery:
        """Send in one call; in halves when SQS refuses the whole, until what is at fault stands alone."""
        if not messages:
            return Delivery(frozenset(), frozenset(), {})
        entries: Any = [self._entry(str(number), message) for number, message in enumerate(messages)]
        try:
            with translated(_SEND, self._about):
                answer = await self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except Rejected as error:
            if len(messages) == 1:
                return Delivery(frozenset(), frozenset(), {messages[0].id: error.detail})
            half = len(messages) // 2
            first, second = await self._send(messages[:half]), await self._send(messages[half:])
            return Delivery(
                first.sent | second.sent,
                first.failed | second.failed,
                {**first.rejected, **second.rejected},
            )
        return _delivery([message.id for message in messages], answer, self._about)

    def _entry(self, number: str, message: Message) -> dict[str, Any]:
        entry = {"Id": number, "MessageBody": message.body, "MessageAttributes": _attributes(message)}
        if self._fifo:
            entry["MessageGroupId"] = message.task_id
            entry["MessageDeduplicationId"] = message.deduplication_id
        return entry


class SqsWakeUps:
    """A queue of which every message is a wake-up, whatever it says."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url
        self._about = f"the wake queue {url}"

    async def wait(self) -> bool:
        """See ports.WakeUps. A message that could not be deleted comes again, and is a wake-up too many."""
        with translated(_RECEIVE, self._about):
            answer = await self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=_WAIT_S,
            )
            received = [message["ReceiptHandle"] for message in answer.get("Messages", ())]
        if received:
            entries: Any = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(received)]
            with translated(_DELETE, self._about):
                await self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        return bool(received)


def _attributes(message: Message) -> dict[str, dict[str, str]]:
    return {
        "id": {"DataType": "String", "StringValue": message.id},
        "task_id": {"DataType": "String", "StringValue": message.task_id},
        "execution_id": {"DataType": "String", "StringValue": message.execution_id},
    }


def _size_bytes(message: Message) -> int:
    """What SQS counts: the body, and each attribute's name, type and value."""
    attributes = _attributes(message).items()
    texts = [text for name, attribute in attributes for text in (name, *attribute.values())]
    return len(message.body.encode()) + sum(map(len, texts))


def _delivery(ids: Sequence[str], answer: Mapping[str, Any], about: str) -> Delivery:
    """Read an answer of status 200: what it does not name as sent is not sent."""
    rejected = {}
    for entry in answer.get("Failed", ()):
        code, why = entry["Code"], f"{entry['Code']}: {entry.get('Message', 'SQS gives no reason')}"
        kind = ruling(code, 400)
        if kind is Denied:
            raise Denied(_SEND, f"no access to {about}: {why}")
        if entry["SenderFault"] and kind is not Transient:
            rejected[ids[int(entry["Id"])]] = why
    sent = frozenset(ids[int(entry["Id"])] for entry in answer.get("Successful", ()))
    return Delivery(sent, frozenset(ids) - sent - rejected.keys(), rejected)
