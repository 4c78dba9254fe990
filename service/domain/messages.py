"""The message that goes out for one file: contract, section 5."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from service.domain.execution import Target
from service.domain.facts import Fact
from service.domain.names import ExecutionName

VERSION = 1

_REFUSED_BY_SQS = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
"""SendMessage's model: #x9 #xA #xD, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 to #x10FFFF. JSON escapes the rest."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An S3 object as a listing or HeadObject shows it. `etag` has no quotes."""

    key: str
    size_bytes: int
    etag: str
    last_modified_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready to be sent. `deduplication_id` matters on a FIFO queue only."""

    id: str
    body: str
    task_id: str
    execution_id: str
    deduplication_id: str


def message_id(execution_arn: str, path: str) -> str:
    """64 hex digits: the same for every sending of the same file of the same execution, and for nothing else."""
    return sha256(f"{execution_arn}\0/{path}".encode()).hexdigest()


def file_message(
    name: ExecutionName,
    target: Target,
    fact: Fact,
    found: StoredObject | None,
    *,
    transferred: bool,
    resend: int = 0,
) -> Message:
    """Make the `datasync` message of a verified file. Needs a path that can be an S3 key.

    `found` is the object as S3 knows it, None where S3 was not asked: then its fields are left out. `resend` counts
    the replays, so that a FIFO queue does not take a wanted repetition for a mistaken one.
    """
    identity = message_id(name.arn, fact.path)
    body = _body(name, target, fact, transferred=transferred) | {"id": identity} | _known_of_object(fact, found)
    return Message(
        id=identity,
        body=orjson.dumps(body).decode().translate(_REFUSED_BY_SQS),
        task_id=name.task_id,
        execution_id=name.execution_id,
        deduplication_id=f"{identity}-{resend}" if resend else identity,
    )


def _body(name: ExecutionName, target: Target, fact: Fact, *, transferred: bool) -> dict[str, Any]:
    key = target.key(fact.path)
    return {
        "log_stream": f"{name.task_id}-{name.execution_id}",
        "fileName": f"/{fact.path}",
        "s3uri": f"s3://{target.bucket}/{key}",
        "state": {
            "transferred_state": "true" if transferred else "false",
            "verified_state": "true",
            "completed_state": "true",
        },
        "version": VERSION,
        "task_arn": name.task_arn,
        "execution_arn": name.arn,
        "bucket": target.bucket,
        "key": key,
        "verified_at": utc(fact.at_ms),
    }


def _known_of_object(fact: Fact, found: StoredObject | None) -> dict[str, Any]:
    if found is not None:
        return {"size": found.size_bytes, "etag": found.etag, "last_modified": utc(found.last_modified_ms)}
    return {} if fact.size_bytes is None else {"size": fact.size_bytes}


def utc(at_ms: int) -> str:
    """A time as the service writes it everywhere: ISO 8601, UTC with `Z`, milliseconds only where there are any."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{at}.{at_ms % 1000:03d}Z" if at_ms % 1000 else f"{at}Z"
