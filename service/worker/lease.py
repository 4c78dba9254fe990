"""What this worker has claimed, and how it notices that others have stopped.

A lease has expired when its counters have not moved for `lease_s` on the watching worker's own monotonic clock: no two
clocks are ever compared. An owner that could not renew stops acting before anyone may take over.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from service.domain.errors import Conflict, Trouble
from service.domain.records import Lease
from service.domain.reports import LeaseLost, Tick
from service.ports import Leases
from service.worker.together import together

SAFE_SHARE = 0.75
"""The part of a lease in which its owner may act: the rest is for requests that are still under way."""

RENEWALS_PER_LEASE = 3

SWEEP = "sweep"
"""The lease of the one worker that looks for new executions; all others are named by an execution's id."""


@dataclass(slots=True)
class Watch:
    """Since when each lease of somebody else has not moved."""

    lease_s: float
    seen: dict[str, tuple[Lease, float]] = field(default_factory=dict)

    def is_free(self, lease: Lease, now_s: float) -> bool:
        """Whether the lease may be taken now, after having been seen like this."""
        if lease.owner is None:
            return True
        before, since_s = self.seen.get(lease.name, (None, now_s))
        if before != lease:
            since_s = now_s
        self.seen[lease.name] = (lease, since_s)
        return now_s - since_s >= self.lease_s

    def forget(self, names: set[str]) -> None:
        """Forget the leases of all executions but these."""
        self.seen = {name: seen for name, seen in self.seen.items() if name in names or name == SWEEP}


@dataclass(slots=True)
class _Held:
    lease: Lease
    good_until_s: float


class Keeper:
    """The leases that this worker holds.

    `clock_s` is monotonic. `owner` is unique to this process, also after a restart on the same host.
    """

    def __init__(self, leases: Leases, *, owner: str, lease_s: float, clock_s: Callable[[], float]) -> None:
        self._leases = leases
        self._owner = owner
        self._lease_s = lease_s
        self._clock_s = clock_s
        self._held: dict[str, _Held] = {}

    @property
    def held(self) -> frozenset[str]:
        """Names of the leases that are this worker's, as far as it knows."""
        return frozenset(self._held)

    async def claim(self, seen: Lease) -> bool:
        """Take a lease that stands as it was seen. False when somebody was faster."""
        asked_s = self._clock_s()
        try:
            lease = await self._leases.take(seen, self._owner)
        except Conflict:
            return False
        self._held[lease.name] = _Held(lease, asked_s + self._lease_s * SAFE_SHARE)
        return True

    def lease(self, name: str) -> Lease:
        """The lease, for a write that depends on it. Raises Conflict once it is lost or may soon be somebody else's."""
        held = self._held.get(name)
        if held is None:
            raise Conflict("lease", f"{name} is not held")
        if self._clock_s() >= held.good_until_s:
            raise Conflict("lease", f"{name} could not be renewed in time")
        return held.lease

    async def tick(self) -> Tick:
        """Renew all leases. What somebody else has taken is given up and reported."""
        ended = await together(self._renew(name) for name in list(self._held))
        lost = [LeaseLost(name) for name, trouble in ended if isinstance(trouble, Conflict)]
        troubles = [trouble for _, trouble in ended if trouble and not isinstance(trouble, Conflict)]
        return Tick(lost, self._lease_s / RENEWALS_PER_LEASE, trouble=next(iter(troubles), None))

    async def _renew(self, name: str) -> tuple[str, Trouble | None]:
        """Renew one lease. A trouble is returned, so that it does not hide what became of the others."""
        held, asked_s = self._held[name], self._clock_s()
        try:
            lease = await self._leases.renew(held.lease)
        except Conflict as conflict:
            if self._held.get(name) is held:
                del self._held[name]
            return name, conflict
        except Trouble as trouble:
            return name, trouble
        if self._held.get(name) is held:  # It may have been given back meanwhile, and claimed anew.
            self._held[name] = _Held(lease, asked_s + self._lease_s * SAFE_SHARE)
        return name, None

    async def release(self, name: str) -> None:
        """Give a lease back, so that anyone may take it at once. One that cannot be given back expires by itself."""
        held = self._held.pop(name, None)
        if held is not None:
            with contextlib.suppress(Trouble):
                await self._leases.release(held.lease)

    async def release_all(self) -> None:
        """Give all back."""
        await together(self.release(name) for name in list(self._held))
