import asyncio
import time

import pytest

from service.cli import health_check
from service.domain.observations import LoopHealth
from service.telemetry.metrics import Metrics
from service.web.health import ReadinessProbe
from service.web.server import WebContext, serving


@pytest.fixture
def rounds():
    return {}


@pytest.fixture
async def port(rounds):
    site = WebContext(None, Metrics(), LoopHealth(rounds), ReadinessProbe({}, lambda: True))
    async with serving(site, host="127.0.0.1", port=0) as port:
        yield port


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
async def test_a_worker_whose_loops_go_round_is_healthy_wherever_it_listens(port, rounds, host):
    rounds["sweep"] = (asyncio.get_running_loop().time(), 60.0)
    assert await asyncio.to_thread(health_check.check_health, host, port) == (True, "healthy")


async def test_a_worker_with_a_loop_that_is_late_is_not_and_the_loop_is_named(port, rounds):
    now_s = asyncio.get_running_loop().time()
    rounds |= {"sweep": (now_s, 60.0), "survey": (now_s - 61.0, 60.0)}
    assert await asyncio.to_thread(health_check.check_health, "127.0.0.1", port) == (False, "unhealthy: survey late")


async def test_nobody_there_is_not_healthy(unused_tcp_port):
    healthy, line = health_check.check_health("127.0.0.1", unused_tcp_port)
    assert not healthy
    assert line.startswith(f"unhealthy: no answer from 127.0.0.1 port {unused_tcp_port}: ConnectionRefusedError(")


async def answered(reply: bytes) -> tuple[bool, str]:
    async def answer(_, writer):
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        return await asyncio.to_thread(health_check.check_health, "127.0.0.1", server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(
    "reply", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nnot JSON", b"HTTP/1.1 200 OK\r\n\r\n[]"]
)
async def test_somebody_else_there_is_not_healthy(reply):
    healthy, line = await answered(reply)
    assert not healthy
    assert line.startswith("unhealthy: no answer from 127.0.0.1")
    assert line.isprintable()


async def test_a_worker_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.05)
    silent = asyncio.Event()

    async def answer(_, writer):
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        began_s = time.monotonic()
        healthy, line = await asyncio.to_thread(
            health_check.check_health, "127.0.0.1", server.sockets[0].getsockname()[1]
        )
        silent.set()
    assert (healthy, time.monotonic() - began_s < 3) == (False, True)
    assert "timed out" in line


def test_a_port_that_is_any_free_one_cannot_be_asked():
    assert health_check.check_health("127.0.0.1", 0) == (
        False,
        "unhealthy: TRIGGER_HTTP_PORT is 0, so the worker's port is not known; set another",
    )
