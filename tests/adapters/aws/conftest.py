"""The real clients against a stub server, for cases that moto and the emulator do not have."""

import inspect

import pytest
import pytest_asyncio
from aiohttp import web

from tests.adapters.aws.stub import Stub
from tests.contracts.servers import clients_of


def pytest_collection_modifyitems(items):
    """Share one event loop: all tests share the SDK clients, because opening them takes longer than any test."""
    for item in items:
        if item.path.parent.name == "aws" and inspect.iscoroutinefunction(item.obj):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def serving():
    stub = Stub()
    runner = web.ServerRunner(web.Server(stub.respond))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stub.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield stub
    await runner.cleanup()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def counted():
    """Return the calls of `on_request`."""
    return []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_clients(serving, counted):
    async with clients_of(serving.url, on_request=lambda *request: counted.append(request)) as opened:
        yield opened


@pytest.fixture
def stub(serving):
    """Return the server without answers. At the end, every prepared answer must be used."""
    serving.answers.clear()
    serving.asked.clear()
    yield serving
    assert not serving.answers


@pytest.fixture
def clients(shared_clients, stub, counted):
    counted.clear()
    return shared_clients
