"""The one table: keys and items of every kind of row, and nothing that calls.

| row                    | pk                      | sk                               |
| fact                   | `exec-…#<kind>#<shard>` | its path                         |
| outcomes               | `exec-…#outcomes`       | the path that they reach         |
| execution with lease   | `exec-…`                | `record`                         |
| another lease          | its name                | `record`                         |
| transition to announce | `outbox`                | `<time, 15 digits>#exec-…#<phase>` |
| task                   | `task-…`                | `task`                           |
| execution of a task    | `task-…`                | `execution#<start, 15 digits>#exec-…` |
| execution left alone   | `task-…`                | `alone#exec-…`                   |

DynamoDB sorts strings by their UTF-8 bytes, and so does S3.
"""

import zlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson
from pydantic import TypeAdapter, ValidationError

from service.domain.errors import Rejected
from service.domain.execution import Execution, Outcome
from service.domain.facts import Fact, FactKind
from service.domain.names import ExecutionId, TaskId, execution_name
from service.domain.records import Lease, OpenExecution, Outcomes, TaskRecord

Item: TypeAlias = dict[str, Any]
"""Attributes by name, each in DynamoDB's own form: `{"S": "text"}`."""

RECORD = "record"
TASK = "task"
BY_PHASE = "by_phase"
BY_START = "by_start"
KIND = "execution"

MAX_DETAIL = 1000
"""How much of a failure's explanation is kept, in characters: a log event may have a million, an item 400 kB."""

_EXECUTION: TypeAdapter[Execution] = TypeAdapter(Execution)


def key(pk: str, sk: str) -> Item:
    """The primary key of a row."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


# Facts. There are millions and the SDK works through each attribute of each, hence one string for all that is said.


def facts_pk(execution: ExecutionId, kind: FactKind, shard: int) -> str:
    """The partition of a shard's facts."""
    return f"{execution}#{kind.value}#{shard}"


def fact_item(pk: str, fact: Fact, expires_at: Item) -> Item:
    """A fact as a row. `expires_at` is the attribute, made once for all of an execution's facts."""
    said = f"{fact.at_ms} {'-' if fact.size_bytes is None else fact.size_bytes}"
    if fact.detail is not None:
        said = f"{said} {fact.detail[:MAX_DETAIL].encode(errors='replace').decode()}"
    return {"pk": {"S": pk}, "sk": {"S": fact.path}, "said": {"S": said}, "expires_at": expires_at}


def fact_from(kind: FactKind, item: Item) -> Fact:
    """The fact in a row, which needs no more than `sk` and `said`."""
    at_ms, size, *detail = item["said"]["S"].split(" ", 2)
    return Fact(kind, item["sk"]["S"], None if size == "-" else int(size), int(at_ms), detail[0] if detail else None)


# Outcomes. Most stretches name nobody; one that does may name hundreds of paths, so they are packed.


def outcomes_pk(execution: ExecutionId) -> str:
    """The partition of what became of an execution's files."""
    return f"{execution}#outcomes"


def outcomes_item(execution: ExecutionId, outcomes: Outcomes, expires_at_s: int) -> Item:
    """A stretch as a row."""
    others = {outcome.value: list(paths) for outcome, paths in outcomes.others.items()}
    return key(outcomes_pk(execution), outcomes.upto) | {
        "most": {"S": outcomes.most.value},
        "others": {"B": zlib.compress(orjson.dumps(others))},
        "expires_at": number(expires_at_s),
    }


def outcomes_from(item: Item) -> Outcomes:
    """The stretch in a row."""
    others = orjson.loads(zlib.decompress(item["others"]["B"]))
    return Outcomes(
        item["sk"]["S"],
        Outcome(item["most"]["S"]),
        {Outcome(outcome): paths for outcome, paths in others.items()},
    )


# Executions. The record is a map that later versions may add to; beside it stands what conditions and indexes need.


