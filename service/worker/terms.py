"""What a worker goes by: the operator's choices, and clocks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from service.domain.sealing import Policy

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Terms:
    """The operator's choices, the contract's defaults where there is none. Durations are seconds.

    `explicit`: the operator named the tasks, so that one that cannot work is shown.
    """

    policy: Policy = field(default_factory=Policy)
    poll_s: float = 15.0
    lookback_s: float = DAY_S
    retention_s: int = 30 * DAY_S
    lease_s: float = 30.0
    drain_s: float = 20.0
    max_executions: int = 10
    stream_prefix: str = "{task_id}-{execution_id}"
    publish_unchanged: bool = False
    explicit: bool = False


class Clock(NamedTuple):
    """Two clocks: one that only ever goes forward, in seconds, and the time of day, in milliseconds since the epoch."""

    monotonic_s: Callable[[], float]
    now_ms: Callable[[], int]
