"""Faults on demand: their kinds, their targets and their duration."""

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TypeSpec = type | tuple[type, ...]


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: its required and its optional parameters, with their types."""

    required: Mapping[str, TypeSpec] = field(default_factory=dict)
    optional: Mapping[str, TypeSpec] = field(default_factory=dict)


HOLDABLE_STATUSES = ("QUEUED", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING", "CANCELLING")
_NUMBER = (int, float)
_REPETITION = {"every": int, "times": int}
KINDS = {
    # On executions; the target is an ARN.
    "hold": FaultKind({"status": str}),
    "status": FaultKind({"instead_of": str, "status": str}),
    "counters": FaultKind({"add": dict}),
    "report_missing": FaultKind(),
    # On the items of a transfer; the target is an execution's ARN.
    "change_source": FaultKind({"path": str}),
    "vanish_source": FaultKind({"path": str}),
    "unreadable": FaultKind({"path": str}),
    # On incoming lines of the emulator's own logs; the target is a log stream.
    "late_lines": FaultKind({"seconds": _NUMBER}, {"share": _NUMBER}),
    "holes": FaultKind({"seconds": _NUMBER}, {"share": _NUMBER}),
    "duplicate_lines": FaultKind({}, {"share": _NUMBER}),
    "lost_lines": FaultKind({}, {"share": _NUMBER}),
    "reorder_lines": FaultKind(),
    # On reads of the emulator's own logs; the target is a log stream.
    "empty_pages": FaultKind({}, _REPETITION),
    "short_pages": FaultKind({"events": int}),
    "token_expiry": FaultKind({"seconds": _NUMBER}),
    # On any request; the target is an operation.
    "throttle": FaultKind({}, _REPETITION),
    "server_error": FaultKind({}, _REPETITION),
}


@dataclass(frozen=True)
class Fault:
    """One fault; `target` is a pattern (`*`, `?`) for an execution's ARN, a log stream or an operation."""

    name: str
    kind: str
    target: str = "*"
    parameters: dict[str, Any] = field(default_factory=dict)

    def matches(self, name: str) -> bool:
        """Return whether the target matches this name."""
        return _matches_pattern(name, self.target)


class Faults:
    """The active faults. Every change wakes the executions that a `hold` keeps waiting."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._checks: Counter[str] = Counter()
        self._names = (f"fault-{number}" for number in itertools.count(1))
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._faults.values()))

    def add(self, definition: dict[str, Any]) -> Fault:
        """Activate a fault: `kind`, the kind's parameters, and optionally `target` and `name`.

        Replaces a fault of the same name. Raises ValueError, with a sentence for the user, if the fault is invalid.
        """
        parameters = dict(definition)
        kind = parameters.pop("kind", None)
        name = str(parameters.pop("name", None) or next(self._names))
        target = str(parameters.pop("target", "*"))
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not a kind of fault; the kinds are {', '.join(sorted(KINDS))}")
        _check(kind, parameters)
        fault = Fault(name, kind, target, parameters)
        self._faults[name] = fault
        self._checks[name] = 0
        self._notify_waiters()
        return fault

    def remove(self, name: str) -> bool:
        """End a fault; return whether it existed."""
        found = self._faults.pop(name, None) is not None
        self._notify_waiters()
        return found

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()
        self._notify_waiters()

    def matching(self, kind: str, name: str) -> list[Fault]:
        """Return the active faults of a kind whose target matches the name, oldest first."""
        return [fault for fault in self if fault.kind == kind and fault.matches(name)]

    def triggers(self, kind: str, name: str) -> bool:
        """Return whether a fault applies to this call: every time, or every n-th time, at most `times` times."""
        return any([self._is_due(fault) for fault in self.matching(kind, name)])  # noqa: C419  (a generator would stop at the first; each must count the call)

    def matches_path(self, kind: str, arn: str, path: str) -> bool:
        """Return whether a fault with a `path` pattern applies to this path."""
        return any(_matches_pattern(path, fault.parameters["path"]) for fault in self.matching(kind, arn))

    def _is_due(self, fault: Fault) -> bool:
        every, times = fault.parameters.get("every", 1), fault.parameters.get("times")
        self._checks[fault.name] += 1
        occurrence, remainder = divmod(self._checks[fault.name], every)
        return remainder == 0 and (times is None or occurrence <= times)

    async def wait_until_released(self, arn: str, status: str) -> None:
        """Return once no `hold` keeps the execution in this status."""
        while any(fault.parameters["status"] == status for fault in self.matching("hold", arn)):
            await self._changed.wait()

    def _notify_waiters(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _matches_pattern(text: str, pattern: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _check(kind: str, parameters: dict[str, Any]) -> None:
    known = {**KINDS[kind].required, **KINDS[kind].optional}
    missing = sorted(KINDS[kind].required.keys() - parameters.keys())
    if missing:
        raise ValueError(f"{kind} needs {', '.join(missing)}")
    for name, value in parameters.items():
        if name not in known:
            raise ValueError(f"{kind} does not have the parameter {name}; it has {', '.join(sorted(known))}")
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise ValueError(f"{name} of {kind} cannot be {value!r}")  # noqa: TRY004  (any invalid fault is a ValueError)
        if isinstance(value, _NUMBER) and value <= 0:
            raise ValueError(f"{name} of {kind} must be more than 0")
    if kind == "hold" and parameters["status"] not in HOLDABLE_STATUSES:
        raise ValueError(f"status of hold must be one of {', '.join(HOLDABLE_STATUSES)}")
