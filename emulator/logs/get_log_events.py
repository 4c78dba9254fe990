"""Pages, tokens and time bounds of GetLogEvents. Does no I/O."""

from dataclasses import dataclass

from emulator.errors import ApiError
from emulator.logs.stream_events import LogEvent, StreamEvents

MAX_EVENTS = 10_000
MAX_BYTES = 1_048_576
TOKEN_LIFE_MS = 24 * 3600 * 1000
_MAX_SCANNED_POSITIONS = 100_000  # per call, so a page can be empty although more events follow
_BYTES_PER_EVENT = 26


@dataclass(frozen=True)
class Token:
    """A position between two events, the direction to read in, the time of issue, and a sequence number."""

    forward: bool
    position: int
    issued_ms: int
    number: int = 0

    def __str__(self) -> str:
        return f"{'f' if self.forward else 'b'}/{self.position:016d}{self.issued_ms:014d}{self.number:06d}"


def read_token(text: str, now_ms: int, life_ms: int = TOKEN_LIFE_MS) -> Token:
    """Parse a token. Raises ApiError if it is invalid or older than `life_ms`, by default 24 hours."""
    direction, _, digits = text.partition("/")
    if direction not in {"f", "b"} or len(digits) != 36 or not digits.isascii() or not digits.isdecimal():
        raise invalid_parameter("The specified nextToken is invalid.")
    token = Token(direction == "f", int(digits[:16]), int(digits[16:30]), int(digits[30:]))
    if now_ms - token.issued_ms >= life_ms:
        raise invalid_parameter("The specified nextToken is expired.")
    return token


@dataclass(frozen=True)
class ReadRequest:
    """Parameters of GetLogEvents; the start is inclusive, the end exclusive."""

    token: Token | None = None
    from_head: bool = False
    start_ms: int | None = None
    end_ms: int | None = None
    max_events: int = MAX_EVENTS

    def includes(self, event: LogEvent) -> bool:
        """Return whether an event is within the time bounds."""
        after = self.start_ms is None or event.timestamp_ms >= self.start_ms
        return after and (self.end_ms is None or event.timestamp_ms < self.end_ms)


@dataclass(frozen=True)
class Page:
    """A page of GetLogEvents, with its events in the order of ingestion."""

    events: list[LogEvent]
    forward: Token
    backward: Token


def read_page(stream: StreamEvents, request: ReadRequest, now_ms: int) -> Page:
    """Return up to 10,000 events or 1 MiB, from the token, the head or the tail on.

    At the end of the stream, the returned token is the one in the request.
    """
    length = stream.length(now_ms)
    forward = request.token.forward if request.token else request.from_head
    begin = min(request.token.position, length) if request.token else (0 if forward else length)
    positions = range(begin, length) if forward else range(begin - 1, -1, -1)
    events, scanned = _collect(stream, positions, request, now_ms)
    end = begin + scanned if forward else begin - scanned
    if not forward:
        events.reverse()
    low, high = min(begin, end), max(begin, end)
    ahead, back = (
        Token(forward=True, position=high, issued_ms=now_ms),
        Token(forward=False, position=low, issued_ms=now_ms),
    )
    if request.token is not None and begin == end:
        ahead, back = (request.token, back) if forward else (ahead, request.token)
    return Page(events, ahead, back)


def empty_page(token: Token | None, length: int, now_ms: int, *, from_head: bool) -> Page:
    """Return a page without events before the end: its tokens differ from the one in the request."""
    forward = token.forward if token else from_head
    position = token.position if token else (0 if forward else length)
    number = token.number + 1 if token else 1
    ahead, back = (Token(direction, position, now_ms, number) for direction in (True, False))
    return Page([], ahead, back)


def _collect(stream: StreamEvents, positions: range, request: ReadRequest, now_ms: int) -> tuple[list[LogEvent], int]:
    events: list[LogEvent] = []
    size = 0
    for scanned, position in enumerate(positions[:_MAX_SCANNED_POSITIONS]):
        event = stream.event(position, now_ms)
        if event is None or not request.includes(event):
            continue
        size += len(event.message.encode()) + _BYTES_PER_EVENT
        if len(events) == request.max_events or (size > MAX_BYTES and events):
            return events, scanned
        events.append(event)
    return events, min(len(positions), _MAX_SCANNED_POSITIONS)


def invalid_parameter(message: str) -> ApiError:
    """Return CloudWatch Logs' error for invalid parameters."""
    return ApiError("InvalidParameterException", message)
