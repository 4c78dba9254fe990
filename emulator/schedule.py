"""ScheduleExpression: when a task is started by itself."""

import re
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def next_start(expression: str, after: datetime, begun: datetime) -> datetime:
    """The first time after `after`, in UTC; a rate counts from when the schedule was set, `begun`.

    Takes AWS's two forms, `rate(12 hours)` and `cron(minute hour day month weekday year)`. Raises ValueError for
    anything else.
    """
    rate = _RATE.fullmatch(expression)
    if rate and int(rate[1]):
        period = int(rate[1]) * _UNITS[rate[2]]
        return begun + period * (max(after - begun, timedelta()) // period + 1)
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise ValueError(f"{expression} is neither rate(…) nor cron(… six fields …)")
    minute, hour, day, month, weekday, year = cron.groups()
    days = re.sub(r"(?<!#)\b\d\b", lambda number: str(int(number[0]) - 1), weekday)  # AWS counts from Sunday as 1
    fields = [minute, hour, day, month, days, "0", year]
    try:
        found: datetime = croniter(" ".join(fields).replace("?", "*"), after).get_next(datetime)
    except (CroniterError, ValueError) as error:
        raise ValueError(f"{expression}: {error}") from error
    return found.astimezone(UTC)
