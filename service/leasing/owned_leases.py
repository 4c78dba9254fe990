"""The leases that this worker owns, and how it detects that another worker has stopped.

A lease has expired when its heartbeat has not changed for `lease_s` on the observing worker's own monotonic clock; no
two clocks are compared. An owner that could not renew stops acting before another worker may take over.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from service.concurrency import run_all
from service.domain.errors import AwsCallError, ConflictError
from service.domain.observations import LeaseLost, Observe
from service.domain.port_types import Lease
from service.ports import LeaseStore

SAFE_FRACTION = 0.75
"""The part of a lease in which its owner may act. The rest is for requests that are still under way."""

RENEWALS_PER_LEASE = 3

DISCOVERY_LEASE = "discovery"
"""The lease of the one worker that discovers executions. Every other lease is named by an execution's id."""


@dataclass(slots=True)
class LeaseExpiryWatch:
    """The time since which each lease of another worker has not changed."""

    lease_s: float
    seen: dict[str, tuple[Lease, float]] = field(default_factory=dict)

    def may_acquire(self, lease: Lease, now_s: float) -> bool:
        """Return whether the lease, which was just read, is free or has expired."""
        if lease.owner is None:
            return True
        before, since_s = self.seen.get(lease.name, (None, now_s))
        if before != lease:
            since_s = now_s
        self.seen[lease.name] = (lease, since_s)
        return now_s - since_s >= self.lease_s

    def retain_only(self, execution_ids: set[str]) -> None:
        """Forget the leases of all other executions."""
        kept = execution_ids | {DISCOVERY_LEASE}
        self.seen = {name: seen for name, seen in self.seen.items() if name in kept}


@dataclass(slots=True)
class _OwnedLease:
    lease: Lease
    safe_until_s: float


class OwnedLeases:
    """The leases of this worker.

    `clock_s` is monotonic. `owner` is unique to this process, also after a restart on the same host.
    """

    def __init__(
        self, leases: LeaseStore, *, owner: str, lease_s: float, clock_s: Callable[[], float], observe: Observe
    ) -> None:
        self._leases = leases
        self._owner = owner
        self._lease_s = lease_s
        self._clock_s = clock_s
        self._observe = observe
        self._watch = LeaseExpiryWatch(lease_s)
        self._owned: dict[str, _OwnedLease] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of the leases that this worker owns, as far as it knows."""
        return frozenset(self._owned)

    @property
    def owns_discovery(self) -> bool:
        """Whether this worker is the one that discovers executions."""
        return DISCOVERY_LEASE in self._owned

    @property
    def execution_ids(self) -> frozenset[str]:
        """The ids of the executions that this worker has claimed."""
        return self.names - {DISCOVERY_LEASE}

    @property
    def renewal_interval_s(self) -> float:
        """The longest pause between two renewals."""
        return self._lease_s / RENEWALS_PER_LEASE

    def may_acquire(self, lease: Lease) -> bool:
        """Return whether the lease, which was just read, is free or has expired."""
        return self._watch.may_acquire(lease, self._clock_s())

    def watch_only(self, execution_ids: set[str]) -> None:
        """Forget what was observed of the leases of all other executions."""
        self._watch.retain_only(execution_ids)

    async def acquire_discovery(self) -> bool:
        """Return whether this worker owns the discovery lease, after acquiring it if it is free."""
        if self.owns_discovery:
            return True
        lease = await self._leases.read(DISCOVERY_LEASE)
        return self.may_acquire(lease) and await self.acquire(lease)

    async def acquire(self, expected: Lease) -> bool:
        """Acquire a lease that still is as expected. Return False if another worker was first."""
        asked_s = self._clock_s()
        try:
            lease = await self._leases.acquire(expected, self._owner)
        except ConflictError:
            return False
        self._owned[lease.name] = _OwnedLease(lease, asked_s + self._lease_s * SAFE_FRACTION)
        return True

    def require(self, name: str) -> Lease:
        """Return the lease for a write that depends on it. Raise ConflictError if another worker has it or may soon."""
        owned = self._owned.get(name)
        if owned is None:
            raise ConflictError("dynamodb.UpdateItem", f"this worker does not own the lease {name}")
        if self._clock_s() >= owned.safe_until_s:
            raise ConflictError("dynamodb.UpdateItem", f"the lease {name} could not be renewed in time")
        return owned.lease

    async def renew_all(self) -> float:
        """Renew all leases and return the pause. Drop and report those that another worker has acquired.

        Raise the error of another lease that could not be renewed.
        """
        results = await run_all(self._renew(owned) for owned in list(self._owned.values()))
        errors = [error for error in results if error is not None]
        if errors:
            raise errors[0]
        return self.renewal_interval_s

    async def _renew(self, owned: _OwnedLease) -> AwsCallError | None:
        """Renew one lease and return its error, so that it does not decide about the others.

        This worker may release the lease during the renewal, and acquire it again. Then the answer changes nothing.
        """
        name, asked_s = owned.lease.name, self._clock_s()
        try:
            lease = await self._leases.renew(owned.lease)
        except ConflictError:
            if self._owned.get(name) is owned:
                del self._owned[name]
                self._observe(LeaseLost(name))
            return None
        except AwsCallError as error:
            return error
        if self._owned.get(name) is owned:
            self._owned[name] = _OwnedLease(lease, asked_s + self._lease_s * SAFE_FRACTION)
        return None

    async def release(self, name: str) -> None:
        """Release a lease, so that any worker may acquire it at once. If that fails, it expires."""
        owned = self._owned.pop(name, None)
        if owned is not None:
            with contextlib.suppress(AwsCallError):
                await self._leases.release(owned.lease)

    async def release_all(self) -> None:
        """Release all leases."""
        await run_all(self.release(name) for name in list(self._owned))
