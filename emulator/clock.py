"""The current time."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC, in whole milliseconds: the precision that both protocols carry."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)
