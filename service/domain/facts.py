"""Facts: what one log line says about one file. They are only ever added, and adding one twice changes nothing."""

import json
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import NamedTuple
from zlib import crc32

MAX_PATH_BYTES = 1024
"""An S3 key's longest form in UTF-8, and a DynamoDB sort key's."""


class FactKind(StrEnum):
    """What can be said about a path in an execution."""

    TRANSFERRED = "transferred"
    VERIFIED = "verified"
    FAILED = "failed"
    DELETED = "deleted"
    DIRECTORY = "directory"


class Fact(NamedTuple):
    """One statement of an execution's log about one path.

    `path` is relative to the location and has no leading slash. `size_bytes` is None where the line gives none.
    `at_ms` is the time of the log event, in milliseconds since the epoch. `detail` explains a failure.
    """

    kind: FactKind
    path: str
    size_bytes: int | None
    at_ms: int
    detail: str | None = None


class Known(StrEnum):
    """Lines that are understood and say nothing about a file that anyone acts on."""

    STARTED = "started"
    FINISHED = "finished"
    LOGGING_HOST = "logging_host"
    VERIFICATION_DETAIL = "verification_detail"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"
    DIRECTORY = "directory"
    TRANSFER_FAILED = "transfer_failed"


class Unknown(StrEnum):
    """Lines that are not understood, by why: the label of a metric, so a closed set."""

    FORM = "form"
    LEVEL_INFO = "level_info"
    LEVEL_NOTICE = "level_notice"
    NOT_JSON = "not_json"
    ACTION = "action"
    PATH = "path"


Parsed = Fact | Known | Unknown
"""What a parser makes of one log event: exactly one of the three."""


def fingerprint(fact: Fact) -> int:
    """64 bits that stand for the fact. Their sum over a pass of the log does not depend on the order of lines."""
    text = f"{fact.kind}\0{fact.size_bytes}\0{fact.path}"
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def shard(path: str, shards: int) -> int:
    """Which of an execution's partitions holds the path: the same in every process and version."""
    return crc32(path.encode()) % shards if shards > 1 else 0


def storable(fact: Fact) -> Fact:
    """Return the fact with a path that can be a key of S3 and DynamoDB.

    A path that is longer than 1,024 bytes or no Unicode text cannot name an object, so whatever was said of it
    becomes a failure under the path's SHA-256. `//` never stands in a path of DataSync's, so that this path is
    nobody's own (https://docs.aws.amazon.com/datasync/latest/userguide/create-s3-location.html).
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


def is_housekeeping(path: str) -> bool:
    """Whether the path is DataSync's own: `/.aws-datasync` at the location's root, and all under it."""
    return path == ".aws-datasync" or path.startswith(".aws-datasync/")
