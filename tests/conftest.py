"""Fixtures shared by all tests: recorded spans, and a fresh migrated database on an embedded Postgres."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from psycopg import sql
from psycopg.conninfo import make_conninfo

from image_tracing_postgres.store import Store

# Tests in the background of a shell ignore SIGINT, and the programs they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Markers of tests that need an installation of their own.
_APART = {"backends": "real back ends", "languages": "other languages"}


class Spans:
    """The spans that ended in this test."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def finished(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def clear(self) -> None:
        self._exporter.clear()


@pytest.fixture(scope="session", autouse=True)
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this run's programs keep their spools: never where a user's are."""
    kept = os.environ.get("IMAGE_TRACING_DATA_DIR")
    folder = tmp_path_factory.mktemp("data")
    os.environ["IMAGE_TRACING_DATA_DIR"] = str(folder)
    yield folder
    if kept is None:
        del os.environ["IMAGE_TRACING_DATA_DIR"]
    else:
        os.environ["IMAGE_TRACING_DATA_DIR"] = kept


@pytest.fixture(scope="session")
def _span_exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(_span_exporter: InMemorySpanExporter) -> Spans:
    _span_exporter.clear()
    return Spans(_span_exporter)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres of this test run's own; IMAGE_TRACING_TEST_SERVER names another one (Postgres 15, say)."""
    named = os.environ.get("IMAGE_TRACING_TEST_SERVER")
    if named:
        yield named
        return
    from image_tracing_postgres.embedded import EmbeddedPostgres

    folder: Path = tmp_path_factory.mktemp("postgres")
    postgres = EmbeddedPostgres(folder)
    conninfo = postgres.start()
    # Thousands of databases are made here, none of which has to outlive its machine.
    for setting in ("fsync", "full_page_writes"):
        _execute(conninfo, sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
    _execute(conninfo, sql.SQL("SELECT pg_reload_conf()"))
    yield conninfo
    postgres.stop()


@pytest.fixture(scope="session")
def _template(server: str) -> Iterator[str]:
    from image_tracing_postgres.migrate import migrate

    name = f"template_{uuid.uuid4().hex}"
    _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(make_conninfo(server, dbname=name))
    yield name
    _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(server: str, _template: str) -> Iterator[str]:
    """The conninfo of a fresh, migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(
        server,
        # Files are copied twice as fast as blocks are logged.
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(_template)
        ),
    )
    yield make_conninfo(server, dbname=name)
    _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """What is in the database."""
    with Store(database) as found:
        yield found


@pytest.fixture
def empty_database(server: str) -> Iterator[str]:
    """The conninfo of a fresh database that no migration has touched."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield make_conninfo(server, dbname=name)
    _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and how to run it."""
    deselected = terminalreporter.stats.get("deselected", [])
    for marker, what in _APART.items():
        number = sum(item.get_closest_marker(marker) is not None for item in deselected)
        if number:
            terminalreporter.write_line(f"{number} tests of {what} left out: make test-{marker}")


def _execute(conninfo: str, statement: sql.SQL | sql.Composed) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement)
