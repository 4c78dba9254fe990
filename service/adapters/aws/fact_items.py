"""The items of facts. A form that another version wrote is left alone and never guessed."""

import zlib
from collections.abc import Sequence

import orjson

from service.adapters.aws import items
from service.domain.errors import RequestRejectedError
from service.domain.fact_runs import FactRun, unpack
from service.domain.names import ExecutionId
from service.domain.port_types import SeekPoint, StoredRun

SEEK_POINTS = "seek_points"
FORMAT = 1
"""The version of a run's form."""


def facts_pk(execution: ExecutionId) -> str:
    """Return the partition key of an execution's facts."""
    return f"{execution}#facts"


def run_item(execution: ExecutionId, run: FactRun, expires_at_s: int) -> items.Item:
    """Return a run's item. A person can read its facts in the console."""
    return items.key(facts_pk(execution), run.key) | {
        "format": items.number(FORMAT),
        "last_path": {"S": run.last_path},
        "facts": {"S": run.text},
        "expires_at": items.number(expires_at_s),
    }


def run_from(item: items.Item) -> StoredRun:
    """Return the run in an item. Raise RequestRejectedError, which names the item, if it cannot be read."""
    try:
        facts = unpack(item["sk"]["S"], item["facts"]["S"]) if item["format"]["N"] == str(FORMAT) else []
    except (KeyError, ValueError):
        facts = []
    if not facts:
        name = f"{item['pk']['S']} {item['sk']['S']!r}"
        raise RequestRejectedError("dynamodb.Query", f"the item {name} holds facts that this version cannot read")
    return StoredRun(item["sk"]["S"], facts)


def seek_points_item(execution: ExecutionId, seek_points: Sequence[SeekPoint], expires_at_s: int) -> items.Item:
    """Return the item of an execution's seek points."""
    return items.key(execution, SEEK_POINTS) | {
        "seek_points": {"B": zlib.compress(orjson.dumps([tuple(point) for point in seek_points]))},
        "expires_at": items.number(expires_at_s),
    }


def seek_points_from(item: items.Item) -> Sequence[SeekPoint]:
    """Return the seek points in an item; none if there is no item."""
    return [SeekPoint(*entry) for entry in orjson.loads(zlib.decompress(item["seek_points"]["B"]))] if item else ()
