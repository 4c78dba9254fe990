"""The calls to the table, each with its errors translated.

In expressions `#name` is an attribute's name, because many plain words are reserved in DynamoDB.
"""

import asyncio
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from service.adapters.aws.errors import translate_errors
from service.adapters.aws.items import BY_PHASE, BY_START, Item
from service.concurrency import for_each
from service.domain.errors import NotFoundError, TransientError

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_dynamodb.type_defs import QueryOutputTypeDef

T = TypeVar("T")

_MAX_PUTS_PER_BATCH = 25
_MAX_GETS_PER_BATCH = 100
CONCURRENT_BATCHES = 8
_RETRY_DELAYS_S = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Delays before the unprocessed rest of a batch is sent again: a throttled partition needs time to recover."""


class Table:
    """The service's table. It implements ports.Readiness."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._resource = f"the table {name}"

    async def check(self) -> str:
        """Return the table's name, as a phrase.

        Raise NotFoundError, with what to do, if there is no table, or one with other keys or indexes.
        Raise TransientError if the table is not ready yet.
        """
        operation = "dynamodb.DescribeTable"
        remedy = "create it with `datasync-trigger init`, or correct TRIGGER_TABLE_NAME"
        try:
            with translate_errors(operation, self._resource):
                table = (await self._client.describe_table(TableName=self._name))["Table"]
        except NotFoundError as error:
            raise NotFoundError(
                operation, f"there is no table {self._name} in this account and Region: {remedy}"
            ) from error
        keys = [element["AttributeName"] for element in table.get("KeySchema", [])]
        indexes = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])}
        if keys != ["pk", "sk"] or not {BY_PHASE, BY_START} <= indexes:
            raise NotFoundError(operation, f"the table {self._name} does not belong to this service: {remedy}")
        if table["TableStatus"] not in ("ACTIVE", "UPDATING"):
            raise TransientError(operation, f"the table {self._name} is {table['TableStatus']}")
        return f"table {self._name}"

    async def get(self, key: Item, projection: str) -> Item:
        """Return the item's attributes; empty if there is no item. The read is consistent."""
        with translate_errors("dynamodb.GetItem", self._resource):
            answer = await self._client.get_item(
                TableName=self._name,
                Key=key,
                ConsistentRead=True,
                ProjectionExpression=projection,
                **_attribute_names(projection),
            )
        return answer.get("Item", {})

    async def update(
        self,
        key: Item,
        change: str,
        values: Item,
        *,
        condition: str | None = None,
        returning: Literal["NONE", "ALL_NEW", "UPDATED_NEW"] = "NONE",
    ) -> Item:
        """Change one item, or create it. Raise ConflictError, and change nothing, unless the condition holds.

        Return the attributes that `returning` (DynamoDB's ReturnValues) asks for.
        """
        conditional: Any = {} if condition is None else {"ConditionExpression": condition}
        with translate_errors("dynamodb.UpdateItem", self._resource):
            answer = await self._client.update_item(
                TableName=self._name,
                Key=key,
                UpdateExpression=change,
                ExpressionAttributeValues=values,
                ReturnValues=returning,
                **conditional,
                **_attribute_names(f"{change} {condition}"),
            )
        return answer.get("Attributes", {})

    async def put(self, item: Item) -> None:
        """Write one item. It replaces an earlier one."""
        with translate_errors("dynamodb.PutItem", self._resource):
            await self._client.put_item(TableName=self._name, Item=item)

    async def delete(self, key: Item) -> None:
        """Delete one item, if it is there."""
        with translate_errors("dynamodb.DeleteItem", self._resource):
            await self._client.delete_item(TableName=self._name, Key=key)

    async def put_new(self, items: Sequence[Item], condition: str) -> None:
        """Write all the items. Raise ConflictError, and write none, if the condition does not hold for one."""
        await self._transact([{"Put": {"Item": item, "ConditionExpression": condition}} for item in items])

    async def update_and_put(self, key: Item, change: str, values: Item, item: Item, *, condition: str) -> None:
        """Change one item and write another. Raise ConflictError, and do neither, if the condition does not hold."""
        update = {
            "Key": key,
            "UpdateExpression": change,
            "ExpressionAttributeValues": values,
            "ConditionExpression": condition,
        }
        await self._transact([{"Update": update}, {"Put": {"Item": item}}])

    async def items(self, query: dict[str, Any], limit: int | None = None) -> list[Item]:
        """Return the items that a Query finds, all or the first `limit`, from as many pages as necessary."""
        found: list[Item] = []
        more: dict[str, Any] = {}
        while limit is None or len(found) < limit:
            if limit is not None:
                more["Limit"] = limit - len(found)
            answer, _ = await self._query(query | more)
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                break
            more["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found

    async def page(self, query: dict[str, Any]) -> tuple[list[Item], str | None]:
        """Return the items of one page of a Query (1 MB), and the sort key of the last; None after the last page."""
        answer, _ = await self._query(query)
        last = answer.get("LastEvaluatedKey")
        return answer["Items"], last["sk"]["S"] if last else None

    async def count(self, query: dict[str, Any]) -> int:
        """Count the items that a Query finds."""
        counted = 0
        more: dict[str, Any] = {"Select": "COUNT"}
        while True:
            answer, matched = await self._query(query | more)
            counted += matched
            if "LastEvaluatedKey" not in answer:
                return counted
            more["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def put_all(self, items: Iterable[Item]) -> None:
        """Write the items, of which no two have the same key. Each replaces an earlier one."""
        requests = ({"PutRequest": {"Item": item}} for item in items)
        await for_each(batches(requests, _MAX_PUTS_PER_BATCH), self._put_batch, at_once=CONCURRENT_BATCHES)

    async def get_all(self, keys: Sequence[Item], projection: str) -> list[Item]:
        """Return the items of these keys that exist, in no order. The read is consistent."""
        found: list[Item] = []

        async def get(batch: list[Item]) -> None:
            wanted: dict[str, Any] = {"Keys": batch, "ConsistentRead": True, "ProjectionExpression": projection}
            requests: Any = {self._name: wanted | _attribute_names(projection)}
            for pause_s in (*_RETRY_DELAYS_S, None):
                with translate_errors("dynamodb.BatchGetItem", self._resource):
                    answer = await self._client.batch_get_item(RequestItems=requests)
                    found.extend(answer["Responses"].get(self._name, []))
                    requests = answer["UnprocessedKeys"]
                if not requests:
                    return
                await self._pause(pause_s, "dynamodb.BatchGetItem")

        await for_each(batches(keys, _MAX_GETS_PER_BATCH), get, at_once=CONCURRENT_BATCHES)
        return found

    async def _transact(self, writes: Sequence[dict[str, dict[str, Any]]]) -> None:
        """Write all or none. The SDK's retries of a call take effect once, because each has the same token."""
        items: Any = [
            {
                kind: {"TableName": self._name, **it, **_attribute_names(_all_expressions(it))}
                for kind, it in write.items()
            }
            for write in writes
        ]
        with translate_errors("dynamodb.TransactWriteItems", self._resource):
            await self._client.transact_write_items(TransactItems=items)

    async def _put_batch(self, batch: list[Item]) -> None:
        requests: Any = {self._name: batch}
        for pause_s in (*_RETRY_DELAYS_S, None):
            with translate_errors("dynamodb.BatchWriteItem", self._resource):
                requests = (await self._client.batch_write_item(RequestItems=requests))["UnprocessedItems"]
            if not requests:
                return
            await self._pause(pause_s, "dynamodb.BatchWriteItem")

    async def _pause(self, pause_s: float | None, operation: str) -> None:
        if pause_s is None:
            raise TransientError(
                operation, f"{self._resource} is throttling requests: part of a batch stayed unprocessed"
            )
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  (it spreads retries; it is not a secret)

    async def _query(self, query: dict[str, Any]) -> tuple["QueryOutputTypeDef", int]:
        with translate_errors("dynamodb.Query", self._resource):
            answer = await self._client.query(
                TableName=self._name, **query, **_attribute_names(_all_expressions(query))
            )
            return answer, answer["Count"]


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Split the items into lists of `size`, of which the last one may be shorter."""
    pending = iter(items)
    while batch := list(islice(pending, size)):
        yield batch


def _all_expressions(request: dict[str, Any]) -> str:
    return " ".join(text for name, text in request.items() if name.endswith("Expression"))


def _attribute_names(expressions: str) -> dict[str, Any]:
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", expressions)}
    return {"ExpressionAttributeNames": names} if names else {}
