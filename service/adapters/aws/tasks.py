"""ports.TaskStore on DynamoDB."""

from service.adapters.aws import items
from service.adapters.aws.table import Table
from service.domain.errors import ConflictError
from service.domain.names import ExecutionId, TaskId
from service.domain.port_types import TaskRecord


class DynamoTaskStore:
    """One item for the task, and one for each of its executions, registered or ignored."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get_or_create(self, task: TaskId, *, first_seen_at_ms: int) -> TaskRecord:
        item = await self._table.update(
            items.key(task, items.TASK),
            "SET first_seen_at_ms = if_not_exists(first_seen_at_ms, :now)",
            {":now": items.number(first_seen_at_ms)},
            returning="ALL_NEW",
        )
        return items.task_from(task, item)

    async def known_execution_ids(self, task: TaskId) -> frozenset[ExecutionId]:
        query = {
            "KeyConditionExpression": "pk = :task AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":task": {"S": task},
                ":first": {"S": items.STARTED},
                ":last": {"S": items.LAST_IGNORED},
            },
            "ProjectionExpression": "sk",
            "ConsistentRead": True,
        }
        return frozenset(items.execution_id_of(item) for item in await self._table.items(query))

    async def ignore(self, task: TaskId, execution: ExecutionId, *, started_at_ms: int) -> None:
        key = items.key(task, f"{items.IGNORED}{execution}")
        await self._table.put(key | {"expires_at": items.number(items.listed_until_s(started_at_ms))})

    async def mark_backlog_registered(self, task: TaskId) -> None:
        key = items.key(task, items.TASK)
        await self._table.update(key, "SET backlog_registered = :yes", {":yes": {"BOOL": True}})

    async def advance_fully_published(self, task: TaskId, *, start_ms: int) -> None:
        try:
            await self._table.update(
                items.key(task, items.TASK),
                "SET fully_published_start_ms = :start",
                {":start": items.number(start_ms)},
                condition="attribute_not_exists(fully_published_start_ms) OR fully_published_start_ms < :start",
            )
        except ConflictError:
            return  # A later start is stored already.
