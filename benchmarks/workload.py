"""The measured execution: its files, the lines of its log, the objects of its bucket.

Each file is logged twice, as transferred and as verified: the most that DataSync logs about a file without errors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

TASK_ID = "task-0123456789abcdef0"
TASK_ARN = f"arn:aws:datasync:eu-central-1:123456789012:task/{TASK_ID}"
EXECUTION_ID = "exec-0123456789abcdef0"
EXECUTION_ARN = f"{TASK_ARN}/execution/{EXECUTION_ID}"
LOG_GROUP = "/aws/datasync"
LOG_STREAM = f"{TASK_ID}-{EXECUTION_ID}"
BUCKET = "landing"
PREFIX = "from-site/"
TABLE = "datasync-trigger"
STARTED_S = 1_767_323_045

FORMS = ("BASIC", "ENHANCED")
LINES_PER_FILE = 2

_STRIDE = 7_368_787
"""A prime: as with parallel transfers, the log does not have the files in the order of their names."""

_MAX_EVENTS_PER_PAGE = 10_000
_MAX_BYTES_PER_PAGE = 1024 * 1024
"""The limits of one answer to GetLogEvents."""


@dataclass(frozen=True)
class Workload:
    """A number of files, logged in the form of a task mode: one of FORMS."""

    form: str
    files: int

    @property
    def lines(self) -> int:
        return self.files * LINES_PER_FILE

    @property
    def lines_per_page(self) -> int:
        """The lines that fit if all are as long as the first one, which is of the longer kind."""
        return min(_MAX_EVENTS_PER_PAGE, _MAX_BYTES_PER_PAGE // len(self.line(0).encode()))

    @property
    def pages(self) -> int:
        return -(-self.lines // self.lines_per_page)

    def page(self, start: int) -> Iterator[tuple[int, str]]:
        """Yield time in milliseconds and text of the lines of the page that begins at line `start`."""
        for number in range(start, min(start + self.lines_per_page, self.lines)):
            yield STARTED_S * 1000 + number // 100, self.line(number)

    def line(self, number: int) -> str:
        file = number // LINES_PER_FILE * _STRIDE % self.files
        is_verified = number % LINES_PER_FILE == 1
        if self.form == "BASIC":
            action = "Verified" if is_verified else "Transferred"
            return f"[NOTICE] {action} file /{path(file)}, {size_bytes(file)} bytes"
        return orjson.dumps(_record("VERIFY" if is_verified else "TRANSFER", file)).decode()


def path(file: int) -> str:
    """Return a path that sorts like its number. S3 encodes its blanks and its `=` in a listing."""
    return f"plant={file // 1000:06d}/readings of 2026-01-02/part-{file:09d}.parquet"


def size_bytes(file: int) -> int:
    return 1000 + file % 9000


def etag(file: int) -> str:
    return f'"{file:032x}"'


def queue_url(endpoint_url: str) -> str:
    return f"{endpoint_url}/123456789012/files"


def _record(action: str, file: int) -> dict[str, object]:
    """Return the record that AWS documents for a file that exists at both ends (datasync/latest/userguide)."""
    return {
        "Action": action,
        "Source": _side("loc-0b3017fc4ba4a2d8d", file, {"ETag": etag(file)}, {}),
        "Destination": _side(
            "loc-abcdef01234567890",
            file,
            {"ContentType": "application/octet-stream", "ETag": etag(file)},
            {"file-mtime": "1734968895000"},
        ),
        "TransferType": "CONTENT_AND_METADATA",
    }


def _side(location: str, file: int, system: dict[str, str], user: dict[str, str]) -> dict[str, object]:
    return {
        "LocationId": location,
        "RelativePath": path(file),
        "Metadata": {
            "Type": "Object",
            "ContentSize": size_bytes(file),
            "LastModified": "2024-12-23T16:00:03Z",
            "S3": {"SystemMetadata": system, "UserMetadata": user, "Tags": {}},
        },
    }
