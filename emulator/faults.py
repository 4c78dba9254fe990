"""Faults on demand: what goes wrong, for whom, and until when."""

import asyncio
import fnmatch
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of fault: the parameters it must have and those it may have, with their types."""

    required: dict[str, type] = field(default_factory=dict)
    optional: dict[str, type] = field(default_factory=dict)


KINDS = {
    "hold": Kind({"status": str}),
    "change_source": Kind({"path": str}),
    "vanish_source": Kind({"path": str}),
    "unreadable": Kind({"path": str}),
}


@dataclass(frozen=True)
class Fault:
    """One fault; `target` is a pattern (`*`, `?`) that the ARN of a task or an execution must match."""

    name: str
    kind: str
    target: str = "*"
    parameters: dict[str, Any] = field(default_factory=dict)

    def concerns(self, arn: str) -> bool:
        """Whether it is meant for a resource."""
        return fnmatch.fnmatchcase(arn, self.target)


class Faults:
    """The faults in force; those that wait for a change of them are woken by it."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
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

    def of(self, kind: str, arn: str) -> list[Fault]:
        """The faults of a kind that concern a resource, oldest first."""
        return [fault for fault in self if fault.kind == kind and fault.concerns(arn)]

    def hits(self, kind: str, arn: str, path: str) -> bool:
        """Whether a fault of a kind that names paths by a pattern concerns this path."""
        return any(fnmatch.fnmatchcase(path, fault.parameters["path"]) for fault in self.of(kind, arn))

    async def released(self, arn: str, status: str) -> None:
        """Returns once no `hold` keeps an execution in a status."""
        while any(fault.parameters["status"] == status for fault in self.of("hold", arn)):
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _check(kind: str, parameters: dict[str, Any]) -> None:
    known = KINDS[kind].required | KINDS[kind].optional
    missing = sorted(KINDS[kind].required.keys() - parameters.keys())
    if missing:
        raise ValueError(f"{kind} needs {', '.join(missing)}")
    for name, value in parameters.items():
        if name not in known:
            raise ValueError(f"{kind} knows no {name}; it knows {', '.join(sorted(known))}")
        if not isinstance(value, known[name]) or (known[name] is not bool and isinstance(value, bool)):
            raise ValueError(f"{name} of {kind} must be of type {known[name].__name__}")
