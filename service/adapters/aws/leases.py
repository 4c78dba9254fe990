"""ports.Leases on DynamoDB: three attributes of a row, which for an execution is the row of its record."""

from service.adapters.aws import table
from service.adapters.aws.dynamodb import Table
from service.domain.errors import Conflict
from service.domain.records import Lease

MINE = "#owner = :owner AND fence = :fence"
"""The condition under which the holder of a lease may write."""


def held(lease: Lease) -> table.Item:
    """The values that MINE compares with."""
    return {":owner": {"S": lease.owner or ""}, ":fence": table.number(lease.fence)}


class DynamoLeases:
    """Conditional writes on owner, fence and beat."""

    def __init__(self, rows: Table) -> None:
        self._rows = rows

    async def read(self, name: str) -> Lease:
        """See ports.Leases."""
        return table.lease_from(name, await self._rows.get(table.key(name, table.RECORD), "#owner, fence, beat"))

    async def take(self, seen: Lease, owner: str) -> Lease:
        """See ports.Leases."""
        taken = Lease(seen.name, owner, seen.fence + 1, 0)
        unchanged = [
            "attribute_not_exists(#owner)" if seen.owner is None else "#owner = :seen",
            "fence = :fence AND beat = :beat" if seen.fence else "attribute_not_exists(fence)",
        ]
        values = {":owner": {"S": owner}, ":next": table.number(taken.fence), ":zero": table.number(0)}
        if seen.owner is not None:
            values[":seen"] = {"S": seen.owner}
        if seen.fence:
            values |= {":fence": table.number(seen.fence), ":beat": table.number(seen.beat)}
        await self._rows.update(
            table.key(seen.name, table.RECORD),
            "SET #owner = :owner, fence = :next, beat = :zero",
            values,
            condition=" AND ".join(unchanged),
        )
        return taken

    async def renew(self, lease: Lease) -> Lease:
        """See ports.Leases."""
        item = await self._rows.update(
            table.key(lease.name, table.RECORD),
            "SET beat = beat + :one",
            held(lease) | {":one": table.number(1)},
            condition=MINE,
            returning="UPDATED_NEW",
        )
        return lease._replace(beat=int(item["beat"]["N"]))

    async def release(self, lease: Lease) -> None:
        """See ports.Leases."""
        try:
            await self._rows.update(
                table.key(lease.name, table.RECORD),
                "REMOVE #owner",
                held(lease),
                condition=MINE,
            )
        except Conflict:
            return  # Somebody else's by now, which is as good as free for whoever lets it go.
