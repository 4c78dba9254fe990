"""ports.Facts on DynamoDB."""

from collections.abc import Sequence

from service.adapters.aws import table
from service.adapters.aws.dynamodb import Table, each
from service.domain.execution import Execution
from service.domain.facts import Fact, FactKind, shard


class DynamoFacts:
    """Each fact a row, in the partition of its kind and shard."""

    def __init__(self, rows: Table) -> None:
        self._rows = rows

    async def add(self, execution: Execution, facts: Sequence[Fact]) -> None:
        """See ports.Facts."""
        expires_at = table.number(execution.expires_at_s)
        name, shards = execution.name.execution_id, execution.shards
        # DynamoDB refuses a batch that names a row twice.
        distinct = {(fact.kind, fact.path): fact for fact in facts}
        partitions = {kind: [table.facts_pk(name, kind, number) for number in range(shards)] for kind in FactKind}
        await self._rows.put_all(
            table.fact_item(partitions[kind][shard(path, shards)], fact, expires_at)
            for (kind, path), fact in distinct.items()
        )

    async def count(self, execution: Execution, kind: FactKind) -> int:
        """See ports.Facts."""
        counted: list[int] = []

        async def count(number: int) -> None:
            counted.append(await self._rows.count(_within(execution, kind, number)))

        await each(range(execution.shards), count)
        return sum(counted)

    async def page(self, execution: Execution, kind: FactKind, shard: int, *, after: str, limit: int) -> Sequence[Fact]:
        """See ports.Facts."""
        query = _within(execution, kind, shard) | {"ProjectionExpression": "sk, said"}
        if after:  # DynamoDB compares no key with an empty string.
            query["KeyConditionExpression"] += " AND sk > :after"
            query["ExpressionAttributeValues"][":after"] = {"S": after}
        return [table.fact_from(kind, item) for item in await self._rows.items(query, limit)]


def _within(execution: Execution, kind: FactKind, shard: int) -> table.Item:
    """The Query of one partition."""
    return {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": table.facts_pk(execution.name.execution_id, kind, shard)}},
        "ConsistentRead": True,
    }
