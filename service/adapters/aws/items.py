"""The items of the table: keys and attributes of every kind, and no calls.

| item                          | pk                      | sk                                     |
| run of facts                  | `exec-…#facts`          | its first path, a NUL and a digest     |
| seek points in the facts      | `exec-…`                | `seek_points`                          |
| range of outcomes             | `exec-…#outcomes`       | its last path                          |
| execution, with its lease     | `exec-…`                | `record`                               |
| discovery lease               | `discovery`             | `record`                               |
| transition to notify          | `outbox`                | `<time, 15 digits>#exec-…#<phase>`     |
| task                          | `task-…`                | `task`                                 |
| execution of a task           | `task-…`                | `execution#<start, 15 digits>#exec-…`  |
| ignored execution of a task   | `task-…`                | `ignored#exec-…`                       |

DynamoDB sorts strings by their UTF-8 bytes, and so does S3.
"""

import zlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson
from pydantic import TypeAdapter, ValidationError

from service.domain.errors import RequestRejectedError
from service.domain.execution import Execution, Outcome
from service.domain.names import ExecutionId, TaskId, parse_execution_arn
from service.domain.phases import Phase
from service.domain.port_types import ExecutionEntry, Lease, OutcomeRange, TaskRecord

Item: TypeAlias = dict[str, Any]
"""Attributes by name, each in DynamoDB's own form: `{"S": "text"}`."""

RECORD, TASK = "record", "task"
BY_PHASE, BY_START = "by_phase", "by_start"
EXECUTION_ENTITY = "execution"
INDEXED_ATTRIBUTES = ("task_id", "owner", "fencing_token", "heartbeat", "ended_at_ms", "retry_at_ms", "expires_at")
"""The attributes that the index `by_phase` projects beside the keys."""

_EXECUTION: TypeAdapter[Execution] = TypeAdapter(Execution)


def key(pk: str, sk: str) -> Item:
    """Return a primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


# Outcomes. Most ranges have no exceptions; one may have hundreds of paths, so the exceptions are compressed.


def outcomes_pk(execution: ExecutionId) -> str:
    """Return the partition key of an execution's outcomes."""
    return f"{execution}#outcomes"


def outcomes_item(execution: ExecutionId, outcomes: OutcomeRange, expires_at_s: int) -> Item:
    """Return a range's item."""
    exceptions = {outcome.value: list(paths) for outcome, paths in outcomes.exceptions.items()}
    return key(outcomes_pk(execution), outcomes.last_path) | {
        "default_outcome": {"S": outcomes.default.value},
        "exceptions": {"B": zlib.compress(orjson.dumps(exceptions))},
        "expires_at": number(expires_at_s),
    }


def outcomes_from(item: Item) -> OutcomeRange:
    """Return the range in an item."""
    exceptions = orjson.loads(zlib.decompress(item["exceptions"]["B"]))
    return OutcomeRange(
        item["sk"]["S"],
        Outcome(item["default_outcome"]["S"]),
        {Outcome(outcome): paths for outcome, paths in exceptions.items()},
    )


# Executions. The record is a map that later versions may extend; conditions and indexes need the other attributes.


def execution_attributes(execution: Execution) -> Item:
    """Return all attributes of an execution's item but its key and its lease."""
    attributes = {
        "record": attribute(_EXECUTION.dump_python(execution, mode="json") | {"ids": execution.ids.arn}),
        "entity": {"S": EXECUTION_ENTITY},
        "phase": {"S": execution.phase.value},
        "started_at_ms": number(execution.started_at_ms),
        "task_id": {"S": execution.task_id},
        "expires_at": number(execution.expires_at_s),
    }
    ended_at_ms = execution.ended_at_ms or execution.end_seen_at_ms
    if ended_at_ms is not None:
        attributes["ended_at_ms"] = number(ended_at_ms)
    if execution.retry_at_ms is not None:
        attributes["retry_at_ms"] = number(execution.retry_at_ms)
    return attributes


