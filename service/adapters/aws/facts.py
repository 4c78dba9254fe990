"""ports.FactStore on DynamoDB."""

from collections.abc import Sequence

from service.adapters.aws import fact_items, items
from service.adapters.aws.table import Table
from service.domain.execution import Execution
from service.domain.fact_runs import pack
from service.domain.facts import Fact
from service.domain.port_types import RunPage, SeekPoint


class DynamoFactStore:
    """One item per run, in one partition per execution."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        expires_at_s = execution.expires_at_s
        await self._table.put_all(fact_items.run_item(execution.id, run, expires_at_s) for run in pack(facts))

    async def read_page(self, execution: Execution, *, after_key: str) -> RunPage:
        found, next_key = await self._page(execution, after_key)
        return RunPage([fact_items.run_from(item) for item in found], next_key)

    async def extend_expiry(self, execution: Execution, *, after_key: str) -> str | None:
        found, next_key = await self._page(execution, after_key)
        expires_at = items.number(execution.expires_at_s)
        await self._table.put_all(item | {"expires_at": expires_at} for item in found)
        return next_key

    async def write_seek_points(self, execution: Execution, seek_points: Sequence[SeekPoint]) -> None:
        await self._table.put(fact_items.seek_points_item(execution.id, seek_points, execution.expires_at_s))

    async def read_seek_points(self, execution: Execution) -> Sequence[SeekPoint]:
        return fact_items.seek_points_from(
            await self._table.get(items.key(execution.id, fact_items.SEEK_POINTS), "seek_points")
        )

    async def _page(self, execution: Execution, after_key: str) -> tuple[list[items.Item], str | None]:
        """Return the items of one Query page (1 MB), and the key after the last."""
        condition, values = "pk = :pk", {":pk": {"S": fact_items.facts_pk(execution.id)}}
        if after_key:  # DynamoDB rejects an empty string as a key.
            condition += " AND sk > :after"
            values[":after"] = {"S": after_key}
        query = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, "ConsistentRead": True}
        return await self._table.page(query)
