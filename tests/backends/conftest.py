"""OTLP endpoints beside Postgres."""

from collections.abc import Iterator

import pytest
from tests.backends.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    """An OTLP endpoint that takes everything."""
    found = Collector()
    yield found
    found.close()
