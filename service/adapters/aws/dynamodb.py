"""The calls to the table, each with its failures translated.

In expressions `#name` stands for an attribute: many plain words are DynamoDB's own.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from service.adapters.aws.errors import translated
from service.adapters.aws.table import BY_PHASE, BY_START, Item
from service.domain.errors import Absent, Transient

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_dynamodb.type_defs import QueryOutputTypeDef

T = TypeVar("T")

_PUTS_OF_A_BATCH = 25
_GETS_OF_A_BATCH = 100
_BATCHES_AT_ONCE = 8
_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Before what a batch left undone is sent again. Each is a throttled partition's moment to recover."""


class Table:
    """The service's table. Satisfies ports.Readiness."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._about = f"the table {name}"

    async def check(self) -> str:
        """See ports.Readiness. A table that `init` did not make is Absent too."""
        call = "dynamodb.DescribeTable"
        remedy = "make it with `datasync-trigger init`, or correct TRIGGER_TABLE_NAME"
        try:
            with translated(call, self._about):
                table = (await self._client.describe_table(TableName=self._name))["Table"]
        except Absent as error:
            raise Absent(call, f"there is no table {self._name} in this account and Region: {remedy}") from error
        keys = [element["AttributeName"] for element in table.get("KeySchema", [])]
        indexes = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])}
        if keys != ["pk", "sk"] or not {BY_PHASE, BY_START} <= indexes:
            raise Absent(call, f"the table {self._name} is not one of this service: {remedy}")
        if table["TableStatus"] not in ("ACTIVE", "UPDATING"):
            raise Transient(call, f"the table {self._name} is {table['TableStatus']}")
        return f"table {self._name}"

    async def get(self, key: Item, projection: str) -> Item:
        """The row's attributes; an empty item where there is no row. Sees every earlier write."""
        with translated("dynamodb.GetItem", self._about):
            answer = await self._client.get_item(
                TableName=self._name,
                Key=key,
                ConsistentRead=True,
                ProjectionExpression=projection,
                **_names(projection),
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
        """Change one row, made now if there was none. Raises Conflict, and changes nothing, unless the condition holds.

        Returns the attributes that `returning` (DynamoDB's ReturnValues) asks for.
        """
        conditional: Any = {} if condition is None else {"ConditionExpression": condition}
        with translated("dynamodb.UpdateItem", self._about):
            answer = await self._client.update_item(
                TableName=self._name,
                Key=key,
                UpdateExpression=change,
                ExpressionAttributeValues=values,
                ReturnValues=returning,
                **conditional,
                **_names(f"{change} {condition}"),
            )
        return answer.get("Attributes", {})

    async def put(self, item: Item) -> None:
        """Write one row, over the one that is there."""
        with translated("dynamodb.PutItem", self._about):
            await self._client.put_item(TableName=self._name, Item=item)

    async def delete(self, key: Item) -> None:
        """Delete one row, if it is there."""
        with translated("dynamodb.DeleteItem", self._about):
            await self._client.delete_item(TableName=self._name, Key=key)

    async def put_new(self, items: Sequence[Item], condition: str) -> None:
        """Write all the rows or, raising Conflict, none: when the condition does not hold for one."""
        await self._transact([{"Put": {"Item": item, "ConditionExpression": condition}} for item in items])

    async def update_and_put(self, key: Item, change: str, values: Item, item: Item, *, condition: str) -> None:
        """Change one row and write another or, raising Conflict, neither: when the condition on the first fails."""
        update = {
            "Key": key,
            "UpdateExpression": change,
            "ExpressionAttributeValues": values,
            "ConditionExpression": condition,
        }
        await self._transact([{"Update": update}, {"Put": {"Item": item}}])

    async def items(self, query: dict[str, Any], limit: int | None = None) -> list[Item]:
        """The rows that a Query finds, all of them or the first `limit`, from as many pages as it takes."""
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

    async def count(self, query: dict[str, Any]) -> int:
        """How many rows a Query finds."""
        counted = 0
        more: dict[str, Any] = {"Select": "COUNT"}
        while True:
            answer, matched = await self._query(query | more)
            counted += matched
            if "LastEvaluatedKey" not in answer:
                return counted
            more["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def put_all(self, items: Iterable[Item]) -> None:
        """Write the rows, each over the one that is there; no two have the same key."""
        requests = ({"PutRequest": {"Item": item}} for item in items)
        await each(batches(requests, _PUTS_OF_A_BATCH), self._put_batch)

    async def get_all(self, keys: Sequence[Item], projection: str) -> list[Item]:
        """The rows of these keys that there are, in no order. Sees every earlier write."""
        found: list[Item] = []

        async def get(batch: list[Item]) -> None:
            wanted: dict[str, Any] = {"Keys": batch, "ConsistentRead": True, "ProjectionExpression": projection}
            requests: Any = {self._name: wanted | _names(projection)}
            for pause_s in (*_PAUSES_S, None):
                with translated("dynamodb.BatchGetItem", self._about):
                    answer = await self._client.batch_get_item(RequestItems=requests)
                    found.extend(answer["Responses"].get(self._name, []))
                    requests = answer["UnprocessedKeys"]
                if not requests:
                    return
                await self._pause(pause_s, "dynamodb.BatchGetItem")

        await each(batches(keys, _GETS_OF_A_BATCH), get)
        return found

    async def _transact(self, writes: Sequence[dict[str, dict[str, Any]]]) -> None:
        """All of them or none. The SDK's retries of one call count as one, as each bears the same token."""
        items: Any = [
            {kind: {"TableName": self._name, **it, **_names(_expressions(it))} for kind, it in write.items()}
            for write in writes
        ]
        with translated("dynamodb.TransactWriteItems", self._about):
            await self._client.transact_write_items(TransactItems=items)

    async def _put_batch(self, batch: list[Item]) -> None:
        requests: Any = {self._name: batch}
        for pause_s in (*_PAUSES_S, None):
            with translated("dynamodb.BatchWriteItem", self._about):
                requests = (await self._client.batch_write_item(RequestItems=requests))["UnprocessedItems"]
            if not requests:
                return
            await self._pause(pause_s, "dynamodb.BatchWriteItem")

    async def _pause(self, pause_s: float | None, call: str) -> None:
        if pause_s is None:
            raise Transient(call, f"{self._about} takes no more for now: part of a batch was left undone each time")
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - because it spreads retries, it keeps no secret

    async def _query(self, query: dict[str, Any]) -> tuple["QueryOutputTypeDef", int]:
        with translated("dynamodb.Query", self._about):
            answer = await self._client.query(TableName=self._name, **query, **_names(_expressions(query)))
            return answer, answer["Count"]


def batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """The things in lists of `size`, the last one shorter."""
    pending = iter(things)
    while batch := list(islice(pending, size)):
        yield batch


async def each(things: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Do it for each, several at once. The first failure ends the others and is raised as it is."""
    pending = iter(things)

    async def drain() -> None:
        for thing in pending:
            await do(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_BATCHES_AT_ONCE):
                group.create_task(drain())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__


def _expressions(request: dict[str, Any]) -> str:
    return " ".join(text for name, text in request.items() if name.endswith("Expression"))


def _names(expressions: str) -> dict[str, Any]:
    names = {f"#{name}": name for name in re.findall(r"#(\w+)", expressions)}
    return {"ExpressionAttributeNames": names} if names else {}
