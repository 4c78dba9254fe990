"""The liveness of a worker's loops, read by `/healthz` and `/readyz`."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class LoopHealth:
    """The last tick of each loop on the loops' own clock, and how long the next one may take.

    `succeeded` are the names of the loops of which a tick has succeeded.
    """

    last_ticks: dict[str, tuple[float, float]] = field(default_factory=dict)
    succeeded: set[str] = field(default_factory=set)

    def report(self, key: str, now_s: float, allowed_s: float) -> None:
        """Record that a loop is alive, and the time that it may take until it reports again."""
        self.last_ticks[key] = (now_s, allowed_s)

    def forget(self, key: str) -> None:
        """Forget a loop that has ended."""
        self.last_ticks.pop(key, None)

    def late_loops(self, now_s: float) -> list[str]:
        """Return the loops that should have reported already."""
        return [key for key, (at_s, allowed_s) in self.last_ticks.items() if now_s - at_s > allowed_s]
