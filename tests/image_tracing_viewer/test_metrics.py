"""`GET /metrics`: figures of requests, spool and database, without anything that a caller wrote."""

import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Leftovers, Rows, client_of

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

Labels = dict[str, str]


def figure(client: TestClient, name: str, **labels: str) -> float | None:
    """One figure, None if it is not there."""
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def requests(client: TestClient, **labels: str) -> float | None:
    return figure(client, "image_tracing_viewer_requests_total", **labels)


@pytest.fixture
def silent() -> Iterator[str]:
    """The conninfo of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"host=127.0.0.1 port={listener.getsockname()[1]} user=reader dbname=silent"


def test_requests_are_counted_by_the_template_of_their_route(client: TestClient, rows: Rows) -> None:
    id_ = rows.add()
    for path in (f"/api/traceImage/{id_}", f"/api/traceImage/{uuid.uuid4()}", "/traceImage"):
        client.get(path)

    assert requests(client, method="GET", route="/api/traceImage/{id}", status="2xx") == 1
    assert requests(client, method="GET", route="/api/traceImage/{id}", status="4xx") == 1
    assert requests(client, route="/traceImage", status="2xx") == 1
    assert str(id_) not in client.get("/metrics").text


def test_durations_are_told_in_buckets(client: TestClient) -> None:
    client.get("/healthz")

    name = "image_tracing_viewer_request_duration_seconds"
    assert figure(client, f"{name}_count", route="/healthz") == 1
    assert figure(client, f"{name}_bucket", route="/healthz", le="10.0") == 1


def test_what_strangers_ask_for_makes_no_labels(client: TestClient) -> None:
    for number in range(20):
        client.request(f"EVIL{number}", f"/somewhere/{number}")

    text = client.get("/metrics").text

    assert "EVIL" not in text
    assert "somewhere" not in text
    assert requests(client, method="other", route="none") == 20


def test_a_refused_request_counts_too(client: TestClient) -> None:
    client.get("/traceImage", headers={"host": "evil.example"})

    assert requests(client, route="/traceImage", status="4xx") == 1


def test_each_app_has_its_own_figures(client: TestClient, store: Store) -> None:
    client.get("/healthz")

    with client_of(create_app(store, token="")) as other:
        assert requests(other, route="/healthz") is None
    assert requests(client, route="/healthz") == 1


def test_a_mounted_app_tells_the_same_routes(store: Store) -> None:
    client = client_of(Starlette(routes=[Mount("/tracing", create_app(store, token=""))]))
    client.get("/tracing/traceImage")

    assert 'route="/traceImage"' in client.get("/tracing/metrics").text


def test_the_spool_is_told(store: Store, leftovers: Leftovers) -> None:
    living = leftovers.add("l-1", seconds_ago=60, closing=False)
    living.counts.add("dropped_spool_full", 3)
    client = client_of(create_app(store, token=""))

    assert figure(client, "image_tracing_spool_waiting_spans") == 2
    assert figure(client, "image_tracing_spool_segments") == 1
    assert figure(client, "image_tracing_spool_orphaned_segments") == 0
    assert 60 <= (figure(client, "image_tracing_spool_oldest_seconds") or 0) < 70
    assert figure(client, "image_tracing_spool_quarantined") == 0
    living.close()


def test_what_became_of_spans_is_told_by_reason(store: Store, leftovers: Leftovers) -> None:
    leftovers.folder.mkdir(parents=True)
    (leftovers.folder / "all.counts").write_text('{"ended": 7, "dropped_spool_full": 3}')
    client = client_of(create_app(store, token=""))

    assert figure(client, "image_tracing_spool_spans_total", result="ended") == 7
    assert figure(client, "image_tracing_spool_spans_total", result="dropped_spool_full") == 3
    assert figure(client, "image_tracing_spool_spans_total", result="quarantined") == 0


def test_a_database_that_answers_is_up(client: TestClient) -> None:
    assert figure(client, "image_tracing_database_up") == 1


def test_a_database_that_is_away_is_not_up(absent_store: Store) -> None:
    assert figure(client_of(create_app(absent_store, token="")), "image_tracing_database_up") == 0


def test_a_silent_database_holds_up_no_scrape(silent: str) -> None:
    client = client_of(create_app(Store(silent), token=""))
    began = time.monotonic()

    assert figure(client, "image_tracing_database_up") == 0
    assert time.monotonic() - began < 2


def test_an_embedded_database_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    client = client_of(create_app(token=""))

    assert figure(client, "image_tracing_database_up") == 0
    assert list(tmp_path.iterdir()) == []


def test_figures_need_the_token_too(store: Store) -> None:
    client = client_of(create_app(store, token="open-sesame"))

    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer open-sesame"}).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "given"),
    [("*/*", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
def test_the_format_is_what_the_scraper_takes(client: TestClient, accepted: str, given: str) -> None:
    answer = client.get("/metrics", headers={"accept": accepted})

    assert answer.headers["content-type"].startswith(given)


def test_prompts_and_names_stay_out(client: TestClient, rows: Any, leftovers: Leftovers) -> None:
    rows.add(lesson_id="lesson-secret", attempts=[{"prompt": "a secret fox"}])
    leftovers.add("lesson-secret")
    client.get("/traceImage?q=secret")

    assert "secret" not in client.get("/metrics").text
