"""The loop that repeats ticks until a stop, with longer pauses after failures in a row."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from service.concurrency import cancel_all
from service.domain.observations import Observe, tick_failed
from service.telemetry.loop_health import LoopHealth

MIN_PAUSE_S = 1.0
MAX_PAUSE_S = 60.0

STALLED_AFTER_S = 180.0
"""Time that a tick may take: a call that gets no answer is tried four times, for half a minute each."""

TickFunction = Callable[[], Awaitable[float | None]]
"""A function that does one tick and returns the pause before the next one in seconds; None after the last tick."""


class WakeSignal:
    """A signal that wakes all loops. Call `next()` before the work, so that a signal during the work is not lost."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Return the event that the next `notify_all` sets."""
        return self._next

    def notify_all(self) -> None:
        """Wake all loops that pause, once."""
        self._next.set()
        self._next = asyncio.Event()


@dataclass(frozen=True, slots=True)
class LoopContext:
    """The context of a loop: stop event, observer, health, random source, wake signal."""

    stop: asyncio.Event
    observe: Observe
    health: LoopHealth
    random: Random
    wake_signal: WakeSignal = field(default_factory=WakeSignal)


def backoff_s(failures: int, random: Random) -> float:
    """Return an exponential backoff with jitter, so that workers do not retry in step."""
    return min(MIN_PAUSE_S * 2.0 ** min(failures - 1, 16), MAX_PAUSE_S) * random.uniform(0.5, 1.0)


async def run_loop(
    name: str,
    tick: TickFunction,
    context: LoopContext,
    *,
    execution_id: str | None = None,
    has_unsaved_work: Callable[[], bool] = lambda: False,
    max_backoff_s: float = MAX_PAUSE_S,
) -> None:
    """Repeat a tick until it returns None or `context.stop` is set. A stop or a wake signal ends a pause.

    A failed tick is reported and retried after a backoff, which a wake signal does not end. With unsaved work the
    loop goes on after a stop, until that is saved or the loop is cancelled.
    """
    key, clock_s = execution_id or name, asyncio.get_running_loop().time
    failures = 0
    context.health.report(key, clock_s(), STALLED_AFTER_S)
    while has_unsaved_work() or not context.stop.is_set():
        wake = context.wake_signal.next()
        pause_s, error = await _run_tick(tick)
        if error is None:
            failures = 0
            context.health.succeeded.add(name)
            if pause_s is None:
                break
        else:
            failures += 1
            pause_s = min(backoff_s(failures, context.random), max_backoff_s)
            context.observe(
                tick_failed(name, error, retry_in_s=pause_s, execution_id=execution_id, failures_in_a_row=failures)
            )
        context.health.report(key, clock_s(), (pause_s or 0.0) + STALLED_AFTER_S)
        if has_unsaved_work() or not context.stop.is_set():
            await _pause(pause_s or 0.0, context.stop, None if error else wake)
    context.health.forget(key)


async def _run_tick(tick: TickFunction) -> tuple[float | None, Exception | None]:
    """Run a tick and return its pause, or its error: an error of one execution must not stop the others."""
    try:
        return await tick(), None
    except Exception as error:  # noqa: BLE001  (a bug in one execution's step must not stop the worker)
        return None, error


async def _pause(pause_s: float, stop: asyncio.Event, wake: asyncio.Event | None) -> None:
    """Pause until a stop or the wake signal. After a stop, unsaved work is retried soon."""
    if stop.is_set():
        await asyncio.sleep(min(pause_s, MIN_PAUSE_S))
        return
    waiting = [asyncio.create_task(event.wait()) for event in (stop, wake) if event is not None]
    try:
        await asyncio.wait(waiting, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_all(waiting)
