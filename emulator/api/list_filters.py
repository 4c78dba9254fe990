"""Filters of ListTasks and ListLocations."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from emulator.errors import invalid_request

_TESTS: dict[str, Callable[[str, list[str]], bool]] = {
    "Equals": lambda value, wanted: value == wanted[0],
    "NotEquals": lambda value, wanted: value != wanted[0],
    "In": lambda value, wanted: value in wanted,
    "Contains": lambda value, wanted: wanted[0] in value,
    "NotContains": lambda value, wanted: wanted[0] not in value,
    "BeginsWith": lambda value, wanted: value.startswith(wanted[0]),
    "LessThan": lambda value, wanted: value < wanted[0],
    "LessThanOrEqual": lambda value, wanted: value <= wanted[0],
    "GreaterThan": lambda value, wanted: value > wanted[0],
    "GreaterThanOrEqual": lambda value, wanted: value >= wanted[0],
}


def passes_filters(filters: list[dict[str, Any]], attributes: dict[str, list[str]]) -> bool:
    """Return whether a resource passes all filters.

    `attributes` holds the resource's values by filter name. An attribute with several values (a task has two locations)
    passes if one of them does. Raises ApiError for a filter without values.
    """
    return all(_passes(each, attributes[each["Name"]]) for each in filters)


def filter_time(at: datetime) -> str:
    """Format a creation time as filters compare it: ISO 8601 in UTC, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def _passes(one: dict[str, Any], values: list[str]) -> bool:
    wanted = one["Values"]
    if not wanted:
        raise invalid_request(f"Filter {one['Name']} has no values")
    test = _TESTS[one["Operator"]]
    return any(test(value, wanted) for value in values)
