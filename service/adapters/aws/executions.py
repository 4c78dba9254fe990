"""ports.ExecutionStore and ports.Overview on DynamoDB."""

import time
from collections.abc import Mapping, Sequence

from service.adapters.aws import items
from service.adapters.aws.leases import OWNER_CONDITION, owner_values
from service.adapters.aws.table import Table
from service.domain.errors import ConflictError
from service.domain.execution import Execution
from service.domain.names import ExecutionId, TaskId
from service.domain.phases import ACTIVE_PHASES, Phase
from service.domain.port_types import ExecutionEntry, Lease
from service.domain.start_order import start_order


class DynamoExecutionStore:
    """One item per execution, and one with its start among those of its task.

    Lists leave out what has expired: DynamoDB may take days to delete it, and deletes the items of one execution one
    by one. With `with_outbox`, notifications are wanted.
    """

    def __init__(self, table: Table, *, with_outbox: bool = False) -> None:
        self._table = table
        self._with_outbox = with_outbox

    async def register(self, execution: Execution) -> bool:
        record = items.key(execution.id, items.RECORD) | items.execution_attributes(execution)
        try:
            await self._table.put_new([record, items.started_item(execution)], "attribute_not_exists(#record)")
        except ConflictError:
            return False
        return True

    async def get(self, execution: ExecutionId) -> Execution | None:
        item = await self._table.get(items.key(execution, items.RECORD), "#record")
        return items.execution_from(item) if item else None

    async def save_owned(self, execution: Execution, lease: Lease, *, is_transition: bool) -> None:
        await self._write(execution, OWNER_CONDITION, owner_values(lease), is_transition=is_transition)

    async def transition_unowned(self, execution: Execution, *, expected_phase: Phase) -> None:
        condition = "phase = :expected AND attribute_not_exists(#owner)"
        await self._write(execution, condition, {":expected": {"S": expected_phase.value}}, is_transition=True)

    async def extend_expiry(self, execution: Execution) -> None:
        await self._table.put(items.started_item(execution))
        await self._table.update(
            items.key(execution.id, items.RECORD),
            "SET expires_at = :expires_at, #record.expires_at_s = :expires_at",
            {":expires_at": items.number(execution.expires_at_s)},
            condition="attribute_exists(#record)",
        )

    async def list_of_task(self, task: TaskId, *, started_since_ms: int) -> Sequence[Execution]:
        query = {
            "KeyConditionExpression": "pk = :task AND sk BETWEEN :since AND :last",
            "ExpressionAttributeValues": {
                ":task": {"S": task},
                ":since": {"S": items.started_sk(started_since_ms)},
                ":last": {"S": items.LAST_STARTED},
            },
            "ProjectionExpression": "sk",
            "ConsistentRead": True,
        }
        keys = [items.key(items.execution_id_of(item), items.RECORD) for item in await self._table.items(query)]
        records = await self._table.get_all(keys, "#record, expires_at")
        executions = [items.execution_from(item) for item in records if items.is_live(item, time.time())]
        return sorted(executions, key=start_order)

    async def active_executions(self) -> Sequence[ExecutionEntry]:
        found = [items.entry_from(i) for phase in ACTIVE_PHASES for i in await self._table.items(_in_phase(phase))]
        return sorted(found, key=start_order)

    async def held_to_retry(self, *, now_ms: int) -> Sequence[ExecutionEntry]:
        query = _in_phase(Phase.HELD)
        query["FilterExpression"] += " AND retry_at_ms <= :retry"
        query["ExpressionAttributeValues"][":retry"] = items.number(now_ms)
        return [items.entry_from(item) for item in await self._table.items(query)]

    async def expiring_before(self, phase: Phase, *, before_s: int) -> Sequence[ExecutionId]:
        query = _in_phase(phase)
        query["FilterExpression"] += " AND expires_at < :before"
        query["ExpressionAttributeValues"][":before"] = items.number(before_s)
        return [items.entry_from(item).execution_id for item in await self._table.items(query)]

    async def counts(self) -> Mapping[Phase, int]:
        return {phase: await self._table.count(_in_phase(phase)) for phase in Phase}

    async def latest(self, limit: int) -> Sequence[Execution]:
        query = {
            "IndexName": items.BY_START,
            "KeyConditionExpression": "entity = :entity",
            "FilterExpression": _LIVE,
            "ExpressionAttributeValues": _now() | {":entity": {"S": items.EXECUTION_ENTITY}},
            "ProjectionExpression": "#record",
            "ScanIndexForward": False,
        }
        return [items.execution_from(item) for item in await self._table.items(query, limit)]

    async def _write(self, execution: Execution, condition: str, values: items.Item, *, is_transition: bool) -> None:
        key = items.key(execution.id, items.RECORD)
        attributes = items.execution_attributes(execution)
        change = "SET " + ", ".join(f"#{name} = :new_{name}" for name in attributes)
        values = values | {f":new_{name}": attribute for name, attribute in attributes.items()}
        removed = [] if "retry_at_ms" in attributes else ["retry_at_ms"]
        if not execution.is_active:
            # In the same write, so that no crash leaves an owner on an execution that no worker will process.
            removed.append("#owner")
        if removed:
            change += f" REMOVE {', '.join(removed)}"
        if self._with_outbox and is_transition and not execution.is_active:
            item = items.outbox_item(execution, attributes, now_ms=time.time_ns() // 1_000_000)
            await self._table.update_and_put(key, change, values, item, condition=condition)
        else:
            await self._table.update(key, change, values, condition=condition)


_LIVE = "expires_at > :now"


def _now() -> items.Item:
    return {":now": items.number(int(time.time()))}


def _in_phase(phase: Phase) -> items.Item:
    return {
        "IndexName": items.BY_PHASE,
        "KeyConditionExpression": "phase = :phase",
        "FilterExpression": _LIVE,
        "ExpressionAttributeValues": _now() | {":phase": {"S": phase.value}},
    }
