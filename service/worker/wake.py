"""Look at once when there is word from outside, and not only when the next look is due."""

from service.domain.reports import Tick
from service.ports import WakeUps
from service.worker.loop import Bell

REST_S = 2.0
"""Between two rounds: DataSync tells each state of an execution, and often several within a second.

It is also what keeps a queue that answers at once, with nothing, from being asked without end.
"""


class Waker:
    """Rings when wake-ups have come: once for any number of them, and once more after a rest.

    The second look takes up what the first one has begun (one loop registers a new execution, another one claims it),
    and sees what DataSync or the table's index did not show yet.
    """

    def __init__(self, wake_ups: WakeUps, bell: Bell) -> None:
        self._wake_ups = wake_ups
        self._bell = bell
        self._once_more = False

    async def tick(self) -> Tick:
        """Wait for wake-ups and ring, or ring once more."""
        if self._once_more or await self._wake_ups.wait():
            self._bell.ring()
            self._once_more = not self._once_more
        return Tick((), REST_S)
