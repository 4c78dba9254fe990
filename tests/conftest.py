"""Settings and fixtures of all tests."""

import logging

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.contracts.servers import a_moto_server

# An example may be slow because the machine is busy, so its time is not a failure.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="session")
def moto_url():
    """Run a moto server. Tests share it, so each creates its own tables, queues and buckets."""
    with a_moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def shares(tmp_path_factory):
    """Return the folder whose subfolders are file servers to the emulators."""
    return tmp_path_factory.mktemp("shares")


@pytest.fixture(autouse=True)
def _restore_logging():
    """Undo a test's configuration of logging, which belongs to the process that all tests share."""
    root, service = logging.getLogger(), logging.getLogger("service")
    before = root.handlers, root.level, service.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level, service.level = before
