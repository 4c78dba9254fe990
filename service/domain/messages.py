"""The message that is published for one file. `docs/messages.md` describes its fields."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from service.domain.execution import S3Location
from service.domain.facts import Fact
from service.domain.names import ExecutionIds

VERSION = 1

_JSON_ESCAPES = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
"""Escapes of the characters that JSON allows and SQS refuses (SendMessage, MessageBody)."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An S3 object as a listing or HeadObject shows it. `etag` has no quotes."""

    key: str
    size_bytes: int
    etag: str
    last_modified_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is ready to be sent. `deduplication_id` is used on a FIFO queue only."""

    id: str
    body: str
    task_id: str
    execution_id: str
    deduplication_id: str


def message_id(execution_arn: str, path: str) -> str:
    """Return 64 hex digits: the same for every sending of the same file of the same execution, and for no other."""
    return sha256(f"{execution_arn}\0/{path}".encode()).hexdigest()


def file_message(
    ids: ExecutionIds,
    location: S3Location,
    fact: Fact,
    stored_object: StoredObject | None,
    *,
    transferred: bool,
    replay_count: int = 0,
) -> Message:
    """Return the `datasync` message of a verified file, whose path must be able to be an S3 key.

    Without a `stored_object`, because S3 was not asked, its fields are left out. A FIFO queue does not take a replay
    for a duplicate, because `replay_count` is part of the deduplication id.
    """
    identity = message_id(ids.arn, fact.path)
    body = _body(ids, location, fact, transferred=transferred) | {"id": identity} | _object_fields(fact, stored_object)
    return Message(
        id=identity,
        body=orjson.dumps(body).decode().translate(_JSON_ESCAPES),
        task_id=ids.task_id,
        execution_id=ids.execution_id,
        deduplication_id=f"{identity}-{replay_count}" if replay_count else identity,
    )


def _body(ids: ExecutionIds, location: S3Location, fact: Fact, *, transferred: bool) -> dict[str, Any]:
    key = location.key(fact.path)
    return {
        "log_stream": f"{ids.task_id}-{ids.execution_id}",
        "fileName": f"/{fact.path}",
        "s3uri": f"s3://{location.bucket}/{key}",
        "state": {
            "transferred_state": "true" if transferred else "false",
            "verified_state": "true",
            "completed_state": "true",
        },
        "version": VERSION,
        "task_arn": ids.task_arn,
        "execution_arn": ids.arn,
        "bucket": location.bucket,
        "key": key,
        "verified_at": utc(fact.at_ms),
    }


def _object_fields(fact: Fact, stored: StoredObject | None) -> dict[str, Any]:
    if stored is not None:
        return {"size": stored.size_bytes, "etag": stored.etag, "last_modified": utc(stored.last_modified_ms)}
    return {} if fact.size_bytes is None else {"size": fact.size_bytes}


def utc(at_ms: int) -> str:
    """Return a time in ISO 8601, UTC with `Z`, with milliseconds only if there are any."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{at}.{at_ms % 1000:03d}Z" if at_ms % 1000 else f"{at}Z"