def execution_attributes(execution: Execution) -> Item:
    """All attributes of an execution's row but its key and its lease."""
    record = _EXECUTION.dump_python(execution, mode="json") | {"name": execution.name.arn}
    attributes = {
        "record": attribute(record),
        "kind": {"S": KIND},
        "phase": {"S": execution.phase.value},
        "started_at_ms": number(execution.started_at_ms),
        "task_id": {"S": execution.name.task_id},
        "expires_at": number(execution.expires_at_s),
    }
    waiting_since_ms = execution.ended_at_ms or execution.terminal_seen_at_ms
    if waiting_since_ms is not None:
        attributes["waiting_since_ms"] = number(waiting_since_ms)
    return attributes


def execution_from(item: Item) -> Execution:
    """The execution in a row. Raises Rejected when a version wrote it whose words this one does not know."""
    record = value(item[RECORD])
    try:
        return _EXECUTION.validate_python(record | {"name": execution_name(record["name"])})
    except ValidationError as error:
        detail = f"the record of {record['name']} is of another version: {error.errors()[0]['msg']}"
        raise Rejected("dynamodb.GetItem", detail) from error


def is_live(item: Item, now_s: float) -> bool:
    """Whether the row has an expiry and has not reached it."""
    return "expires_at" in item and int(item["expires_at"]["N"]) > now_s


def open_from(item: Item) -> OpenExecution:
    """The summary that the index of phases holds."""
    return OpenExecution(
        ExecutionId(item["pk"]["S"]),
        TaskId(item["task_id"]["S"]),
        int(item["started_at_ms"]["N"]),
        _integer(item, "waiting_since_ms"),
        lease_from(item["pk"]["S"], item),
    )


def lease_from(name: str, item: Item) -> Lease:
    """The lease in a row; a free one where the row has none."""
    owner = item["owner"]["S"] if "owner" in item else None
    return Lease(name, owner, _integer(item, "fence") or 0, _integer(item, "beat") or 0)


# Transitions to announce. There are few, and for seconds only.

OUTBOX = "outbox"


def announcement_item(execution: Execution, attributes: Item, *, now_ms: int) -> Item:
    """The row of a transition at a time; `attributes` are those of the execution's own row. In no index."""
    sk = f"{now_ms:015d}#{execution.name.execution_id}#{execution.phase.value}"
    return key(OUTBOX, sk) | {name: attributes[name] for name in (RECORD, "expires_at")}


# Tasks.

ALONE = "alone#"
STARTED = "execution#"
STARTED_LAST = "execution#~"
"""Greater than every sort key of a task's executions, as ALONE is less."""
LISTED_S = 60 * 86_400
"""Longer than DataSync lists an execution after its start: 30 days, and what it took to run.

https://docs.aws.amazon.com/datasync/latest/userguide/datasync-limits.html
"""


def listed_until_s(started_at_ms: int) -> int:
    """Until when DataSync may list an execution, in seconds since the epoch."""
    return started_at_ms // 1000 + LISTED_S


def started_sk(started_at_ms: int, execution: str = "") -> str:
    """The sort key of a task's execution; without one, less than all that started then or later."""
    return f"{STARTED}{started_at_ms:015d}#{execution}"


def started_item(execution: Execution) -> Item:
    """An execution's row among its task's: what DataSync may still list must be known, or it would be taken for new."""
    known_until_s = max(execution.expires_at_s, listed_until_s(execution.started_at_ms))
    row = key(execution.name.task_id, started_sk(execution.started_at_ms, execution.name.execution_id))
    return row | {"expires_at": number(known_until_s)}


def execution_id_of(item: Item) -> ExecutionId:
    """Whose row it is among a task's rows."""
    return ExecutionId(item["sk"]["S"].rpartition("#")[2])


def task_from(task: TaskId, item: Item) -> TaskRecord:
    """The task in a row."""
    return TaskRecord(task, int(item["seen_at_ms"]["N"]), "is_complete" in item, _integer(item, "reconciled_start_ms"))


# Attributes.


def number(value: int) -> Item:
    """A whole number as an attribute."""
    return {"N": str(value)}


def attribute(value: object) -> Item:
    """A JSON value without fractions as an attribute."""
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


def value(attribute: Item) -> Any:  # noqa: ANN401 - because an attribute may hold any JSON value
    """The JSON value of an attribute."""
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
