import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.conftest import Spans
from tests.image_tracing_viewer.conftest import client_of, serving
from tests.image_tracing_viewer.otlp.requests import ROLE, json_request, json_span, request, span
from tests.image_tracing_viewer.receiving import (
    JSON,
    PATH,
    PROTOBUF,
    eventually,
    otlp_json,
    otlp_protobuf,
    send,
    told,
)

from image_tracing import attempt, generation
from image_tracing_postgres import PostgresSpanExporter
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app


@pytest.fixture
def app(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starlette]:
    """A viewer whose spool is this test's own."""
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    app = create_app(store, token="", ingest_token="")
    yield app
    app.state.receiver.ingest.close()


def generated(spans: Spans) -> tuple[ReadableSpan, ...]:
    """The spans of a generation whose second model gave a picture, after a black one."""
    with generation(
        name="illustrate", lesson_id="lesson-1", request={"prompt": "a füchs", "width": 512}
    ) as g:
        with pytest.raises(TimeoutError), attempt(model="flux", provider="hf", prompt="a füchs"):
            raise TimeoutError("no image after 30 s")
        with attempt(model="sd-3.5", prompt="a füchs", request={"seed": 1}, negative_prompt="text") as a:
            a.record_images(b"\x89PNG\r\n\x1a\n" + bytes(100))
            a.set_response({"id": "r-1", "scores": [0.5, 1]})
        g.set_response({"ok": True})
    return spans.finished()


def documents(store: Store) -> list[str]:
    """All traces as the API gives them."""
    return [json.dumps(each, sort_keys=True) for each in json.loads(store.list_json())["traces"]]


def stored_by_our_exporter(store: Store, database: str, spans: tuple[ReadableSpan, ...]) -> list[str]:
    """The documents that the same spans give without the receiver; they are deleted again."""
    exporter = PostgresSpanExporter(database)
    exporter.export(spans)
    exporter.shutdown()
    found = documents(store)
    store.delete_all()
    return found


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip], ids=str)
def test_the_stock_exporter_gives_the_rows_of_ours(
    app: Starlette, store: Store, database: str, spans: Spans, compression: Compression
) -> None:
    sent = generated(spans)
    wanted = stored_by_our_exporter(store, database, sent)

    with serving(app) as address:
        exporter = OTLPSpanExporter(endpoint=f"{address}{PATH}", compression=compression)
        provider = TracerProvider()
        provider.add_span_processor(processor := BatchSpanProcessor(exporter))
        for each in sent:
            processor.on_end(each)
        provider.shutdown()
        assert eventually(lambda: documents(store) == wanted), (documents(store), wanted)

    assert len(wanted) == 1


@pytest.mark.parametrize("is_gzip", [False, True])
@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_both_encodings_give_the_rows_of_our_exporter(
    client: TestClient, store: Store, database: str, spans: Spans, encoding: str, is_gzip: bool
) -> None:
    sent = generated(spans)
    wanted = stored_by_our_exporter(store, database, sent)
    body, headers = (otlp_json(sent), JSON) if encoding == "json" else (otlp_protobuf(sent), PROTOBUF)

    response = send(client, body, headers, is_gzip=is_gzip)

    assert response.status_code == 200
    assert response.headers["content-type"] == headers["Content-Type"]
    assert response.content == (b"{}" if encoding == "json" else b"")
    assert eventually(lambda: documents(store) == wanted), (documents(store), wanted)


def test_the_same_again_and_in_pieces_and_backwards_changes_nothing(
    app: Starlette, client: TestClient, store: Store, database: str, spans: Spans
) -> None:
    sent = generated(spans)
    wanted = stored_by_our_exporter(store, database, sent)

    for piece in ([each] for each in reversed(sent)):
        assert send(client, otlp_protobuf(piece)).status_code == 200
    assert eventually(lambda: documents(store) == wanted)
    for _ in range(3):
        assert send(client, otlp_protobuf(sent)).status_code == 200
    assert app.state.receiver.ingest.drain(10)

    assert documents(store) == wanted


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_span_that_has_not_ended_begins_a_generation(
    client: TestClient, store: Store, encoding: str
) -> None:
    if encoding == "json":
        body = json.dumps(json_request(json_span(endTimeUnixNano=None))).encode()
        response = send(client, body, JSON)
    else:
        response = send(client, request(span(end_time_unix_nano=0)).SerializeToString())

    assert response.status_code == 200
    assert eventually(lambda: [trace.status for trace in store.list()] == ["started"])
    send(client, request(span()).SerializeToString())
    assert eventually(lambda: [trace.status for trace in store.list()] == ["completed"])


def test_an_attempt_gets_its_row_when_it_has_ended(client: TestClient, store: Store) -> None:
    facts = {
        ROLE: "attempt",
        "image_generation.generation_id": "00f067aa0ba902b7",
        "gen_ai.request.model": "sd",
    }
    attributes = {name: AnyValue(string_value=value) for name, value in facts.items()}

    begun = send(client, request(span(attributes=attributes, end_time_unix_nano=0)).SerializeToString())
    ended = send(client, request(span(attributes=attributes, trace_id=b"1" * 16)).SerializeToString())

    assert (begun.status_code, begun.content, ended.status_code) == (200, b"", 200)
    assert eventually(lambda: [trace.models_tried for trace in store.list()] == [("sd",)])
    assert len(store.list()) == 1


