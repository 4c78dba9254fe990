"""The resources that `init` creates: the table, and the queue with its dead-letter queue. Safe to repeat."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translate_errors
from service.adapters.aws.items import BY_PHASE, BY_START, INDEXED_ATTRIBUTES
from service.adapters.aws.table import Table
from service.domain.errors import ConflictError, NotFoundError, RequestRejectedError, TransientError

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_sqs import SQSClient

_RETENTION_S = 14 * 86_400
_MAX_RECEIVES = 5


async def create_table(client: "DynamoDBClient", name: str) -> bool:
    """Create the table if it is missing, with TTL and, if the endpoint supports it, point-in-time recovery.

    Return, once it can be used, whether it was created now. Raise NotFoundError if a table of that name does not
    belong to this service.
    """
    created = await _create(client, name)
    resource = f"the table {name}"
    with translate_errors("dynamodb.DescribeTable", resource):
        await client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    await Table(client, name).check()
    with translate_errors("dynamodb.DescribeTimeToLive", resource):
        ttl = (await client.describe_time_to_live(TableName=name))["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        with translate_errors("dynamodb.UpdateTimeToLive", resource):
            await client.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
            )
    await _enable_point_in_time_recovery(client, name)
    return created


async def _enable_point_in_time_recovery(client: "DynamoDBClient", name: str) -> None:
    """Enable point-in-time recovery. A new table does not support it for some seconds, DynamoDB Local never."""
    for pause_s in (0.5, 1, 2, 4, 8, 16, None):
        try:
            with translate_errors("dynamodb.UpdateContinuousBackups", f"the table {name}"):
                await client.update_continuous_backups(
                    TableName=name,
                    PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
                )
        except RequestRejectedError:
            return
        except TransientError:
            if pause_s is None:
                raise
            await asyncio.sleep(pause_s)
        else:
            return


async def _create(client: "DynamoDBClient", name: str) -> bool:
    try:
        with translate_errors("dynamodb.CreateTable", f"the table {name}"):
            await client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                    {"AttributeName": "phase", "AttributeType": "S"},
                    {"AttributeName": "entity", "AttributeType": "S"},
                    {"AttributeName": "started_at_ms", "AttributeType": "N"},
                ],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                GlobalSecondaryIndexes=[
                    _index(
                        BY_PHASE,
                        "phase",
                        {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(INDEXED_ATTRIBUTES)},
                    ),
                    _index(BY_START, "entity", {"ProjectionType": "ALL"}),
                ],
            )
    except ConflictError:
        return False
    return True


def _index(name: str, key: str, projection: dict[str, Any]) -> Any:  # noqa: ANN401  (the SDK takes a dict)
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": key, "KeyType": "HASH"},
            {"AttributeName": "started_at_ms", "KeyType": "RANGE"},
        ],
        "Projection": projection,
    }


async def create_queue(client: "SQSClient", name: str) -> str:
    """Create the queue if it is missing, and return its URL. An existing queue is not changed.

    A new queue keeps messages for 14 days, encrypted, and moves a message that was received five times to the queue
    `<name>-dead-letters`. Both are FIFO queues if the name ends in `.fifo`.
    """
    found = await _queue_url(client, name)
    if found is not None:
        return found
    stem, fifo = name.removesuffix(".fifo"), name.endswith(".fifo")
    attributes = {"MessageRetentionPeriod": str(_RETENTION_S), "SqsManagedSseEnabled": "true"}
    if fifo:
        attributes["FifoQueue"] = "true"
    dead_letters = f"{stem}-dead-letters{'.fifo' if fifo else ''}"
    dead_letters_url = await _queue_url(client, dead_letters) or await _create_queue(client, dead_letters, attributes)
    with translate_errors("sqs.GetQueueAttributes", f"the queue {dead_letters}"):
        answer = await client.get_queue_attributes(QueueUrl=dead_letters_url, AttributeNames=["QueueArn"])
        arn = answer["Attributes"]["QueueArn"]
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": _MAX_RECEIVES}
    return await _create_queue(client, name, attributes | {"RedrivePolicy": json.dumps(redrive)})


async def _queue_url(client: "SQSClient", name: str) -> str | None:
    try:
        with translate_errors("sqs.GetQueueUrl", f"the queue {name}"):
            return (await client.get_queue_url(QueueName=name))["QueueUrl"]
    except NotFoundError:
        return None


async def _create_queue(client: "SQSClient", name: str, attributes: dict[str, str]) -> str:
    with translate_errors("sqs.CreateQueue", f"the queue {name}"):
        answer: Any = await client.create_queue(QueueName=name, Attributes=attributes)  # type: ignore[arg-type]  # the names are chosen here
        return str(answer["QueueUrl"])
