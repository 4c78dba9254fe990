"""Announce transitions: publish what the outbox holds, and only then take it out.

A worker that crashes in between publishes once more what it had published: at least once.
"""

from collections.abc import Sequence

from service.domain.errors import Rejected, Trouble
from service.domain.notifications import notification
from service.domain.reports import Notified, Report, Setback, Tick
from service.ports import Outbox, Topic
from service.worker.lease import SWEEP, Keeper
from service.worker.terms import Clock, Terms

PER_TICK = 25
"""A tick of so many calls is not late even when each is slow."""

REFUSED_FOR_S = 3600.0
"""For so long, what was refused for good is passed over. Meanwhile the topic may have been mended."""


class Notifier:
    """Announces for all workers while this one holds the sweep's lease. Two at once would publish twice, no worse."""

    def __init__(self, outbox: Outbox, topic: Topic, keeper: Keeper, terms: Terms, clock: Clock) -> None:
        self._outbox = outbox
        self._topic = topic
        self._keeper = keeper
        self._poll_s = terms.poll_s
        self._clock_s = clock.monotonic_s
        self._passed = ""
        self._refused_at_s: dict[str, float] = {}

    async def tick(self) -> Tick:
        """Announce the next few. A topic that is away ends the tick; the next one begins with the oldest again."""
        if SWEEP not in self._keeper.held:
            return Tick((), self._poll_s)
        pending = await self._outbox.pending(after=self._passed, limit=PER_TICK)
        self._passed = pending[-1] if len(pending) == PER_TICK else ""
        reports: list[Report] = []
        try:
            for announcement in pending:
                reports += await self._announce(announcement)
        except Trouble as trouble:
            self._passed = ""
            return Tick(reports, trouble=trouble)
        return Tick(reports, 0.0 if self._passed else self._poll_s)

    async def _announce(self, announcement: str) -> Sequence[Report]:
        """Announce one transition. What is refused for good is passed over, and stays until it expires."""
        if self._clock_s() - self._refused_at_s.get(announcement, float("-inf")) < REFUSED_FOR_S:
            return ()
        try:
            execution = await self._outbox.get(announcement)
            if execution is None:
                return ()
            await self._topic.publish(notification(announcement, execution))
        except Rejected as refusal:
            self._refused_at_s[announcement] = self._clock_s()
            return [Setback("notify", "rejected", f"{announcement}: {refusal}", self._poll_s, refusal)]
        await self._outbox.done(announcement)
        return [Notified(execution.name, execution.phase, execution.reason)]
