"""ports.Topic on SNS."""

from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translate_errors
from service.domain.notifications import Notification

if TYPE_CHECKING:
    from types_aiobotocore_sns import SNSClient


class SnsTopic:
    """A standard topic, or a FIFO one if the ARN ends in `.fifo`: grouped by task, deduplicated by notification."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        self._client = client
        self._arn = arn
        self._resource = f"the topic {arn}"

    async def publish(self, notification: Notification) -> None:
        attributes: Any = {
            name: {"DataType": "String", "StringValue": text} for name, text in notification.attributes.items()
        }
        fifo: Any = {"MessageGroupId": notification.task_id, "MessageDeduplicationId": notification.id}
        with translate_errors("sns.Publish", self._resource):
            await self._client.publish(
                TopicArn=self._arn,
                Subject=notification.subject,
                Message=notification.body,
                MessageAttributes=attributes,
                **(fifo if self._arn.endswith(".fifo") else {}),
            )
