"""A database and its writer, closed after the test."""

import pytest

from stepwire.storage.database import open_database
from stepwire.storage.writer import Writer


@pytest.fixture
def database(tmp_path):
    """The database of a new data folder."""
    opened = open_database(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def writer(database):
    """Its writer."""
    opened = Writer(database)
    yield opened
    assert opened.close()
