"""OTLP endpoints beside Postgres."""

from collections.abc import Iterator

import pytest
from tests.backends.collector import Collector

from image_tracing_postgres import Store


@pytest.fixture
def collector() -> Iterator[Collector]:
    """An OTLP endpoint that takes everything."""
    found = Collector()
    yield found
    found.close()


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """What is in the database."""
    with Store(database) as found:
        yield found
