"""How CloudWatch Logs reads: pages, tokens, time bounds. Pure, but for the events of a tape."""

from dataclasses import dataclass

from emulator.errors import ApiError
from emulator.logs.tape import LogEvent, Tape

MOST_EVENTS = 10_000
MOST_BYTES = 1_048_576
TOKEN_LIFE_MS = 24 * 3600 * 1000
_LOOKED_AT = 100_000  # positions that one call looks at: so a page can be empty though more follow
_BYTES_PER_EVENT = 26


@dataclass(frozen=True)
class Token:
    """A position between events, the direction in which to read, when it was given out, and a number of its own."""

    forward: bool
    position: int
    given_ms: int
    number: int = 0

    def __str__(self) -> str:
        return f"{'f' if self.forward else 'b'}/{self.position:016d}{self.given_ms:014d}{self.number:06d}"


def read_token(text: str, now_ms: int, life_ms: int = TOKEN_LIFE_MS) -> Token:
    """The token; ApiError if it was never given out or is older than 24 hours (or than `life_ms`)."""
    direction, _, digits = text.partition("/")
    if direction not in {"f", "b"} or len(digits) != 36 or not digits.isascii() or not digits.isdecimal():
        raise invalid("The specified nextToken is invalid.")
    token = Token(direction == "f", int(digits[:16]), int(digits[16:30]), int(digits[30:]))
    if now_ms - token.given_ms >= life_ms:
        raise invalid("The specified nextToken is expired.")
    return token


@dataclass(frozen=True)
class Wanted:
    """What GetLogEvents asks for; the start is inclusive, the end exclusive."""

    token: Token | None = None
    from_head: bool = False
    start_ms: int | None = None
    end_ms: int | None = None
    most: int = MOST_EVENTS

    def takes(self, event: LogEvent) -> bool:
        """Whether an event lies within the time bounds."""
        after = self.start_ms is None or event.timestamp_ms >= self.start_ms
        return after and (self.end_ms is None or event.timestamp_ms < self.end_ms)


@dataclass(frozen=True)
class Page:
    """A page of GetLogEvents, events in the order of their ingestion."""

    events: list[LogEvent]
    forward: Token
    backward: Token


def page(tape: Tape, wanted: Wanted, now_ms: int) -> Page:
    """Up to 10,000 events or 1 MiB from the token on, or from the head or the tail.

    At the end of the stream the token that is returned is the one that was passed.
    """
    length = tape.length(now_ms)
    forward = wanted.token.forward if wanted.token else wanted.from_head
    begin = min(wanted.token.position, length) if wanted.token else (0 if forward else length)
    positions = range(begin, length) if forward else range(begin - 1, -1, -1)
    events, looked_at = _taken(tape, positions, wanted, now_ms)
    end = begin + looked_at if forward else begin - looked_at
    if not forward:
        events.reverse()
    low, high = min(begin, end), max(begin, end)
    ahead, back = (
        Token(forward=True, position=high, given_ms=now_ms),
        Token(forward=False, position=low, given_ms=now_ms),
    )
    if wanted.token is not None and begin == end:
        ahead, back = (wanted.token, back) if forward else (ahead, wanted.token)
    return Page(events, ahead, back)


def empty_page(token: Token | None, length: int, now_ms: int, *, from_head: bool) -> Page:
    """A page without events that is not the end: its token differs from the one that was passed."""
    forward = token.forward if token else from_head
    position = token.position if token else (0 if forward else length)
    number = token.number + 1 if token else 1
    ahead, back = (Token(direction, position, now_ms, number) for direction in (True, False))
    return Page([], ahead, back)


def _taken(tape: Tape, positions: range, wanted: Wanted, now_ms: int) -> tuple[list[LogEvent], int]:
    events: list[LogEvent] = []
    size = 0
    for looked_at, position in enumerate(positions[:_LOOKED_AT]):
        event = tape.event(position, now_ms)
        if event is None or not wanted.takes(event):
            continue
        size += len(event.message.encode()) + _BYTES_PER_EVENT
        if len(events) == wanted.most or (size > MOST_BYTES and events):
            return events, looked_at
        events.append(event)
    return events, min(len(positions), _LOOKED_AT)


def invalid(message: str) -> ApiError:
    """CloudWatch Logs' answer to parameters that it does not take."""
    return ApiError("InvalidParameterException", message)
