"""Acknowledged spans survive whatever comes next; what cannot be kept is not acknowledged."""

import signal
import sys
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import client_of
from tests.image_tracing_viewer.otlp.requests import request, span
from tests.image_tracing_viewer.receiving import PATH, PROTOBUF, eventually, send, serving_process, told

from image_tracing_postgres.spool import Drainer, spool_folder
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

ABSENT = "host=127.0.0.1 port=9 dbname=nowhere"
SPANS = 2_000
BATCH = 100


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_disk(data_dir: Path) -> None:
    """No spool can be made: where its folder belongs is a file."""
    (data_dir / "spool").write_text("in the way")


def numbered(first: int, count: int) -> list[Span]:
    """As many generations, each a trace of its own."""
    return [span(trace_id=number.to_bytes(16, "big")) for number in range(first + 1, first + count + 1)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=str)
def test_no_acknowledged_span_is_lost_when_the_viewer_ends(
    store: Store, database: str, data_dir: Path, end: signal.Signals
) -> None:
    with serving_process(database, data_dir) as (process, address), httpx.Client() as client:
        for first in range(0, SPANS, BATCH):
            body = request(*numbered(first, BATCH)).SerializeToString()
            assert client.post(address + PATH, content=body, headers=PROTOBUF).status_code == 200
        process.send_signal(end)
        process.wait(10)

    drainer = Drainer(spool_folder(data_dir, database), database)
    assert drainer.drain(30)
    drainer.stop(5)
    assert sum(1 for _ in store.iter()) == SPANS


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_end_of_the_viewer_is_no_end_of_what_others_began(
    store: Store, database: str, data_dir: Path
) -> None:
    begun = request(span(end_time_unix_nano=0)).SerializeToString()
    with serving_process(database, data_dir) as (process, address):
        assert httpx.post(address + PATH, content=begun, headers=PROTOBUF).status_code == 200
        process.kill()
        process.wait(10)

    drainer = Drainer(spool_folder(data_dir, database), database)
    assert drainer.drain(30)
    drainer.stop(5)
    assert [trace.status for trace in store.list()] == ["started"]


def test_spans_wait_on_disk_while_there_is_no_database(data_dir: Path) -> None:
    app = create_app(dsn=ABSENT, token="", ingest_token="")

    with client_of(app) as client:
        assert send(client, request(span()).SerializeToString()).status_code == 200

    [segment] = spool_folder(data_dir, ABSENT).glob("*.segment")
    assert b'"illustrate"' in segment.read_bytes()


def test_without_a_disk_spans_go_to_the_database_before_the_answer(store: Store, no_disk: None) -> None:
    with client_of(create_app(store, token="", ingest_token="")) as client:
        response = send(client, request(*numbered(0, 3)).SerializeToString())

        assert response.status_code == 200
        assert len(store.list()) == 3


def test_without_either_the_sender_is_told_to_come_again(no_disk: None) -> None:
    with client_of(create_app(dsn=ABSENT, token="", ingest_token="")) as client:
        response = send(client, request(span()).SerializeToString())

    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "send them again" in told(response)


def test_after_a_refusal_the_same_spans_are_stored_once(store: Store, data_dir: Path, no_disk: None) -> None:
    body = request(*numbered(0, 3)).SerializeToString()
    app = create_app(store, token="", ingest_token="")
    with client_of(app) as client:
        assert send(client, body).status_code == 200
        (data_dir / "spool").unlink()
        assert eventually(lambda: send(client, body).status_code == 200 and any(data_dir.rglob("*.segment")))
        assert app.state.receiver.ingest.drain(10)

    assert len(store.list()) == 3


def test_a_request_without_spans_needs_neither(no_disk: None) -> None:
    with client_of(create_app(dsn=ABSENT, token="", ingest_token="")) as client:
        assert send(client, b"").status_code == 200


def test_an_app_that_receives_nothing_makes_no_spool(
    store: Store, data_dir: Path, client: TestClient
) -> None:
    assert client.get("/healthz").status_code == 200

    assert list(data_dir.iterdir()) == []


def test_what_dead_processes_left_is_stored_from_the_start(
    store: Store, database: str, data_dir: Path
) -> None:
    with client_of(create_app(dsn=ABSENT, token="", ingest_token="")) as client:
        assert send(client, request(span()).SerializeToString()).status_code == 200
    spool_folder(data_dir, ABSENT).rename(spool_folder(data_dir, database))

    app = create_app(store, token="", ingest_token="")
    with client_of(app):
        app.state.receiver.ingest.start()
        assert eventually(lambda: len(store.list()) == 1)
