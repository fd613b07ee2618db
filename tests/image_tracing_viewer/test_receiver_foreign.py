"""Spans of other instrumentations over OTLP: what their packages emitted, sent to the viewer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_postgres.foreign.conftest import spans_in
from tests.image_tracing_postgres.foreign.expected import PROMPT, ROWS, rows_of
from tests.image_tracing_viewer.conftest import client_of
from tests.image_tracing_viewer.receiving import JSON, PROTOBUF, eventually, otlp_json, otlp_protobuf, send

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

EMITTED = Path(__file__).parents[1] / "image_tracing_postgres" / "foreign" / "spans"


@pytest.fixture
def client(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of a viewer whose spool is this test's own."""
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    app = create_app(store, token="", ingest_token="")
    with client_of(app) as client:
        yield client
    app.state.receiver.ingest.close()


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
@pytest.mark.parametrize("emitter", ["openinference_openai", "xai", "openinference_nested"])
def test_they_end_as_the_same_rows(client: TestClient, store: Store, emitter: str, encoding: str) -> None:
    spans, expected = spans_in(EMITTED / f"{emitter}.json"), ROWS[emitter]
    body, headers = (otlp_json(spans), JSON) if encoding == "json" else (otlp_protobuf(spans), PROTOBUF)

    assert send(client, body, headers).status_code == 200

    assert eventually(lambda: rows_of(store.attempts(), expected) == expected)


def test_without_capture_of_contents_none_is_stored(
    client: TestClient, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_CAPTURE_CONTENT", "false")
    spans = spans_in(EMITTED / "openinference_openai.json")

    assert send(client, otlp_protobuf(spans)).status_code == 200

    assert eventually(lambda: len(store.list()) == len(spans))
    found = store.attempts()
    assert sorted(str(each.error_class) for each in found) == ["None", "None", "refused"]
    assert sum(each.response["dataSize"] for each in found) == 233
    document = "".join(store.iter_json())
    assert (PROMPT in document, "images.example" in document, "fresh snow" in document) == (False,) * 3
