"""`GET /api/traceImage/stats`."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows

STATS = "/api/traceImage/stats"
DAY = datetime(2025, 10, 26, 10, 30, tzinfo=UTC)
RANGE = "from=2025-10-26&to=2025-10-28"


def test_figures_come_in_total_by_model_and_over_time(client: TestClient, rows: Rows) -> None:
    failed = {"model": "sdxl", "success": False, "outcome": "error", "error_class": "timeout"}
    rows.add(
        created_at=DAY, models_tried=["sdxl", "flux"], model_used="flux", attempts=[failed, {"model": "flux"}]
    )

    found = client.get(f"{STATS}?{RANGE}&bucket=day").json()

    assert found["total"]["fallback_rate"] == 1.0
    assert [(model["model"], model["attempts"]) for model in found["by_model"]] == [("flux", 1), ("sdxl", 1)]
    assert [point["generations"] for point in found["over_time"]] == [1, 0]
    assert found["flow"] == [{"first_model": "sdxl", "served_by": "flux", "generations": 1}]


def test_an_empty_database_has_no_rates(client: TestClient) -> None:
    found = client.get(STATS).json()

    assert found["total"]["generations"] == 0
    assert found["total"]["success_rate"] is None
    assert found["total"]["time_to_picture_ms"] is None
    assert found["by_model"] == []


def test_filters_are_those_of_the_list(client: TestClient, rows: Rows) -> None:
    rows.add(created_at=DAY, lesson_id="l-1")
    rows.add(created_at=DAY, lesson_id="l-2")

    found = client.get(f"{STATS}?{RANGE}&lesson_id=l-1").json()

    assert (found["total"]["generations"], found["total"]["attempts"]) == (1, 1)


def test_days_are_those_of_the_zone(client: TestClient) -> None:
    found = client.get(
        f"{STATS}?from=2025-10-25T22:00Z&to=2025-10-26T23:00Z&bucket=day&tz=Europe/Berlin"
    ).json()

    assert [(point["start"], point["end"]) for point in found["over_time"]] == [
        ("2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z")
    ]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("bucket=year", "bucket must be one of minute, hour, day, week, month; found 'year'"),
        ("tz=Mars/Olympus", "not 'Mars/Olympus'"),
        ("tz=../../etc/passwd", "tz has to be the IANA name"),
        ("from=2025-10-27&to=2025-10-26", "exchange the two"),
        ("from=2025-01-01&to=2025-02-01&bucket=minute", "choose bucket=hour"),
        ("limit=5", "unknown parameter"),
        ("model=a&model=b", "more than once"),
        ("status=done", "status must be one of"),
    ],
)
def test_what_cannot_be_asked_is_refused(client: TestClient, query: str, told: str) -> None:
    response = client.get(f"{STATS}?{query}")

    assert response.status_code == 400
    assert told in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "query", ["from=0001-01-01", "to=9999-12-31", "from=0001-01-01&to=0001-01-02", "to=0001-01-01"]
)
def test_the_edges_of_the_calendar_are_ranges(client: TestClient, query: str) -> None:
    response = client.get(f"{STATS}?{query}&bucket=month&tz=Asia/Tokyo")

    assert response.status_code in (200, 400)


def test_now_lies_in_the_range_by_default(client: TestClient, rows: Rows) -> None:
    rows.add(created_at=datetime.now(UTC))
    rows.add(created_at=datetime.now(UTC) - timedelta(days=29))
    rows.add(created_at=datetime.now(UTC) - timedelta(days=32))

    found = client.get(STATS).json()

    assert found["total"]["generations"] == 2
    assert found["bucket"] == "day"
