"""What a hostile sender can do to the receiver: nothing but get an answer."""

import gzip
import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import serving
from tests.image_tracing_viewer.otlp.requests import ROLE, json_request, json_span, request, span
from tests.image_tracing_viewer.receiving import (
    GZIP,
    JSON,
    PATH,
    PROTOBUF,
    eventually,
    send,
    serving_process,
    told,
)

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app
from image_tracing_viewer.otlp.request import Bodies
from image_tracing_viewer.receiver import Receiver

MIB = 1024 * 1024
PROMPT = "image_generation.prompt"
_HEAD = (
    b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n"
)


@pytest.fixture
def app(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starlette]:
    """A viewer whose spool is this test's own."""
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    app = create_app(store, token="", ingest_token="")
    yield app
    app.state.receiver.ingest.close()


def test_a_body_over_16_mib_is_refused(client: TestClient) -> None:
    pieces = (bytes(MIB) for _ in range(17))

    assert send(client, bytes(16 * MIB + 1)).status_code == 413
    assert client.post(PATH, content=pieces, headers=PROTOBUF).status_code == 413


def test_a_body_of_16_mib_is_not(client: TestClient) -> None:
    body = json.dumps(json_request(json_span(name="x" * (16 * MIB - 1_000)))).encode()

    assert 15 * MIB < len(body) <= 16 * MIB
    assert send(client, body, JSON).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\x0a\x00" * 5_000_000, PROTOBUF, 413),
        (b"[" * 200_000, JSON, 400),
        (b'{"resourceSpans":[' + b"{}," * 3_000_000 + b"{}]}", JSON, 413),
        (b"\x0a\x05", PROTOBUF, 400),
        (b"not gzip", {**PROTOBUF, **GZIP}, 400),
        (b"not json", JSON, 400),
        (request(span()).SerializeToString()[:-3], PROTOBUF, 400),
    ],
    ids=["empty messages", "deep", "empty objects", "cut", "no gzip", "no json", "half a request"],
)
def test_a_hostile_body_is_refused_soon(
    client: TestClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    send(client, b"", PROTOBUF)
    began = time.monotonic()

    response = send(client, body, headers)

    assert (response.status_code, time.monotonic() - began < 5) == (status, True)
    assert told(response)


def memory_kb(process_id: int, name: str) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


def prompt_of(mebibytes: int, encoding: str) -> bytes:
    """A request with a prompt that is so long."""
    text = "a fjord, dawn or" * (mebibytes * MIB // 16)
    if encoding == "protobuf":
        return request(span(attributes={PROMPT: AnyValue(string_value=text)})).SerializeToString()
    pair = {"key": PROMPT, "value": {"stringValue": text}}
    return json.dumps(json_request(json_span(attributes=[pair]))).encode()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("mebibytes", "status"), [(63, 200), (100, 413)])
@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_no_body_takes_more_than_100_mb(
    database: str, tmp_path: Path, encoding: str, mebibytes: int, status: int
) -> None:
    headers = JSON if encoding == "json" else PROTOBUF
    body = gzip.compress(prompt_of(mebibytes, encoding), 1)
    with serving_process(database, tmp_path) as (process, address):
        assert httpx.post(address + PATH, content=b"{}", headers=JSON).status_code == 200
        before = memory_kb(process.pid, "VmRSS")
        sent = httpx.post(address + PATH, content=body, headers={**headers, **GZIP}, timeout=60)
        grown_kb = memory_kb(process.pid, "VmHWM") - before

    assert (sent.status_code, grown_kb * 1024 < 100_000_000) == (status, True), grown_kb


def test_a_long_prompt_is_stored_with_its_size(client: TestClient, store: Store) -> None:
    role = AnyValue(string_value="attempt")
    prompt = AnyValue(string_value="a fjord, dawn or" * (63 * MIB // 16))
    body = request(span(attributes={ROLE: role, PROMPT: prompt})).SerializeToString()

    assert send(client, body, is_gzip=True).status_code == 200

    assert eventually(lambda: len(store.attempts()) == 1)
    [attempt] = store.attempts()
    assert str(attempt.prompt).endswith(f"… [cut: {63 * MIB} bytes in all]")


@pytest.mark.parametrize("text", ["\0", "\ud800", "\ud83d\ude00", "\x1b[31m", "x" * 1_000_000])
def test_a_span_with_hostile_text_is_stored(client: TestClient, store: Store, text: str) -> None:
    places: list[Any] = [
        {"key": key, "value": {"stringValue": text}} for key in (text, "image_generation.request")
    ]
    sent = json_span(name=text, attributes=places, status={"code": 2, "message": text})

    assert send(client, json.dumps(json_request(sent, service=text)).encode(), JSON).status_code == 200

    assert eventually(lambda: len(store.list()) == 1)
    assert client.get(f"/api/traceImage/{store.list()[0].id}").status_code == 200


def test_a_slow_body_is_given_up(app: Starlette) -> None:
    app.state.receiver = Receiver(app.state.receiver.ingest, bodies=Bodies(seconds=0.3))

    with serving(app) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(_HEAD + b"{")
            answer = connection.recv(4_096)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the body took longer than 0.3 s" in answer or b"connection: close" in answer.lower()


def test_a_body_that_breaks_off_leaves_nothing(app: Starlette, caplog: pytest.LogCaptureFixture) -> None:

    with serving(app) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(_HEAD + b"{")
        assert eventually(lambda: app.state.receiver.bodies.held_bytes == 0)

    assert "unexpected" not in caplog.text


def test_too_many_bodies_at_once_are_put_off(app: Starlette, client: TestClient) -> None:
    app.state.receiver = Receiver(app.state.receiver.ingest, bodies=Bodies(held_max_bytes=1_000))

    refused = send(client, b" " * 1_001 + b"{}", JSON)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["error"]["code"] == "busy"
    assert send(client, b"{}", JSON).status_code == 200
