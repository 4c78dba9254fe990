"""Filters of ListTasks and ListLocations."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from emulator.errors import invalid_request

_TESTS: dict[str, Callable[[str, list[str]], bool]] = {
    "Equals": lambda value, expected: value == expected[0],
    "NotEquals": lambda value, expected: value != expected[0],
    "In": lambda value, expected: value in expected,
    "Contains": lambda value, expected: expected[0] in value,
    "NotContains": lambda value, expected: expected[0] not in value,
    "BeginsWith": lambda value, expected: value.startswith(expected[0]),
    "LessThan": lambda value, expected: value < expected[0],
    "LessThanOrEqual": lambda value, expected: value <= expected[0],
    "GreaterThan": lambda value, expected: value > expected[0],
    "GreaterThanOrEqual": lambda value, expected: value >= expected[0],
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


def _passes(list_filter: dict[str, Any], values: list[str]) -> bool:
    expected = list_filter["Values"]
    if not expected:
        raise invalid_request(f"Filter {list_filter['Name']} has no values")
    test = _TESTS[list_filter["Operator"]]
    return any(test(value, expected) for value in values)
