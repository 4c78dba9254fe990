"""One suite per port, run against memory and against the real clients."""

import uuid

import pytest
import pytest_asyncio

from service.adapters.aws.dynamodb import Table
from service.adapters.aws.setup import create_table
from tests.contracts.servers import an_emulator, clients_of


def pytest_collection_modifyitems(items):
    """Making SDK clients takes longer than any of these tests: all share them, and so an event loop."""
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
    """A name that nothing else has: what a test makes need not be removed."""
    return f"t-{uuid.uuid4().hex[:16]}"


@pytest_asyncio.fixture(loop_scope="session")
async def rows(aws, unique):
    await create_table(aws.dynamodb, unique)
    return Table(aws.dynamodb, unique)
