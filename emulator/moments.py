"""The time."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present in UTC, in whole milliseconds: as fine as both protocols carry it."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)
