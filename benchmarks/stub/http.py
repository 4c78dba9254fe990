"""HTTP/1.1 with persistent connections and Content-Length: as much as the SDKs need."""

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET = re.compile(rb"\r\nx-amz-target: *(\S+)", re.IGNORECASE)


class Request(NamedTuple):
    """A request. `operation` is X-Amz-Target (`DynamoDB_20120810.Query`) or, without one, method and path."""

    operation: str
    query: str
    body: bytes


Answer = Callable[[Request], bytes]


async def serve(answer: Answer) -> asyncio.Server:
    """Listen on a free port of 127.0.0.1."""
    return await asyncio.get_running_loop().create_server(lambda: _Connection(answer), "127.0.0.1", 0)


class _Connection(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # (a TCP transport is one that also writes)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            body = self._answer(request)
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def _next(self) -> Request | None:
        """Return the first request that was received completely, and remove it."""
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = int(found[1]) if (found := _LENGTH.search(head)) else 0
        if not end or len(rest) < length:
            return None
        self._received = rest[length:]
        method, address, _ = head.split(b" ", 2)
        path, _, query = address.decode().partition("?")
        target = _TARGET.search(head)
        return Request(target[1].decode() if target else f"{method.decode()} {path}", query, rest[:length])
