"""Fixtures of the suites of the ports, each run against memory and against the real clients."""

import uuid

import pytest
import pytest_asyncio

from service.adapters.aws.setup import create_table
from service.adapters.aws.table import Table
from tests.contracts.servers import an_emulator, clients_of


def pytest_collection_modifyitems(items):
    """Share one event loop: all tests share the SDK clients, because opening them takes longer than any test."""
    for item in items:
        if item.path.parent.name == "contracts":
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def emulator_url(shares, moto_url):
    with an_emulator(shares, moto_url) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def aws(moto_url):
    async with clients_of(moto_url) as opened:
        yield opened


@pytest.fixture
def unique():
    """Return a unique name, so that a test need not clean up."""
    return f"t-{uuid.uuid4().hex[:16]}"


@pytest_asyncio.fixture(loop_scope="session")
async def table(aws, unique):
    await create_table(aws.dynamodb, unique)
    return Table(aws.dynamodb, unique)
