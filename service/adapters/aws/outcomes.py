"""ports.OutcomeStore on DynamoDB."""

from collections.abc import Sequence

from service.adapters.aws import items
from service.adapters.aws.table import Table
from service.domain.names import ExecutionId
from service.domain.port_types import OutcomeRange


class DynamoOutcomeStore:
    """One item per range, in one partition per execution."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def write(self, execution: ExecutionId, outcomes: OutcomeRange, *, expires_at_s: int) -> None:
        await self._table.put(items.outcomes_item(execution, outcomes, expires_at_s))

    async def read(self, execution: ExecutionId, *, start: str, limit: int) -> Sequence[OutcomeRange]:
        condition, values = "pk = :pk", {":pk": {"S": items.outcomes_pk(execution)}}
        if start:  # DynamoDB rejects an empty string as a key.
            condition += " AND sk >= :start"
            values[":start"] = {"S": start}
        query = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, "ConsistentRead": True}
        return [items.outcomes_from(item) for item in await self._table.items(query, limit)]
