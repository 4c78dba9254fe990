"""Faults on demand: what goes wrong, for whom, and until when."""

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Type = type | tuple[type, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of fault: the parameters it must have and those it may have, with their types."""

    required: Mapping[str, Type] = field(default_factory=dict)
    optional: Mapping[str, Type] = field(default_factory=dict)


HOLDS = ("QUEUED", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING", "CANCELLING")
_NUMBER = (int, float)
_TURNS = {"every": int, "times": int}
KINDS = {
    # Executions, by their ARN.
    "hold": Kind({"status": str}),
    "status": Kind({"instead_of": str, "status": str}),
    "counters": Kind({"add": dict}),
    "report_missing": Kind(),
    # Items of a transfer, by their path.
    "change_source": Kind({"path": str}),
    "vanish_source": Kind({"path": str}),
    "unreadable": Kind({"path": str}),
    # Log lines on their way into the emulator's own logs, by stream.
    "late_lines": Kind({"seconds": _NUMBER}, {"share": _NUMBER}),
    "holes": Kind({"seconds": _NUMBER}, {"share": _NUMBER}),
    "duplicate_lines": Kind({}, {"share": _NUMBER}),
    "lost_lines": Kind({}, {"share": _NUMBER}),
    "reorder_lines": Kind(),
    # Reading the emulator's own logs, by stream.
    "empty_pages": Kind({}, _TURNS),
    "short_pages": Kind({"events": int}),
    "token_expiry": Kind({"seconds": _NUMBER}),
    # Any request, by operation: here the target is a pattern for its name.
    "throttle": Kind({}, _TURNS),
    "server_error": Kind({}, _TURNS),
}


@dataclass(frozen=True)
class Fault:
    """One fault; `target` is a pattern (`*`, `?`) for what it concerns: an execution's ARN, a stream, an operation."""

    name: str
    kind: str
    target: str = "*"
    parameters: dict[str, Any] = field(default_factory=dict)

    def concerns(self, name: str) -> bool:
        """Whether it is meant for what bears this name."""
        return _like(name, self.target)


class Faults:
    """The faults in force; those that wait for a change of them are woken by it."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._asked: Counter[str] = Counter()
        self._names = (f"fault-{number}" for number in itertools.count(1))
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._faults.values()))

    def add(self, given: dict[str, Any]) -> Fault:
        """Puts a fault in force: `kind`, perhaps `target` and `name`, and the kind's parameters.

        A fault of the same name is replaced. Raises ValueError with a sentence for people if it is not well formed.
        """
        parameters = dict(given)
        kind = parameters.pop("kind", None)
        name = str(parameters.pop("name", None) or next(self._names))
        target = str(parameters.pop("target", "*"))
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not a kind of fault; there are {', '.join(sorted(KINDS))}")
        _check(kind, parameters)
        fault = Fault(name, kind, target, parameters)
        self._faults[name] = fault
        self._asked[name] = 0
        self._wake()
        return fault

    def remove(self, name: str) -> bool:
        """Ends a fault; whether there was one."""
        found = self._faults.pop(name, None) is not None
        self._wake()
        return found

    def clear(self) -> None:
        """Ends all faults."""
        self._faults.clear()
        self._wake()

    def of(self, kind: str, name: str) -> list[Fault]:
        """The faults of a kind that concern what bears a name, oldest first."""
        return [fault for fault in self if fault.kind == kind and fault.concerns(name)]

    def strikes(self, kind: str, name: str) -> bool:
        """Whether a fault of a kind strikes now: each time, or with `every` each n-th time, at most `times` times."""
        return any([self._turn(fault) for fault in self.of(kind, name)])  # noqa: C419 - because each one counts

    def hits(self, kind: str, arn: str, path: str) -> bool:
        """Whether a fault of a kind that names paths by a pattern concerns this path."""
        return any(_like(path, fault.parameters["path"]) for fault in self.of(kind, arn))

    def _turn(self, fault: Fault) -> bool:
        every, times = fault.parameters.get("every", 1), fault.parameters.get("times")
        self._asked[fault.name] += 1
        turn, rest = divmod(self._asked[fault.name], every)
        return rest == 0 and (times is None or turn <= times)

    async def released(self, arn: str, status: str) -> None:
        """Returns once no `hold` keeps an execution in a status."""
        while any(fault.parameters["status"] == status for fault in self.of("hold", arn)):
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _like(text: str, pattern: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _check(kind: str, parameters: dict[str, Any]) -> None:
    known = {**KINDS[kind].required, **KINDS[kind].optional}
    missing = sorted(KINDS[kind].required.keys() - parameters.keys())
    if missing:
        raise ValueError(f"{kind} needs {', '.join(missing)}")
    for name, value in parameters.items():
        if name not in known:
            raise ValueError(f"{kind} knows no {name}; it knows {', '.join(sorted(known))}")
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise ValueError(f"{name} of {kind} cannot be {value!r}")  # noqa: TRY004 - because what is not well formed is one error
        if isinstance(value, _NUMBER) and value <= 0:
            raise ValueError(f"{name} of {kind} must be more than 0")
    if kind == "hold" and parameters["status"] not in HOLDS:
        raise ValueError(f"hold knows the statuses {', '.join(HOLDS)}")
