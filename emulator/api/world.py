"""What the operations act on."""

from dataclasses import dataclass
from typing import Protocol

from botocore.model import ServiceModel

from emulator.arns import Account
from emulator.faults import Faults
from emulator.state import Execution, State, Task


class Runs(Protocol):
    """What carries executions out."""

    def start(self, execution: Execution, task: Task) -> None:
        """Takes it into the task's queue; returns at once."""

    def cancel(self, execution: Execution) -> None:
        """Begins to end it; returns at once."""


@dataclass(frozen=True)
class World:
    """An account in a Region, its resources, and what runs its executions."""

    account: Account
    state: State
    runs: Runs
    model: ServiceModel
    faults: Faults

    def members_described(self, operation: str) -> frozenset[str]:
        """The names of an operation's output members."""
        shape = self.model.operation_model(operation).output_shape
        return frozenset(shape.members) if shape else frozenset()
