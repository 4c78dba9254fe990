"""ports.OutcomeLog on DynamoDB."""

from collections.abc import Sequence

from service.adapters.aws import table
from service.adapters.aws.dynamodb import Table
from service.domain.names import ExecutionId
from service.domain.records import Outcomes


class DynamoOutcomeLog:
    """Each stretch a row, in one partition per execution."""

    def __init__(self, rows: Table) -> None:
        self._rows = rows

    async def write(self, execution: ExecutionId, outcomes: Outcomes, *, expires_at_s: int) -> None:
        """See ports.OutcomeLog."""
        await self._rows.put(table.outcomes_item(execution, outcomes, expires_at_s))

    async def read(self, execution: ExecutionId, *, start: str, limit: int) -> Sequence[Outcomes]:
        """See ports.OutcomeLog."""
        condition, values = "pk = :pk", {":pk": {"S": table.outcomes_pk(execution)}}
        if start:  # DynamoDB compares no key with an empty string.
            condition += " AND sk >= :start"
            values[":start"] = {"S": start}
        query = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, "ConsistentRead": True}
        return [table.outcomes_from(item) for item in await self._rows.items(query, limit)]
