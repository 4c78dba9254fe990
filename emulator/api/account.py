"""The account on which DataSync's operations act."""

from dataclasses import dataclass
from typing import Protocol

from botocore.model import ServiceModel

from emulator.arns import ArnFactory
from emulator.faults import Faults
from emulator.state import Execution, State, Task


class ExecutionQueue(Protocol):
    """Queue of executions; runs one execution of each task at a time."""

    def start(self, execution: Execution, task: Task) -> None:
        """Add the execution to its task's queue; return at once."""

    def cancel(self, execution: Execution) -> None:
        """Begin to cancel the execution; return at once."""


@dataclass(frozen=True)
class Account:
    """An account in a Region: its ARNs, resources, execution queue, service model and faults."""

    arns: ArnFactory
    state: State
    queue: ExecutionQueue
    model: ServiceModel
    faults: Faults

    def output_members(self, operation: str) -> frozenset[str]:
        """Return the names of an operation's output members."""
        shape = self.model.operation_model(operation).output_shape
        return frozenset(shape.members) if shape else frozenset()
