"""The viewer over a real database: its store, its app, clients, and rows made by hand, however hostile."""

import json
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import uvicorn
from psycopg import sql
from psycopg.types.json import Json
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from image_tracing import attempt, generation
from image_tracing_postgres.spool import Spool, payload_of, spool_folder
from image_tracing_postgres.spool.folder import CURSOR, segments_in
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

BASE_URL = "http://127.0.0.1:3000"


_JSON_COLUMNS = frozenset({"request_data", "response_data", "options", "extras", "images"})

# As every writer tells the summaries.
_TELL = """
SELECT image_summary_tell(
    gen_random_uuid(), array_agg(date_bin('5 minutes', began_at, '2000-01-01 00:00:00+00'))
)
FROM (
    SELECT created_at AS began_at FROM image_traces WHERE id = %(id)s
    UNION ALL
    SELECT started_at FROM image_attempts WHERE trace_id = %(id)s
) AS times
"""


@dataclass(frozen=True)
class RawJson:
    """JSON text that goes to the database as it is, whatever Python makes of it."""

    text: str


class Rows:
    """Puts rows into the tables as any writer could, past all that the exporter would have mended."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    def add(self, *, attempts: Sequence[Mapping[str, Any]] = ({},), **columns: Any) -> UUID:
        """A completed trace with one good attempt, unless the columns say otherwise."""
        now = datetime.now(UTC)
        trace: dict[str, Any] = {
            "id": uuid.uuid4(),
            "created_at": now,
            "updated_at": now,
            "completed_at": now + timedelta(seconds=3),
            "total_duration_ms": 3_000,
            "status": "completed",
            "root_state": "completed",
            "name": "illustrate",
            "otel_trace_id": uuid.uuid4().hex,
            "otel_span_id": uuid.uuid4().hex[:16],
            **columns,
        }
        with psycopg.connect(self._conninfo) as connection:
            _insert(connection, "image_traces", trace)
            for number, attempt in enumerate(attempts, start=1):
                _insert(connection, "image_attempts", {**_attempt(trace, number), **attempt})
            connection.execute(_TELL, {"id": trace["id"]})
        id_: UUID = trace["id"]
        return id_


def _attempt(trace: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "trace_id": trace["id"],
        "span_id": uuid.uuid4().hex[:16],
        "started_at": trace["created_at"],
        "ended_at": trace["created_at"] + timedelta(seconds=3),
        "duration_ms": 3_000,
        "number": number,
        "success": True,
        "model": "flux",
        "prompt": "a red fox",
        "outcome": "ok",
    }


def _insert(connection: psycopg.Connection, table: str, columns: Mapping[str, Any]) -> None:
    values = [_parameter(name, value) for name, value in columns.items()]
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(sql.Placeholder() * len(columns)),
        ),
        values,
    )


def _parameter(name: str, value: Any) -> Any:
    if name not in _JSON_COLUMNS or value is None:
        return value
    return Json(value.text, dumps=str) if isinstance(value, RawJson) else Json(value)


@pytest.fixture
def rows(database: str) -> Rows:
    return Rows(database)


class Leftovers:
    """Puts spans into the spool of a database as a process does that then dies."""

    def __init__(self, folder: Path, spans: Any) -> None:
        self.folder = folder
        self._spans = spans

    def add(self, *lessons: str, seconds_ago: float = 0, closing: bool = True) -> Spool:
        """A generation with one attempt for each lesson: two records. Without `closing` the process lives."""
        spool = Spool(self.folder)
        self.fill(spool, *lessons, seconds_ago=seconds_ago)
        for path in segments_in(self.folder):
            path.with_suffix(CURSOR).write_bytes(bytes(8))
            os.utime(path.with_suffix(CURSOR), (time.time() - seconds_ago,) * 2)
        if closing:
            spool.close()
        return spool

    def fill(self, spool: Spool, *lessons: str, seconds_ago: float = 0) -> None:
        """The records of these lessons, at the end of a spool."""
        self._spans.clear()
        for lesson in lessons:
            with generation(lesson_id=lesson), attempt(model="flux") as made:
                made.fail("no picture", outcome="refused")
        for span in self._spans.finished():
            spool.append(_aged(payload_of(span, is_trusted=True), seconds_ago))


def _aged(payload: bytes | None, seconds: float) -> bytes:
    """The record of a span that ended so much earlier."""
    assert payload is not None
    record = json.loads(payload)
    record[4:6] = (moment - round(seconds * 1e9) for moment in record[4:6])
    return json.dumps(record, separators=(",", ":")).encode()


@pytest.fixture
def leftovers(data_dir: Path, database: str, spans: Any) -> Iterator[Leftovers]:
    left = Leftovers(spool_folder(data_dir, database), spans)
    yield left
    shutil.rmtree(left.folder, ignore_errors=True)


@pytest.fixture
def absent_leftovers(data_dir: Path, absent_store: Store, spans: Any) -> Iterator[Leftovers]:
    """The same for a database that nobody serves."""
    left = Leftovers(spool_folder(data_dir, absent_store.dsn), spans)
    yield left
    shutil.rmtree(left.folder, ignore_errors=True)


@pytest.fixture
def absent_store() -> Iterator[Store]:
    """A store whose database nobody serves."""
    with Store("host=127.0.0.1 port=9 dbname=nowhere user=reader password=hunter2") as store:
        yield store


@pytest.fixture
def app(store: Store) -> Starlette:
    return create_app(store, token="")


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    """A program on the same machine."""
    with client_of(app) as client:
        yield client


def client_of(app: ASGIApp, **more: Any) -> TestClient:
    """A client on this machine that follows no redirects."""
    return TestClient(app, base_url=BASE_URL, client=("127.0.0.1", 50_000), follow_redirects=False, **more)


@pytest.fixture
def address(app: Starlette) -> Iterator[str]:
    """The address at which a real server serves the app."""
    with serving(app) as address:
        yield address


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serves the app on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
