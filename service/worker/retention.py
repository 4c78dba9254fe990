"""Say in time that carried files are about to be lost: no SUCCESS has come for them, and facts do not stay."""

import contextlib

from service.domain.errors import Conflict
from service.domain.phases import Event, Phase, Reason
from service.domain.reports import Report
from service.ports import Ports
from service.worker.seal import moved
from service.worker.terms import Clock, Terms

LOOK_S = 3600.0

LAST_SHARE = 10
"""An execution is marked when one part in ten of its retention is left: three days of thirty."""


class Retention:
    """Looks at the carried executions once an hour."""

    def __init__(self, ports: Ports, terms: Terms, clock: Clock) -> None:
        self._ports = ports
        self._last_s = terms.retention_s // LAST_SHARE
        self._clock_s = clock.monotonic_s
        self._now_ms = clock.now_ms
        self._looked_at_s = float("-inf")

    async def look(self) -> list[Report]:
        """Give those that expire soon their reason. They stay carried: a SUCCESS that still comes takes them along."""
        if self._clock_s() - self._looked_at_s < LOOK_S:
            return []
        reports: list[Report] = []
        for name in await self._ports.overview.in_phase(Phase.CARRIED):
            carried = await self._ports.executions.get(name)
            if carried is None or carried.phase is not Phase.CARRIED or carried.reason is Reason.EXPIRING:
                continue
            if carried.expires_at_s - self._now_ms() / 1000 < self._last_s:
                marked = carried.on(Event.EXPIRES, Reason.EXPIRING)
                with contextlib.suppress(Conflict):  # Taken along at this very moment, which is as good.
                    await self._ports.executions.move(marked, Phase.CARRIED)
                    reports.append(moved(carried, marked))
        self._looked_at_s = self._clock_s()
        return reports
