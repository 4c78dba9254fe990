"""The only `while`: repeats ticks until told to stop, and waits longer after each setback."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from service.domain.errors import Conflict, Rejected, Trouble
from service.domain.reports import Health, Report, Setback, Tick
from service.worker.together import end

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

PATIENCE_S = 180.0
"""How long a round may take beyond its pause: a call that nobody answers is tried four times for half a minute each."""


class Bell:
    """Calls to look at once. Whoever has taken the next ring before they look hears it even while they look."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        """What the next ring will set."""
        return self._next

    def ring(self) -> None:
        """Ring once, for all who listen."""
        self._next.set()
        self._next = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every loop is given: when to stop, whom to tell, what time it is, chance, and a bell to look at once."""

    stop: asyncio.Event
    observe: Callable[[Report], None]
    health: Health
    random: Random
    bell: Bell = field(default_factory=Bell)


def pause_after(setbacks: int, random: Random) -> float:
    """How long to wait after so many setbacks in a row: twice as long each time, at random, so that workers part."""
    return min(FIRST_PAUSE_S * 2.0 ** min(setbacks - 1, 16), LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)


async def repeat(
    name: str,
    tick: Callable[[], Awaitable[Tick]],
    around: Surroundings,
    *,
    execution_id: str | None = None,
    give_up: Callable[[], Awaitable[Tick]] | None = None,
    patience: int = 5,
) -> None:
    """Tick until a tick is the last one or `around.stop` is set. Both that and a ring of `around.bell` end a pause.

    What a tick has done and not saved is tried to be saved after the stop too, for as long as the loop may run.

    A tick that fails is reported and tried again, after the pause that it asked for at the latest, which no ring ends.
    After `patience` failures in a row that no repetition can cure, `give_up` takes its place. Returns silently on
    Conflict when there is a `give_up`: then it is somebody else's turn.
    """
    key, loop = execution_id or name, asyncio.get_running_loop()
    lately = _Lately()
    around.health.rounds[key] = (loop.time(), PATIENCE_S)
    while lately.unsaved or not around.stop.is_set():
        ring = around.bell.next_ring()
        done, error = await _attempt(give_up if give_up is not None and lately.bugs >= patience else tick)
        for report in done.reports:
            around.observe(report)
        if isinstance(error, Conflict) and give_up is not None:
            break
        lately.note(done, error)
        pause_s = done.pause_s
        if error is None:
            around.health.succeeded.add(name)
        else:
            pause_s = min(pause_after(lately.setbacks, around.random), done.pause_s or LONGEST_PAUSE_S)
            around.observe(_setback(name, error, pause_s, lately.setbacks, execution_id))
        around.health.rounds[key] = (loop.time(), pause_s + PATIENCE_S)
        if done.done:
            break
        if lately.unsaved or not around.stop.is_set():
            await _pause(pause_s, around.stop, None if error else ring)
    around.health.rounds.pop(key, None)


@dataclass(slots=True)
class _Lately:
    """How many attempts in a row have failed, how many for a fault of ours, and whether one of them is to be saved."""

    setbacks: int = 0
    bugs: int = 0
    unsaved: bool = False

    def note(self, done: Tick, error: Exception | None) -> None:
        self.setbacks = self.setbacks + 1 if error else 0
        self.bugs = self.bugs + 1 if error and _is_ours(error) else 0
        self.unsaved = error is not None and (self.unsaved or done.unsaved)


async def _pause(pause_s: float, stop: asyncio.Event, ring: asyncio.Event | None) -> None:
    """Wait, at most until a stop or the ring; after a stop, what must still be saved is tried soon again."""
    if stop.is_set():
        await asyncio.sleep(min(pause_s, FIRST_PAUSE_S))
        return
    heard = [asyncio.create_task(event.wait()) for event in (stop, ring) if event is not None]
    try:
        await asyncio.wait(heard, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(heard)


async def _attempt(step: Callable[[], Awaitable[Tick]]) -> tuple[Tick, Exception | None]:
    """Make one step, and whatever stopped it a value: this is the place where a loop outlives its ticks."""
    try:
        done = await step()
    except Exception as error:  # noqa: BLE001 - because a fault of ours must not stop the other executions
        return Tick(), error
    return done, done.trouble


def _is_ours(error: Exception) -> bool:
    """Whether trying again is no cure: a fault of this program, or a request that is refused each time."""
    return isinstance(error, Rejected) or not isinstance(error, Trouble)


def _setback(name: str, error: Exception, pause_s: float, setbacks: int, execution_id: str | None) -> Setback:
    kind = type(error).__name__.lower() if isinstance(error, Trouble) else "bug"
    return Setback(name, kind, str(error), pause_s, error, execution_id, setbacks=setbacks)
