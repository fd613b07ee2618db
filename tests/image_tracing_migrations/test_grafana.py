"""The dashboard for Grafana: its SQL runs on the views, as Grafana would send it."""

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

BOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "grafana" / "image-tracing.json").read_text(encoding="utf-8")
)
TARGETS = {panel["title"]: panel["targets"][0] for panel in BOARD["panels"]}
RANGE = "BETWEEN '2025-10-26T00:00:00Z' AND '2025-10-27T00:00:00Z'"


def _sent(query: str, *, service: str) -> bytes:
    """What Grafana makes of its macros, for a day in steps of five minutes."""
    query = re.sub(
        r"\$__timeGroupAlias\((\w+), \$__interval\)",
        r'floor(extract(epoch from \1)/300)*300 AS "time"',
        query,
    )
    query = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 {RANGE}", query)
    query = query.replace("${service:sqlstring}", service)
    assert "$" not in query
    return query.encode()


@pytest.fixture
def told(database: str) -> str:
    """Two generations of one service on the day: one that flux saved, one that failed."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces (id, created_at, updated_at, total_duration_ms, status, service_name, "
            "models_tried, model_used, otel_trace_id, otel_span_id, root_state) "
            "SELECT ('00000000-0000-0000-0000-00000000000' || number)::uuid, '2025-10-26T10:30:00Z', now(), "
            "number * 1000, CASE number WHEN 1 THEN 'completed' ELSE 'failed' END, 'lessons', "
            "'{sdxl,flux}', CASE number WHEN 1 THEN 'flux' END, '', '', 'completed' "
            "FROM generate_series(1, 2) AS number"
        )
        connection.execute(
            "INSERT INTO image_attempts (trace_id, span_id, started_at, number, success, outcome, model, "
            "duration_ms, error_class) SELECT id, number::text, created_at, number, "
            "number = 2 AND status = 'completed', 'error', models_tried[number], 500, "
            "CASE WHEN number = 1 OR status = 'failed' THEN 'timeout' END "
            "FROM image_traces CROSS JOIN generate_series(1, 2) AS number"
        )
    return database


@pytest.mark.parametrize("title", TARGETS)
def test_a_panel_shows_rows_of_the_chosen_services(told: str, title: str) -> None:
    query = TARGETS[title]["rawSql"]
    with psycopg.connect(told) as connection:
        found = [
            connection.execute(_sent(query, service=service)).fetchall()
            for service in ("'(all)'", "'lessons','other'", "'other'")
        ]

    assert found[0] == found[1] != found[2]
    assert found[0]


@pytest.mark.parametrize(
    "title", [title for title, target in TARGETS.items() if target["format"] == "time_series"]
)
def test_a_series_has_a_time_and_a_number(told: str, title: str) -> None:
    with psycopg.connect(told) as connection:
        cursor = connection.execute(_sent(TARGETS[title]["rawSql"], service="'(all)'"))
        columns = {column.name: column.type_display for column in cursor.description or ()}

    assert next(iter(columns)) == "time"
    assert [name for name, type_ in columns.items() if type_ == "text"] in ([], ["metric"])
    assert list(columns.values())[-1] in ("int8", "numeric")


def test_the_services_can_be_chosen(told: str) -> None:
    [query] = [each["query"] for each in BOARD["templating"]["list"] if each["name"] == "service"]

    with psycopg.connect(told) as connection:
        assert connection.execute(_sent(query, service="")).fetchall() == [("lessons",)]


def test_the_figures_are_those_of_the_rows(told: str) -> None:
    with psycopg.connect(told) as connection:
        in_range = connection.execute(_sent(TARGETS["In this range"]["rawSql"], service="'(all)'")).fetchall()
        models = connection.execute(_sent(TARGETS["Models"]["rawSql"], service="'(all)'")).fetchall()

    assert [tuple(map(float, row)) for row in in_range] == [(2, 0.5, 1, 1, 1000)]
    assert {row[0]: (row[1], row[2], row[5]) for row in models} == {
        "flux": (2, 0.5, 0.5),
        "sdxl": (2, 0, None),
    }


def test_panels_read_the_views_alone_and_have_a_place_each() -> None:
    for target in TARGETS.values():
        assert set(re.findall(r"FROM (image_\w+)", target["rawSql"])) <= {
            "image_generation_report",
            "image_attempt_report",
        }
    panels = BOARD["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    cells = [cell for panel in panels for cell in _cells(**panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert {column for column, _ in cells} == set(range(24))


def _cells(*, x: int, y: int, w: int, h: int) -> list[tuple[int, int]]:
    return [(column, row) for column in range(x, x + w) for row in range(y, y + h)]
