"""ports.LeaseStore on DynamoDB: three attributes of an item, which for an execution is its own item."""

from service.adapters.aws import items
from service.adapters.aws.table import Table
from service.domain.errors import ConflictError
from service.domain.port_types import Lease

OWNER_CONDITION = "#owner = :owner AND fencing_token = :fencing_token"
"""The condition under which the owner of a lease may write."""


def owner_values(lease: Lease) -> items.Item:
    """Return the values of OWNER_CONDITION."""
    return {":owner": {"S": lease.owner or ""}, ":fencing_token": items.number(lease.fencing_token)}


class DynamoLeaseStore:
    """The LeaseStore in DynamoDB. Its writes are conditional on owner, fencing token and heartbeat."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def read(self, name: str) -> Lease:
        item = await self._table.get(items.key(name, items.RECORD), "#owner, fencing_token, heartbeat")
        return items.lease_from(name, item)

    async def acquire(self, expected: Lease, owner: str) -> Lease:
        acquired = Lease(expected.name, owner, expected.fencing_token + 1, 0)
        unchanged = [
            "attribute_not_exists(#owner)" if expected.owner is None else "#owner = :expected",
            "fencing_token = :fencing_token AND heartbeat = :heartbeat"
            if expected.fencing_token
            else "attribute_not_exists(fencing_token)",
        ]
        values = {
            ":owner": {"S": owner},
            ":next": items.number(acquired.fencing_token),
            ":zero": items.number(0),
        }
        if expected.owner is not None:
            values[":expected"] = {"S": expected.owner}
        if expected.fencing_token:
            values[":fencing_token"] = items.number(expected.fencing_token)
            values[":heartbeat"] = items.number(expected.heartbeat)
        await self._table.update(
            items.key(expected.name, items.RECORD),
            "SET #owner = :owner, fencing_token = :next, heartbeat = :zero",
            values,
            condition=" AND ".join(unchanged),
        )
        return acquired

    async def renew(self, lease: Lease) -> Lease:
        item = await self._table.update(
            items.key(lease.name, items.RECORD),
            "SET heartbeat = heartbeat + :one",
            owner_values(lease) | {":one": items.number(1)},
            condition=OWNER_CONDITION,
            returning="UPDATED_NEW",
        )
        return lease._replace(heartbeat=int(item["heartbeat"]["N"]))

    async def release(self, lease: Lease) -> None:
        try:
            await self._table.update(
                items.key(lease.name, items.RECORD),
                "REMOVE #owner",
                owner_values(lease),
                condition=OWNER_CONDITION,
            )
        except ConflictError:
            return  # Another worker owns it, so there is nothing to release.
