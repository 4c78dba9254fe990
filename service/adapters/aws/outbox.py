"""ports.Outbox on DynamoDB."""

from collections.abc import Sequence
from typing import Any

from service.adapters.aws import table
from service.adapters.aws.dynamodb import Table
from service.domain.execution import Execution


class DynamoOutbox:
    """One partition, filled by DynamoExecutions. What nobody announces expires with its execution."""

    def __init__(self, rows: Table) -> None:
        self._rows = rows

    async def pending(self, *, after: str, limit: int) -> Sequence[str]:
        """See ports.Outbox."""
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :outbox",
            "ExpressionAttributeValues": {":outbox": {"S": table.OUTBOX}},
            "ProjectionExpression": "sk",
            "ConsistentRead": True,
        }
        if after:  # DynamoDB compares no key with an empty string.
            query["KeyConditionExpression"] += " AND sk > :after"
            query["ExpressionAttributeValues"][":after"] = {"S": after}
        return [item["sk"]["S"] for item in await self._rows.items(query, limit)]

    async def get(self, announcement: str) -> Execution | None:
        """See ports.Outbox."""
        item = await self._rows.get(table.key(table.OUTBOX, announcement), "#record")
        return table.execution_from(item) if item else None

    async def done(self, announcement: str) -> None:
        """See ports.Outbox."""
        await self._rows.delete(table.key(table.OUTBOX, announcement))
