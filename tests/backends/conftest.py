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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and how to run it."""
    left_out = [
        item for item in terminalreporter.stats.get("deselected", []) if item.get_closest_marker("backends")
    ]
    if left_out:
        terminalreporter.write_line(f"{len(left_out)} tests of real back ends left out: make test-backends")
