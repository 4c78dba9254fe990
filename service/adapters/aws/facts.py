"""ports.FactStore on DynamoDB."""

from collections.abc import Sequence

from service.adapters.aws import items
from service.adapters.aws.table import CONCURRENT_BATCHES, Table
from service.concurrency import for_each
from service.domain.execution import Execution
from service.domain.facts import Fact, FactKind, shard


class DynamoFactStore:
    """One item per fact, in the partition of its kind and shard."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        expires_at = items.number(execution.expires_at_s)
        id_, shards = execution.id, execution.shards
        # DynamoDB rejects a batch that has the same key twice.
        distinct = {(fact.kind, fact.path): fact for fact in facts}
        partitions = {kind: [items.facts_pk(id_, kind, number) for number in range(shards)] for kind in FactKind}
        await self._table.put_all(
            items.fact_item(partitions[kind][shard(path, shards)], fact, expires_at)
            for (kind, path), fact in distinct.items()
        )

    async def count(self, execution: Execution, kind: FactKind) -> int:
        counted: list[int] = []

        async def count(number: int) -> None:
            counted.append(await self._table.count(_in_shard(execution, kind, number)))

        await for_each(range(execution.shards), count, at_once=CONCURRENT_BATCHES)
        return sum(counted)

    async def read_page(
        self, execution: Execution, kind: FactKind, shard: int, *, after: str, limit: int
    ) -> Sequence[Fact]:
        query = _in_shard(execution, kind, shard) | {"ProjectionExpression": "sk, fact"}
        if after:  # DynamoDB rejects an empty string as a key.
            query["KeyConditionExpression"] += " AND sk > :after"
            query["ExpressionAttributeValues"][":after"] = {"S": after}
        return [items.fact_from(kind, item) for item in await self._table.items(query, limit)]


def _in_shard(execution: Execution, kind: FactKind, shard: int) -> items.Item:
    return {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": items.facts_pk(execution.id, kind, shard)}},
        "ConsistentRead": True,
    }
