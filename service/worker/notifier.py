"""The loop that publishes notifications of transitions: publish what the outbox holds, and only then delete it.

A worker that crashes in between publishes a notification twice: at least once.
"""

from service.domain.errors import AwsCallError, RequestRejectedError
from service.domain.notifications import notification
from service.domain.observations import NotificationSent, Observe, TickFailed
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock, Outbox, Topic

LOOP = "notify"

MAX_PER_TICK = 25
"""The most notifications of one tick, so that it is not late even if each call is slow."""

REJECTED_RETRY_S = 3600.0
"""Time for which a rejected notification is skipped. A person may repair the topic in the meantime."""


class Notifier:
    """The notifier, which publishes for all workers while this one owns the discovery lease.

    Two at once would publish twice.
    """

    def __init__(
        self,
        outbox: Outbox,
        topic: Topic,
        leases: OwnedLeases,
        clock: Clock,
        observe: Observe,
        *,
        poll_interval_s: float,
    ) -> None:
        self._outbox = outbox
        self._topic = topic
        self._leases = leases
        self._clock_s = clock.monotonic_s
        self._observe = observe
        self._poll_interval_s = poll_interval_s
        self._last_seen_id = ""
        self._rejected_at_s: dict[str, float] = {}

    async def tick(self) -> float:
        """Publish the next few. After an error the next tick starts with the oldest again."""
        if not self._leases.owns_discovery:
            return self._poll_interval_s
        pending = await self._outbox.pending(after=self._last_seen_id, limit=MAX_PER_TICK)
        self._last_seen_id = pending[-1] if len(pending) == MAX_PER_TICK else ""
        try:
            for outbox_id in pending:
                await self._publish_one(outbox_id)
        except AwsCallError:
            self._last_seen_id = ""
            raise
        return 0.0 if self._last_seen_id else self._poll_interval_s

    async def _publish_one(self, outbox_id: str) -> None:
        """Publish one notification. A rejected one is skipped, and stays until it expires."""
        if self._clock_s() - self._rejected_at_s.get(outbox_id, float("-inf")) < REJECTED_RETRY_S:
            return
        try:
            execution = await self._outbox.get(outbox_id)
            if execution is None:
                return
            await self._topic.publish(notification(outbox_id, execution))
        except RequestRejectedError as error:
            self._rejected_at_s[outbox_id] = self._clock_s()
            self._observe(TickFailed(LOOP, error.kind, f"{outbox_id}: {error}", self._poll_interval_s, error))
            return
        await self._outbox.delete(outbox_id)
        self._observe(NotificationSent(execution.ids, execution.phase, execution.reason))
