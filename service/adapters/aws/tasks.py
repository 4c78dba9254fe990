"""ports.Tasks on DynamoDB."""

from service.adapters.aws import table
from service.adapters.aws.dynamodb import Table
from service.domain.errors import Conflict
from service.domain.names import ExecutionId, TaskId
from service.domain.records import TaskRecord


class DynamoTasks:
    """A row for the task, one for each of its executions, and one for each that is left alone."""

    def __init__(self, rows: Table) -> None:
        self._rows = rows

    async def remember(self, task: TaskId, *, seen_at_ms: int) -> TaskRecord:
        """See ports.Tasks."""
        item = await self._rows.update(
            table.key(task, table.TASK),
            "SET seen_at_ms = if_not_exists(seen_at_ms, :now)",
            {":now": table.number(seen_at_ms)},
            returning="ALL_NEW",
        )
        return table.task_from(task, item)

    async def known(self, task: TaskId) -> frozenset[ExecutionId]:
        """See ports.Tasks."""
        query = {
            "KeyConditionExpression": "pk = :task AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":task": {"S": task},
                ":first": {"S": table.ALONE},
                ":last": {"S": table.STARTED_LAST},
            },
            "ProjectionExpression": "sk",
            "ConsistentRead": True,
        }
        return frozenset(table.execution_id_of(item) for item in await self._rows.items(query))

    async def leave_alone(self, task: TaskId, execution: ExecutionId, *, started_at_ms: int) -> None:
        """See ports.Tasks."""
        key = table.key(task, f"{table.ALONE}{execution}")
        await self._rows.put(key | {"expires_at": table.number(table.listed_until_s(started_at_ms))})

    async def complete(self, task: TaskId) -> None:
        """See ports.Tasks."""
        await self._rows.update(table.key(task, table.TASK), "SET is_complete = :yes", {":yes": {"BOOL": True}})

    async def reconcile(self, task: TaskId, *, start_ms: int) -> None:
        """See ports.Tasks."""
        try:
            await self._rows.update(
                table.key(task, table.TASK),
                "SET reconciled_start_ms = :start",
                {":start": table.number(start_ms)},
                condition="attribute_not_exists(reconciled_start_ms) OR reconciled_start_ms < :start",
            )
        except Conflict:
            return  # A later one is noted already.