def execution_from(item: Item) -> Execution:
    """Return the execution in an item. Raise RequestRejectedError if another version wrote it in an unknown form."""
    record = value(item[RECORD])
    try:
        return _EXECUTION.validate_python(record | {"ids": parse_execution_arn(record["ids"])})
    except ValidationError as error:
        detail = f"the record of {record['ids']} is of another version: {error.errors()[0]['msg']}"
        raise RequestRejectedError("dynamodb.GetItem", detail) from error


def is_live(item: Item, now_s: float) -> bool:
    """Return whether the item has an expiry and has not reached it."""
    return "expires_at" in item and int(item["expires_at"]["N"]) > now_s


def entry_from(item: Item) -> ExecutionEntry:
    """Return the entry that the index `by_phase` holds of an execution."""
    return ExecutionEntry(
        ExecutionId(item["pk"]["S"]),
        TaskId(item["task_id"]["S"]),
        Phase(item["phase"]["S"]),
        int(item["started_at_ms"]["N"]),
        _integer(item, "ended_at_ms"),
        lease_from(item["pk"]["S"], item),
    )


def lease_from(name: str, item: Item) -> Lease:
    """Return the lease in an item; a free one if the item has none."""
    owner = item["owner"]["S"] if "owner" in item else None
    return Lease(name, owner, _integer(item, "fencing_token") or 0, _integer(item, "heartbeat") or 0)


# Transitions to notify. There are few, for seconds only.

OUTBOX = "outbox"


def outbox_item(execution: Execution, attributes: Item, *, now_ms: int) -> Item:
    """Return the item of a transition at a time; `attributes` are those of the execution's own item. In no index."""
    sk = f"{now_ms:015d}#{execution.id}#{execution.phase.value}"
    return key(OUTBOX, sk) | {name: attributes[name] for name in (RECORD, "expires_at")}


# Tasks.

STARTED, IGNORED = "execution#", "ignored#"
LAST_STARTED, LAST_IGNORED = "execution#~", "ignored#~"
"""Upper bounds of the sort keys."""
LISTED_S = 60 * 86_400
"""Longer than DataSync lists an execution after its start: 30 days, and the time that it took to run.

https://docs.aws.amazon.com/datasync/latest/userguide/datasync-limits.html
"""


def listed_until_s(started_at_ms: int) -> int:
    """Return until when DataSync may list an execution, in seconds since the epoch."""
    return started_at_ms // 1000 + LISTED_S


def started_sk(started_at_ms: int, execution: str = "") -> str:
    """Return the sort key of a task's execution; without one, the lower bound of all that started then or later."""
    return f"{STARTED}{started_at_ms:015d}#{execution}"


def started_item(execution: Execution) -> Item:
    """Return an execution's item among its task's. While DataSync may list it, it must be known, or it would be new."""
    known_until_s = max(execution.expires_at_s, listed_until_s(execution.started_at_ms))
    item = key(execution.task_id, started_sk(execution.started_at_ms, execution.id))
    return item | {"expires_at": number(known_until_s)}


def execution_id_of(item: Item) -> ExecutionId:
    """Return the id of the execution that an item among its task's is about."""
    return ExecutionId(item["sk"]["S"].rpartition("#")[2])


def task_from(task: TaskId, item: Item) -> TaskRecord:
    """Return the task in an item."""
    return TaskRecord(
        task,
        int(item["first_seen_at_ms"]["N"]),
        "backlog_registered" in item,
        _integer(item, "fully_published_start_ms"),
    )


# Attributes.


def number(value: int) -> Item:
    """Return a whole number as an attribute."""
    return {"N": str(value)}


def attribute(value: object) -> Item:
    """Return a JSON value without fractions as an attribute."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return number(value)
        case str():
            return {"S": value}
        case Mapping():
            return {"M": {name: attribute(member) for name, member in value.items()}}
        case list():
            return {"L": [attribute(member) for member in value]}
    raise TypeError(f"no attribute for {type(value).__name__}")


def value(attribute: Item) -> Any:  # noqa: ANN401  (an attribute may hold any JSON value)
    """Return the JSON value of an attribute."""
    ((form, content),) = attribute.items()
    match form:
        case "NULL":
            return None
        case "N":
            return int(content)
        case "M":
            return {name: value(member) for name, member in content.items()}
        case "L":
            return [value(member) for member in content]
    return content


def _integer(item: Item, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
