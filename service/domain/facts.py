"""Facts: the statement of one log line about one file. Facts are only ever added; adding one twice changes nothing."""

import json
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import NamedTuple

MAX_PATH_BYTES = 1024
"""The limit of an S3 key and of a DynamoDB sort key, in bytes of UTF-8."""


class FactKind(StrEnum):
    """The kinds of statements of an execution's log about a path."""

    TRANSFERRED = "transferred"
    VERIFIED = "verified"
    FAILED = "failed"
    DELETED = "deleted"
    DIRECTORY = "directory"


class Fact(NamedTuple):
    """One statement of an execution's log about one path.

    `path` is relative to the location and has no leading slash. `size_bytes` is None if the line has no size.
    `at_ms` is the time of the log event, in milliseconds since the epoch. `detail` explains a failure.
    """

    kind: FactKind
    path: str
    size_bytes: int | None
    at_ms: int
    detail: str | None = None


class RecognizedLine(StrEnum):
    """Kinds of lines that the parser recognises and that state no fact."""

    STARTED = "started"
    FINISHED = "finished"
    LOGGING_HOST = "logging_host"
    VERIFICATION_DETAIL = "verification_detail"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"
    DIRECTORY = "directory"
    TRANSFER_FAILED = "transfer_failed"


class UnparsedReason(StrEnum):
    """The cause for which a log line could not be parsed. A metric label, so a closed set."""

    UNKNOWN_FORMAT = "unknown_format"
    LEVEL_INFO = "level_info"
    LEVEL_NOTICE = "level_notice"
    NOT_JSON = "not_json"
    UNKNOWN_ACTION = "unknown_action"
    NO_PATH = "no_path"


ParsedLine = Fact | RecognizedLine | UnparsedReason
"""The result of parsing one log event: exactly one of the three."""


def fingerprint(fact: Fact) -> int:
    """Return 64 bits that identify the fact. Their sum over a pass of the log does not depend on the order of lines."""
    text = f"{fact.kind}\0{fact.size_bytes}\0{fact.path}"
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def with_storable_path(fact: Fact) -> Fact:
    """Return the fact with a path that can be a key of S3 and DynamoDB.

    A path that is longer than 1,024 bytes or not valid Unicode cannot name an object, so its fact becomes a failure
    under the path's SHA-256. DataSync's paths never hold `//`, so this path cannot be a file's
    (https://docs.aws.amazon.com/datasync/latest/userguide/create-s3-location.html).
    """
    try:
        encoded = fact.path.encode()
    except UnicodeEncodeError:
        encoded = fact.path.encode("utf-8", "surrogatepass")
    else:
        if len(encoded) <= MAX_PATH_BYTES:
            return fact
    detail = f"the name cannot be an S3 key: {json.dumps(fact.path[:200])}"
    return Fact(FactKind.FAILED, f"//sha256/{sha256(encoded).hexdigest()}", None, fact.at_ms, detail)


def is_datasync_metadata(path: str) -> bool:
    """Return whether the path is DataSync's own: `/.aws-datasync` at the location's root, or below it."""
    return path == ".aws-datasync" or path.startswith(".aws-datasync/")
