"""The loop that wakes the other loops when a wake-up arrives."""

from service.ports import WakeUps
from service.worker.loop import WakeSignal

MIN_INTERVAL_S = 2.0
"""Shortest time between two signals. DataSync often sends several events within a second.

It also limits the calls to a queue that answers at once with nothing.
"""


class Waker:
    """A waker, which wakes the loops once for all wake-ups that arrive together, and a second time after a pause.

    The second signal is for what the first one has started (an execution that one loop registers is claimed by
    another), and for what DataSync or the table's index did not show yet.
    """

    def __init__(self, wake_ups: WakeUps, wake_signal: WakeSignal) -> None:
        self._wake_ups = wake_ups
        self._wake_signal = wake_signal
        self._second_is_due = False

    async def tick(self) -> float:
        """Wait for wake-ups and signal, or signal the second time."""
        if self._second_is_due or await self._wake_ups.wait():
            self._wake_signal.notify_all()
            self._second_is_due = not self._second_is_due
        return MIN_INTERVAL_S
