"""The time and memory that a process uses."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds by phase: wall-clock time, and CPU time in user and system mode of all threads."""

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
    """Return the peak memory of this process. Its parent must have used less: on Linux a child inherits the peak."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
