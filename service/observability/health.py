"""Whether the process is alive and whether it can work: two questions that an orchestrator acts on differently."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from service.domain.errors import Trouble
from service.domain.reports import Health
from service.ports import Readiness

CHECK_TIMEOUT_S = 5.0
KEPT_S = 1.0


class Finding(NamedTuple):
    """What one check found, in a few words."""

    ok: bool
    detail: str


def liveness(health: Health, now_s: float) -> dict[str, Finding]:
    """Say of each loop whether it made a round lately. `now_s` is on the loops' own clock."""
    late = health.late(now_s)
    return {
        loop: Finding(loop not in late, f"{'late: ' if loop in late else ''}last round {now_s - at_s:.0f} s ago")
        for loop, (at_s, _) in health.rounds.items()
    }


class ReadinessProbe:
    """Asks whatever must answer before the worker can work; what it heard is good for a second."""

    def __init__(self, checks: Mapping[str, Readiness], swept: Callable[[], bool]) -> None:
        self._checks = checks
        self._swept = swept
        self._asking = asyncio.Lock()
        self._asked_at_s = float("-inf")
        self._answers: dict[str, Finding] = {}

    async def findings(self) -> dict[str, Finding]:
        """Return what each check says, after at most `CHECK_TIMEOUT_S`, and whether the first sweep is done."""
        async with self._asking:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._asked_at_s >= KEPT_S:
                async with asyncio.TaskGroup() as asking:
                    asked = {name: asking.create_task(_ask(check)) for name, check in self._checks.items()}
                self._answers = {name: task.result() for name, task in asked.items()}
                self._asked_at_s = asyncio.get_running_loop().time()
        swept = Finding(ok=True, detail="done") if self._swept() else Finding(ok=False, detail="not done yet")
        return {**self._answers, "first_sweep": swept}


async def _ask(check: Readiness) -> Finding:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return Finding(ok=True, detail=await check.check())
    except TimeoutError:
        return Finding(ok=False, detail=f"no answer within {CHECK_TIMEOUT_S:.0f} s")
    except Trouble as trouble:
        return Finding(ok=False, detail=trouble.detail)
