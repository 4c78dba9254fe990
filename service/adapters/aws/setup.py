"""What `init` makes: the table, and the queue with its dead-letter queue. Safe to repeat."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from service.adapters.aws.dynamodb import Table
from service.adapters.aws.errors import translated
from service.adapters.aws.table import BY_PHASE, BY_START
from service.domain.errors import Absent, Conflict, Rejected, Transient

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_sqs import SQSClient

_OVERVIEW = ["task_id", "owner", "fence", "beat", "waiting_since_ms", "expires_at"]
"""What ports.Overview shows of an open execution, beside the keys."""

_RETENTION_S = 14 * 86_400
_MAX_RECEIVES = 5


async def create_table(client: "DynamoDBClient", name: str) -> bool:
    """Make the table unless it is there, with TTL and, where the endpoint knows it, point-in-time recovery.

    True when it was made now. Returns once it can be used. Raises Absent when a table of that name is not this
    service's.
    """
    created = await _create(client, name)
    about = f"the table {name}"
    with translated("dynamodb.DescribeTable", about):
        await client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    await Table(client, name).check()
    with translated("dynamodb.DescribeTimeToLive", about):
        ttl = (await client.describe_time_to_live(TableName=name))["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        with translated("dynamodb.UpdateTimeToLive", about):
            await client.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
            )
    await _keep_backups(client, name)
    return created


async def _keep_backups(client: "DynamoDBClient", name: str) -> None:
    """Turn point-in-time recovery on. A new table has no backups yet for some seconds, DynamoDB Local never."""
    for pause_s in (0.5, 1, 2, 4, 8, 16, None):
        try:
            with translated("dynamodb.UpdateContinuousBackups", f"the table {name}"):
                await client.update_continuous_backups(
                    TableName=name,
                    PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
                )
        except Rejected:
            return
        except Transient:
            if pause_s is None:
                raise
            await asyncio.sleep(pause_s)
        else:
            return


async def _create(client: "DynamoDBClient", name: str) -> bool:
    try:
        with translated("dynamodb.CreateTable", f"the table {name}"):
            await client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                    {"AttributeName": "phase", "AttributeType": "S"},
                    {"AttributeName": "kind", "AttributeType": "S"},
                    {"AttributeName": "started_at_ms", "AttributeType": "N"},
                ],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                GlobalSecondaryIndexes=[
                    _index(BY_PHASE, "phase", {"ProjectionType": "INCLUDE", "NonKeyAttributes": _OVERVIEW}),
                    _index(BY_START, "kind", {"ProjectionType": "ALL"}),
                ],
            )
    except Conflict:
        return False
    return True


def _index(name: str, key: str, projection: dict[str, Any]) -> Any:  # noqa: ANN401 - because the SDK's form is a dict
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": key, "KeyType": "HASH"},
            {"AttributeName": "started_at_ms", "KeyType": "RANGE"},
        ],
        "Projection": projection,
    }


async def create_queue(client: "SQSClient", name: str) -> str:
    """Make the queue unless it is there, and return its URL. A queue that is there stays as it is.

    A new one keeps messages for 14 days, encrypted, and hands what was received five times in vain to the queue
    `<name>-dead-letters`. A name that ends in `.fifo` makes both FIFO.
    """
    found = await _queue_url(client, name)
    if found is not None:
        return found
    stem, fifo = name.removesuffix(".fifo"), name.endswith(".fifo")
    attributes = {"MessageRetentionPeriod": str(_RETENTION_S), "SqsManagedSseEnabled": "true"}
    if fifo:
        attributes["FifoQueue"] = "true"
    dead_letters = f"{stem}-dead-letters{'.fifo' if fifo else ''}"
    dead_letters_url = await _queue_url(client, dead_letters) or await _make(client, dead_letters, attributes)
    with translated("sqs.GetQueueAttributes", f"the queue {dead_letters}"):
        answer = await client.get_queue_attributes(QueueUrl=dead_letters_url, AttributeNames=["QueueArn"])
        arn = answer["Attributes"]["QueueArn"]
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": _MAX_RECEIVES}
    return await _make(client, name, attributes | {"RedrivePolicy": json.dumps(redrive)})


async def _queue_url(client: "SQSClient", name: str) -> str | None:
    try:
        with translated("sqs.GetQueueUrl", f"the queue {name}"):
            return (await client.get_queue_url(QueueName=name))["QueueUrl"]
    except Absent:
        return None


async def _make(client: "SQSClient", name: str, attributes: dict[str, str]) -> str:
    with translated("sqs.CreateQueue", f"the queue {name}"):
        answer: Any = await client.create_queue(QueueName=name, Attributes=attributes)  # type: ignore[arg-type] # because the names are chosen here
        return str(answer["QueueUrl"])
