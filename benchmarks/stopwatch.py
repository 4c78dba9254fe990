"""What a stretch of the measured process takes."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds by the name of a phase: of the clock, and of CPU in user and system mode in all threads."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        yield
        self.cpu_s[name] = time.process_time() - cpu_s
        self.wall_s[name] = time.perf_counter() - wall_s


def peak_bytes() -> int:
    """The most memory that this process has had. Its parent must be smaller: Linux hands that peak down."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
