"""The strip that tells of spans that wait, are set aside or were lost; nothing when all is well."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Leftovers, client_of

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app
from image_tracing_viewer.health import Health, losses_told

BROWSER = {"accept": "text/html"}
DOCTOR = "image-tracing doctor"


@pytest.fixture
def page(store: Store) -> TestClient:
    """A client of an app outside of its lifespan, so that nothing is adopted."""
    return client_of(create_app(store, token=""))


def lose(folder: Path, **counts: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all.counts").write_text(json.dumps(counts))


def set_aside(folder: Path, *names: str) -> None:
    (folder / "quarantine").mkdir(parents=True)
    for name in names:
        (folder / "quarantine" / f"{name}.json").write_text("{}")


def test_nothing_is_told_when_all_is_well(page: TestClient, rows: Any) -> None:
    rows.add()

    assert DOCTOR not in page.get("/traceImage").text
    assert page.get("/traceImage?partial=health").text.strip() == ""


def test_spans_that_wait_for_long_are_told(page: TestClient, leftovers: Leftovers) -> None:
    leftovers.add("l-1", seconds_ago=190)

    text = page.get("/traceImage").text

    assert "2 spans have waited for the database for 3 min; kept on disk until then" in text
    assert DOCTOR in text


def test_spans_on_their_way_are_no_news(page: TestClient, leftovers: Leftovers) -> None:
    living = leftovers.add("l-1", closing=False)

    assert DOCTOR not in page.get("/traceImage").text
    living.close()


def test_a_process_that_was_idle_for_long_is_no_news(page: TestClient, leftovers: Leftovers) -> None:
    # The cursor had not moved for an hour, since there was nothing to store.
    living = leftovers.add("l-1", closing=False)
    [segment] = leftovers.folder.glob("*.segment")
    os.utime(segment.with_suffix(".cursor"), (time.time() - 3_600,) * 2)

    assert page.get("/traceImage?partial=health").text.strip() == ""
    living.close()


def test_quarantined_spans_are_told(page: TestClient, leftovers: Leftovers) -> None:
    set_aside(leftovers.folder, "a", "b")

    assert "2 spans quarantined" in page.get("/traceImage").text


def test_lost_spans_are_told_with_their_reason(page: TestClient, leftovers: Leftovers) -> None:
    lose(leftovers.folder, dropped_spool_full=15, dropped_damaged=1, stored=1_000)

    text = page.get("/traceImage").text

    assert "15 spans lost: the spool was full" in text
    assert "1 piece of damaged spool files lost" in text
    assert 'data-lost="16"' in text


def test_the_page_of_a_generation_tells_it_too(page: TestClient, rows: Any, leftovers: Leftovers) -> None:
    set_aside(leftovers.folder, "a")

    assert "1 span quarantined" in page.get(f"/traceImage/{rows.add()}").text


def test_the_page_of_an_error_tells_why_they_wait(absent_leftovers: Leftovers, absent_store: Store) -> None:
    absent_leftovers.add("l-1", seconds_ago=60)

    answer = client_of(create_app(absent_store, token="")).get("/traceImage", headers=BROWSER)

    assert answer.status_code == 503
    assert "2 spans have waited for the database for 1 min (connection refused)" in answer.text


def test_the_strip_is_refreshed_without_the_database(
    absent_leftovers: Leftovers, absent_store: Store
) -> None:
    absent_leftovers.add("l-1", seconds_ago=60)
    began = time.monotonic()

    answer = client_of(create_app(absent_store, token="")).get("/traceImage?partial=health")

    assert (answer.status_code, "2 spans" in answer.text) == (200, True)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("headers", [{}, {"host": "evil.example"}])
def test_refused_requests_are_told_nothing(
    store: Store, leftovers: Leftovers, headers: dict[str, str]
) -> None:
    set_aside(leftovers.folder, "a")
    client = client_of(create_app(store, token="open-sesame"))

    for path in ("/traceImage", "/traceImage?partial=health", "/login", "/api/traceImage"):
        assert "quarantined" not in client.get(path, headers=BROWSER | headers).text


def test_what_the_database_says_stays_text(store: Store, leftovers: Leftovers) -> None:
    leftovers.add("l-1", seconds_ago=60)
    app = create_app(store, token="")
    app.state.health = Health(store.dsn, lambda: "the server said (<script>alert(1)</script>)")

    text = client_of(app).get("/traceImage").text

    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


def test_growing_figures_are_the_same_subject(store: Store, leftovers: Leftovers) -> None:
    set_aside(leftovers.folder, "a")
    before = Health(store.dsn).strip()
    (leftovers.folder / "quarantine" / "b.json").write_text("{}")
    after = Health(store.dsn).strip()

    assert before is not None
    assert after is not None
    assert before.troubles != after.troubles
    assert before.subjects == after.subjects


def test_a_setting_that_cannot_be_used_tells_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_ALERT_INTERVAL", "soon")

    assert Health(store.dsn).strip() is None


def test_no_loss_is_told_without_one() -> None:
    assert losses_told({"ended": 3, "stored": 3, "dropped_spool_full": 0}) == {}
