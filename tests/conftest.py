"""What holds for every test."""

import logging

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.contracts.servers import a_moto_server

# A machine that is busy with other things is no failure, and neither is an example that took long to make.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="session")
def moto_url():
    """The rest of AWS: each test has tables, queues and buckets of its own."""
    with a_moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def shares(tmp_path_factory):
    """What the emulators see as the servers of others."""
    return tmp_path_factory.mktemp("shares")


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """What a test configures is for itself alone: the log is the process's, and tests share one."""
    root, ours = logging.getLogger(), logging.getLogger("service")
    before = root.handlers, root.level, ours.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level, ours.level = before
