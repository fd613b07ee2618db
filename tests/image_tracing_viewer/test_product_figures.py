"""`GET /metrics`: what generations and attempts came to in the last hour, in a bounded number of lines."""

import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows, client_of

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app
from image_tracing_viewer.product_figures import MODELS_MAX

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures(client: TestClient) -> Figures:
    """Each figure of the product by its name and labels; twice the same would be refused by Prometheus."""
    found: Figures = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = float(sample.value)
    return found


def one(found: Figures, name: str, **labels: str) -> float | None:
    return found.get((f"image_tracing_last_hour_{name}", frozenset(labels.items())))


def test_generations_are_counted_by_status(client: TestClient, rows: Rows) -> None:
    rows.add()
    rows.add(status="failed", root_state="failed", models_tried=["flux", "sdxl"])
    rows.add(created_at=datetime.now(UTC) - timedelta(hours=2))

    found = figures(client)

    assert one(found, "generations", status="completed") == 1
    assert one(found, "generations", status="failed") == 1
    assert one(found, "generations", status="started") == 0
    assert one(found, "generations_fallback") == 1
    assert one(found, "generations_recovered") == 0
    assert one(found, "time_to_picture_seconds", quantile="0.95") == pytest.approx(3, rel=0.02)


def test_attempts_are_counted_by_model_outcome_and_error_class(client: TestClient, rows: Rows) -> None:
    failed = {"success": False, "outcome": "error", "error_class": "timeout"}
    rows.add(attempts=[{"model": "sdxl", **failed}, {"model": "sdxl", **failed}, {"model": "flux"}])

    found = figures(client)

    assert one(found, "attempts", model="sdxl", outcome="error") == 2
    assert one(found, "attempts", model="flux", outcome="ok") == 1
    assert one(found, "attempts_failed", model="sdxl", error_class="timeout") == 2
    assert one(found, "attempt_duration_seconds", model="flux", quantile="0.5") == pytest.approx(3, rel=0.02)


def test_models_beyond_the_most_used_are_one(client: TestClient, rows: Rows) -> None:
    names = [f"model-{number}" for number in range(MODELS_MAX + 5)]
    rows.add(attempts=[{"model": name} for name in names for _ in range(2 if name == "model-24" else 1)])

    found = figures(client)

    models = {dict(labels)["model"] for name, labels in found if name == "image_tracing_last_hour_attempts"}
    assert len(models) == MODELS_MAX + 1
    assert one(found, "attempts", model="model-24", outcome="ok") == 2
    assert one(found, "attempts", model="other", outcome="ok") == 5


def test_thousands_of_models_make_no_more_lines_than_twenty(
    client: TestClient, rows: Rows, database: str
) -> None:
    now = datetime.now(UTC)
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_attempts (trace_id, span_id, started_at, number, success, outcome, model) "
            "SELECT gen_random_uuid(), 'x', %s, 1, true, 'ok', 'hostile-' || n "
            "FROM generate_series(1, 2000) AS n",
            (now,),
        )
    # Whoever writes tells the summaries of its time.
    rows.add(created_at=now, attempts=[])

    found = figures(client)

    assert len([name for name, _ in found if name.startswith("image_tracing_last_hour")]) < 200
    assert one(found, "attempts", model="other", outcome="ok") == 2_000 - MODELS_MAX


def test_an_error_class_that_nobody_knows_is_another_one(client: TestClient, rows: Rows) -> None:
    failed = {"success": False, "outcome": "error"}
    rows.add(attempts=[{**failed, "error_class": "a"}, {**failed, "error_class": "b"}])

    assert one(figures(client), "attempts_failed", model="flux", error_class="other") == 2


def test_what_is_deleted_is_no_longer_counted(client: TestClient, rows: Rows) -> None:
    id_ = rows.add()
    rows.add()
    assert one(figures(client), "generations", status="completed") == 2

    client.delete(f"/api/traceImage?id={id_}")

    assert one(figures(client), "generations", status="completed") == 1


@pytest.mark.parametrize("name", ["other", "", None, "x" * 500, 'a"b\\c\nd'], ids=ascii)
def test_no_name_of_a_model_breaks_a_scrape(client: TestClient, rows: Rows, name: str | None) -> None:
    rows.add(
        attempts=[{"model": name}, {"model": None}, *({"model": f"m-{n}"} for n in range(MODELS_MAX + 5))]
    )

    counts = {
        key: value for key, value in figures(client).items() if key[0] == "image_tracing_last_hour_attempts"
    }

    assert sum(counts.values()) == MODELS_MAX + 7
    assert max(len(dict(labels)["model"]) for _, labels in counts) <= 120


def test_an_absent_database_leaves_the_other_figures(absent_store: Store) -> None:
    found = figures(client_of(create_app(absent_store, token="")))

    assert found["image_tracing_database_up", frozenset()] == 0
    assert not [name for name, _ in found if name.startswith("image_tracing_last_hour")]


def test_a_database_at_a_standstill_leaves_the_other_figures_in_time(
    client: TestClient, database: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE image_traces IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        found = figures(client)

    # Prometheus gives up after ten seconds.
    assert time.monotonic() - began < 10
    assert found["image_tracing_database_up", frozenset()] == 1
    assert not [name for name, _ in found if name.startswith("image_tracing_last_hour")]
