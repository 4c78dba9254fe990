"""State of the emulator: locations, tasks, executions, tags."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.counters import Counters

TERMINAL = frozenset({"SUCCESS", "ERROR"})


@dataclass
class Location:
    """Source or destination of a task; `request` is the create request with DataSync's defaults."""

    arn: str
    kind: str
    uri: str
    request: dict[str, Any]
    created_at: datetime


@dataclass
class Task:
    """A task; `request` is the create request with all options set."""

    arn: str
    request: dict[str, Any]
    created_at: datetime
    schedule_set_at: datetime | None = None

    @property
    def enhanced(self) -> bool:
        """Whether the task runs in Enhanced mode."""
        return bool(self.request["TaskMode"] == "ENHANCED")


@dataclass
class Step:
    """A step of an execution: its status (PENDING, SUCCESS, ERROR), its start and its end."""

    status: str = "PENDING"
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def duration_ms(self) -> int:
        """Duration in milliseconds; 0 before the end."""
        if self.started_at is None or self.ended_at is None:
            return 0
        return int((self.ended_at - self.started_at).total_seconds() * 1000)


def _steps() -> dict[str, Step]:
    return {status: Step() for status in ("PREPARING", "TRANSFERRING", "VERIFYING")}


@dataclass
class Execution:
    """A task execution; `request` holds the effective options, filters, manifest and report configuration."""

    arn: str
    mode: str
    request: dict[str, Any]
    started_at: datetime
    status: str = "QUEUED"
    launched_at: datetime | None = None
    ended_at: datetime | None = None
    steps: dict[str, Step] = field(default_factory=_steps)
    counters: Counters = field(default_factory=Counters)
    error_code: str = ""
    error_detail: str = ""
    report_status: str = ""
    report_error: tuple[str, str] = ("", "")

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.status in TERMINAL

    @property
    def enhanced(self) -> bool:
        """Whether the execution runs in Enhanced mode."""
        return self.mode == "ENHANCED"

    @property
    def options(self) -> dict[str, Any]:
        """The effective options."""
        options: dict[str, Any] = self.request["Options"]
        return options


@dataclass
class State:
    """All resources by ARN, in the order of creation."""

    locations: dict[str, Location] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def executions_of(self, task_arn: str) -> list[Execution]:
        """Return the executions of a task, oldest first."""
        return [each for arn, each in self.executions.items() if arn.startswith(f"{task_arn}/")]
