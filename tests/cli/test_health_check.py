import asyncio
import errno
import os
import time

import pytest

from service.cli import health_check
from service.telemetry.loop_health import LoopHealth
from service.telemetry.metrics import Metrics
from service.web.health import ReadinessProbe
from service.web.server import WebContext, serve


@pytest.fixture
def last_ticks():
    return {}


@pytest.fixture
async def port(last_ticks):
    context = WebContext(None, Metrics(), LoopHealth(last_ticks), ReadinessProbe({}, lambda: True))
    async with serve(context, host="127.0.0.1", port=0) as port:
        yield port


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
async def test_worker_with_live_loops_is_healthy_on_every_address(port, last_ticks, host):
    last_ticks["discover"] = (asyncio.get_running_loop().time(), 60.0)
    assert await asyncio.to_thread(health_check.check_health, host, port) == (True, "healthy")


async def test_worker_with_a_late_loop_is_unhealthy_and_the_loop_is_named(port, last_ticks):
    now_s = asyncio.get_running_loop().time()
    last_ticks |= {"discover": (now_s, 60.0), "claim": (now_s - 61.0, 60.0)}
    assert await asyncio.to_thread(health_check.check_health, "127.0.0.1", port) == (False, "unhealthy: claim late")


async def test_closed_port_is_unhealthy(unused_tcp_port):
    healthy, line = health_check.check_health("127.0.0.1", unused_tcp_port)
    assert not healthy
    assert line == f"unhealthy: no answer from 127.0.0.1 port {unused_tcp_port}: {os.strerror(errno.ECONNREFUSED)}"


async def check_answer(reply: bytes) -> tuple[bool, str]:
    async def answer(_, writer):
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        return await asyncio.to_thread(health_check.check_health, "127.0.0.1", server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    "reply", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nnot JSON", b"HTTP/1.1 200 OK\r\n\r\n[]"]
)
async def test_answer_of_another_program_is_unhealthy(reply):
    healthy, line = await check_answer(reply)
    assert not healthy
    assert line.startswith("unhealthy: no answer from 127.0.0.1")
    assert line.isprintable()


async def test_worker_that_does_not_answer_is_unhealthy_after_a_timeout(monkeypatch):
    monkeypatch.setattr(health_check, "TIMEOUT_S", 0.05)
    silent = asyncio.Event()

    async def answer(_, writer):
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        started_s = time.monotonic()
        healthy, line = await asyncio.to_thread(
            health_check.check_health, "127.0.0.1", server.sockets[0].getsockname()[1]
        )
        silent.set()
    assert (healthy, time.monotonic() - started_s < 3) == (False, True)
    assert line.endswith(": TimeoutError")


def test_port_0_cannot_be_checked():
    assert health_check.check_health("127.0.0.1", 0) == (
        False,
        "unhealthy: TRIGGER_HTTP_PORT is 0, so the worker's port is not known; set another",
    )