def test_bad_spans_are_told_and_the_others_stored(client: TestClient, store: Store) -> None:
    sent = request(
        span(trace_id=b"short"), span(name="good"), span(span_id=bytes(8)), span(trace_id=bytes(16))
    )

    response = send(client, sent.SerializeToString())

    partial = ExportTraceServiceResponse.FromString(response.content).partial_success
    assert (response.status_code, partial.rejected_spans) == (200, 3)
    assert partial.error_message == (
        "2 not stored: a trace id must have 16 bytes that are not all zero; "
        "1 not stored: a span id must have 8 bytes that are not all zero"
    )
    assert eventually(lambda: len(store.list()) == 1)


def test_bad_spans_are_told_in_json_too(client: TestClient, store: Store) -> None:
    body = json.dumps(json_request(json_span(), json_span(spanId="x"), {"name": 1})).encode()

    response = send(client, body, JSON)

    partial = response.json()["partialSuccess"]
    assert (response.status_code, partial["rejectedSpans"]) == (200, "2")
    assert "a span id must have 8 bytes" in partial["errorMessage"]
    assert eventually(lambda: len(store.list()) == 1)


@pytest.mark.parametrize(
    ("body", "headers"), [(b"", PROTOBUF), (b"{}", JSON), (b'{"resourceSpans":[]}', JSON)]
)
def test_an_empty_request_is_a_success(client: TestClient, body: bytes, headers: dict[str, str]) -> None:
    assert send(client, body, headers).status_code == 200


def test_spans_that_are_not_about_pictures_are_passed_over(client: TestClient, store: Store) -> None:
    sent = request(span())
    del sent.resource_spans[0].scope_spans[0].spans[0].attributes[:]
    sent.resource_spans[0].scope_spans[0].scope.name = "other"

    response = send(client, sent.SerializeToString())

    assert (response.status_code, response.content) == (200, b"")
    assert store.list() == []


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        ({"Content-Type": "text/plain"}, "application/x-protobuf and application/json"),
        ({}, "application/x-protobuf and application/json"),
        ({"Content-Type": "application/json, application/json"}, "application/json"),
        ({**PROTOBUF, "Content-Encoding": "deflate"}, "gzip and identity"),
        ({**PROTOBUF, "Content-Encoding": "gzip, gzip"}, "gzip and identity"),
    ],
)
def test_another_type_or_compression_is_refused(
    client: TestClient, given: dict[str, str], accepted: str
) -> None:
    response = send(client, b"", given)

    assert response.status_code == 415
    assert accepted in told(response)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 413, 421])
@pytest.mark.parametrize("headers", [PROTOBUF, JSON], ids=["protobuf", "json"])
def test_an_error_is_told_in_the_encoding_of_the_request(
    store: Store, headers: dict[str, str], status: int
) -> None:
    method = "PUT" if status == 405 else "POST"
    body = bytes(17 * 1024 * 1024) if status == 413 else b"\x0a\x05"
    refused = {403: {"Origin": "http://evil.example"}, 421: {"Host": "evil.example"}}.get(status, {})
    client = client_of(create_app(store, token="", ingest_token="sends" * 5 if status == 401 else ""))

    response = client.request(method, PATH, content=body, headers={**headers, **refused})

    assert (response.status_code, response.headers["content-type"]) == (status, headers["Content-Type"])
    assert len(told(response)) > 20


def test_the_json_of_an_error_has_its_code_too(client: TestClient) -> None:
    assert send(client, b"", {}).json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "Application/JSON"},
        {**JSON, "Content-Encoding": "identity"},
    ],
)
def test_other_spellings_of_the_same_type_are_accepted(client: TestClient, headers: dict[str, str]) -> None:
    assert send(client, b"{}", headers).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_spans_are_only_posted(client: TestClient, method: str) -> None:
    assert client.request(method, PATH).status_code == 405


def test_it_works_below_a_prefix(app: Starlette, store: Store) -> None:
    outer = Starlette(routes=[Mount("/tracing", app)])
    body = request(span(attributes={"text": AnyValue(string_value="x" * 100_000)})).SerializeToString()

    with client_of(outer) as client:
        response = client.post(f"/tracing{PATH}", content=body, headers=PROTOBUF)

    assert response.status_code == 200
    assert eventually(lambda: len(store.list()) == 1)


def test_secrets_are_redacted_before_the_disk(client: TestClient, store: Store, tmp_path: Path) -> None:
    secret = "hf_" + "abcdefghij" * 4
    sent = span(attributes={"image_generation.request": AnyValue(string_value=f'{{"prompt": "a {secret}"}}')})

    assert send(client, request(sent).SerializeToString()).status_code == 200

    on_disk = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert eventually(lambda: len(store.list()) == 1)
    assert secret.encode() not in on_disk
    assert secret not in store.list_json()


def test_without_capture_of_contents_none_is_stored(
    client: TestClient, store: Store, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    with generation(name="illustrate", request={"prompt": "a Füchs", "width": 512}):
        with pytest.raises(TimeoutError), attempt(model="flux", prompt="a Füchs"):
            raise TimeoutError("Füchs not found")
        with attempt(model="sd-3.5", prompt="a Füchs", request={"style": "Füchs", "steps": 30}) as a:
            a.record_images("https://pictures.example/Füchs.png")
            a.set_response({"seen": "Füchs"})
    monkeypatch.setenv("IMAGE_TRACING_CAPTURE_CONTENT", "false")

    assert send(client, otlp_protobuf(spans.finished())).status_code == 200

    assert eventually(lambda: [trace.status for trace in store.list()] == ["completed"])
    [trace] = store.list()
    assert "Füchs" not in store.list_json() + repr(trace)
    assert (trace.models_tried, trace.request_data) == (
        ("flux", "sd-3.5"),
        {"prompt": "[not captured]", "width": 512},
    )
    assert [each.error_class for each in trace.attempts] == ["timeout", None]
    assert trace.attempts[1].images[0].url is None
