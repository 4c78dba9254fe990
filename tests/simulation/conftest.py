import pytest

from service.publishing import session


@pytest.fixture
def chunks_of_two_files(monkeypatch):
    """Make chunks so small that an execution of a few files has several of them."""
    monkeypatch.setattr(session, "FILES_PER_CHUNK", 2)
