"""ports.Outbox on DynamoDB."""

from collections.abc import Sequence
from typing import Any

from service.adapters.aws import items
from service.adapters.aws.table import Table
from service.domain.execution import Execution


class DynamoOutbox:
    """One partition, filled by DynamoExecutionStore. An entry that is never notified expires with its execution."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def pending(self, *, after: str, limit: int) -> Sequence[str]:
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :outbox",
            "ExpressionAttributeValues": {":outbox": {"S": items.OUTBOX}},
            "ProjectionExpression": "sk",
            "ConsistentRead": True,
        }
        if after:  # DynamoDB rejects an empty string as a key.
            query["KeyConditionExpression"] += " AND sk > :after"
            query["ExpressionAttributeValues"][":after"] = {"S": after}
        return [item["sk"]["S"] for item in await self._table.items(query, limit)]

    async def get(self, outbox_id: str) -> Execution | None:
        item = await self._table.get(items.key(items.OUTBOX, outbox_id), "#record")
        return items.execution_from(item) if item else None

    async def delete(self, outbox_id: str) -> None:
        await self._table.delete(items.key(items.OUTBOX, outbox_id))
