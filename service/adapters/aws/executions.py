"""ports.Executions and ports.Overview on DynamoDB."""

import time
from collections.abc import Mapping, Sequence

from service.adapters.aws import table
from service.adapters.aws.dynamodb import Table
from service.adapters.aws.leases import MINE, held
from service.domain.errors import Conflict
from service.domain.execution import Execution
from service.domain.names import ExecutionId, TaskId
from service.domain.phases import OPEN, Phase
from service.domain.records import Lease, OpenExecution


class DynamoExecutions:
    """One row per execution, and one with its start among those of its task.

    What has expired is left out wherever executions are listed: DynamoDB may take days to remove it, and removes the
    rows of one execution one by one. `announcing`: notifications are wanted.
    """

    def __init__(self, rows: Table, *, announcing: bool = False) -> None:
        self._rows = rows
        self._announcing = announcing

    async def register(self, execution: Execution) -> bool:
        """See ports.Executions."""
        record = table.key(execution.name.execution_id, table.RECORD) | table.execution_attributes(execution)
        try:
            await self._rows.put_new([record, table.started_item(execution)], "attribute_not_exists(#record)")
        except Conflict:
            return False
        return True

    async def get(self, execution: ExecutionId) -> Execution | None:
        """See ports.Executions."""
        item = await self._rows.get(table.key(execution, table.RECORD), "#record")
        return table.execution_from(item) if item else None

    async def save(self, execution: Execution, lease: Lease) -> None:
        """See ports.Executions."""
        await self._store(execution, MINE, held(lease))

    async def move(self, execution: Execution, seen: Phase) -> None:
        """See ports.Executions."""
        await self._store(execution, "phase = :seen AND attribute_not_exists(#owner)", {":seen": {"S": seen.value}})

    async def keep(self, execution: Execution) -> None:
        """See ports.Executions."""
        await self._rows.put(table.started_item(execution))
        await self._rows.update(
            table.key(execution.name.execution_id, table.RECORD),
            "SET expires_at = :expires_at, #record.expires_at_s = :expires_at",
            {":expires_at": table.number(execution.expires_at_s)},
            condition="attribute_exists(#record)",
        )

    async def of_task(self, task: TaskId, *, since_ms: int) -> Sequence[Execution]:
        """See ports.Executions."""
        query = {
            "KeyConditionExpression": "pk = :task AND sk BETWEEN :since AND :last",
            "ExpressionAttributeValues": {
                ":task": {"S": task},
                ":since": {"S": table.started_sk(since_ms)},
                ":last": {"S": table.STARTED_LAST},
            },
            "ProjectionExpression": "sk",
            "ConsistentRead": True,
        }
        keys = [table.key(table.execution_id_of(item), table.RECORD) for item in await self._rows.items(query)]
        records = await self._rows.get_all(keys, "#record, expires_at")
        executions = [table.execution_from(item) for item in records if table.is_live(item, time.time())]
        return sorted(executions, key=lambda e: (e.started_at_ms, e.name.execution_id))

    async def open(self) -> Sequence[OpenExecution]:
        """See ports.Overview."""
        found = [table.open_from(item) for phase in OPEN for item in await self._rows.items(_in_phase(phase))]
        return sorted(found, key=lambda e: (e.started_at_ms, e.execution_id))

    async def expiring(self, phase: Phase, *, before_s: int) -> Sequence[ExecutionId]:
        """See ports.Overview."""
        query = _in_phase(phase)
        query["FilterExpression"] += " AND expires_at < :before"
        query["ExpressionAttributeValues"][":before"] = table.number(before_s)
        found = [table.open_from(item) for item in await self._rows.items(query)]
        return [execution.execution_id for execution in found]

    async def counts(self) -> Mapping[Phase, int]:
        """See ports.Overview."""
        return {phase: await self._rows.count(_in_phase(phase)) for phase in Phase}

    async def latest(self, limit: int) -> Sequence[Execution]:
        """See ports.Overview."""
        query = {
            "IndexName": table.BY_START,
            "KeyConditionExpression": "kind = :kind",
            "FilterExpression": _LIVE,
            "ExpressionAttributeValues": _now() | {":kind": {"S": table.KIND}},
            "ProjectionExpression": "#record",
            "ScanIndexForward": False,
        }
        return [table.execution_from(item) for item in await self._rows.items(query, limit)]

    async def _store(self, execution: Execution, condition: str, values: table.Item) -> None:
        key = table.key(execution.name.execution_id, table.RECORD)
        attributes = table.execution_attributes(execution)
        change = "SET " + ", ".join(f"#{name} = :new_{name}" for name in attributes)
        values = values | {f":new_{name}": attribute for name, attribute in attributes.items()}
        if execution.phase not in OPEN:
            # In one write, so that no crash leaves an owner on what nobody will work on again.
            change += " REMOVE #owner"
            if self._announcing:
                item = table.announcement_item(execution, attributes, now_ms=time.time_ns() // 1_000_000)
                await self._rows.update_and_put(key, change, values, item, condition=condition)
                return
        await self._rows.update(key, change, values, condition=condition)


_LIVE = "expires_at > :now"


def _now() -> table.Item:
    return {":now": table.number(int(time.time()))}


def _in_phase(phase: Phase) -> table.Item:
    return {
        "IndexName": table.BY_PHASE,
        "KeyConditionExpression": "phase = :phase",
        "FilterExpression": _LIVE,
        "ExpressionAttributeValues": _now() | {":phase": {"S": phase.value}},
    }
