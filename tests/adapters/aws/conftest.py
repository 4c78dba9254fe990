"""The real clients against a server of a few lines, for what moto and the emulator do not do."""

import inspect

import pytest
import pytest_asyncio
from aiohttp import web

from tests.adapters.aws.stub import Stub
from tests.contracts.servers import clients_of


def pytest_collection_modifyitems(items):
    """Making SDK clients takes longer than any of these tests: all share them, and so an event loop."""
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
    """What `on_request` has heard."""
    return []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_clients(serving, counted):
    async with clients_of(serving.url, on_request=lambda *request: counted.append(request)) as opened:
        yield opened


@pytest.fixture
def stub(serving):
    """The server with nothing laid down; at the end every answer has been asked for."""
    serving.answers.clear()
    serving.asked.clear()
    yield serving
    assert not serving.answers


@pytest.fixture
def clients(shared_clients, stub, counted):
    counted.clear()
    return shared_clients
