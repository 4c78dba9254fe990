"""Liveness and readiness: whether the process runs, and whether it can work."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from service.domain.errors import AwsCallError
from service.ports import Readiness
from service.telemetry.loop_health import LoopHealth

CHECK_TIMEOUT_S = 5.0
CACHED_S = 1.0


class CheckResult(NamedTuple):
    """The result of one check, in a few words."""

    ok: bool
    detail: str


def liveness(health: LoopHealth, now_s: float) -> dict[str, CheckResult]:
    """Return for each loop whether it has ticked recently. `now_s` is on the loops' own clock."""
    late = health.late_loops(now_s)
    return {
        key: CheckResult(key not in late, f"{'late: ' if key in late else ''}last tick {now_s - at_s:.0f} s ago")
        for key, (at_s, _) in health.last_ticks.items()
    }


class ReadinessProbe:
    """The check of all that must answer before the worker can work. Results are cached for a second."""

    def __init__(self, checks: Mapping[str, Readiness], has_discovered: Callable[[], bool]) -> None:
        self._checks = checks
        self._has_discovered = has_discovered
        self._checking = asyncio.Lock()
        self._checked_at_s = float("-inf")
        self._results: dict[str, CheckResult] = {}

    async def check(self) -> dict[str, CheckResult]:
        """Return the result of each check, after at most `CHECK_TIMEOUT_S`, and whether the first discovery is done."""
        async with self._checking:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._checked_at_s >= CACHED_S:
                async with asyncio.TaskGroup() as checking:
                    tasks = {name: checking.create_task(_run(check)) for name, check in self._checks.items()}
                self._results = {name: task.result() for name, task in tasks.items()}
                self._checked_at_s = asyncio.get_running_loop().time()
        done = self._has_discovered()
        return {**self._results, "first_discovery": CheckResult(ok=done, detail="done" if done else "not done yet")}


async def _run(check: Readiness) -> CheckResult:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return CheckResult(ok=True, detail=await check.check())
    except TimeoutError:
        return CheckResult(ok=False, detail=f"no answer within {CHECK_TIMEOUT_S:.0f} s")
    except AwsCallError as error:
        return CheckResult(ok=False, detail=error.detail)
