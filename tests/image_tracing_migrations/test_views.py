"""The views that are promised: what docs/sql-views.md says of them is what the database has."""

import re
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

PAGE = (Path(__file__).parents[2] / "docs" / "sql-views.md").read_text(encoding="utf-8")
VIEWS = ("image_generation_report", "image_attempt_report")
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
GENERATION = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def rescued(database: str) -> str:
    """One generation: two failures of sdxl, then flux saves it, then a second picture of flux."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces (id, created_at, completed_at, updated_at, total_duration_ms, status, "
            "models_tried, model_used, otel_trace_id, otel_span_id, root_state) VALUES (%s, now(), now(), "
            "now(), 9000, 'completed', '{sdxl,flux}', 'flux', '', '', 'completed')",
            (GENERATION,),
        )
        for number, (model, success, milliseconds) in enumerate(
            [
                ("sdxl", False, 1_000),
                ("sdxl", False, 3_000_000_000),
                ("flux", True, 5_000),
                ("flux", True, 7),
            ],
            start=1,
        ):
            connection.execute(
                "INSERT INTO image_attempts (trace_id, span_id, started_at, number, success, outcome, model, "
                "duration_ms, size_bytes, images) VALUES (%s, %s, now(), %s, %s, %s, %s, %s, %s, %s)",
                (
                    GENERATION,
                    str(number),
                    number,
                    success,
                    "ok" if success else "error",
                    model,
                    milliseconds,
                    100 if success else 0,
                    '[{"index": 0}]' if success else None,
                ),
            )
    return database


def _documented(view: str) -> list[tuple[str, str, str]]:
    section = PAGE.split(f"## {view}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| (.+?) \| ?(.*?) ?\|$", section, flags=re.MULTILINE)


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_has_the_columns_of_the_view(database: str, view: str) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) "
            "FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
            (view,),
        ).fetchall()

    documented = _documented(view)
    assert [(name, type_) for name, type_, _ in documented] == [(name, type_) for name, type_, _ in found]
    meanings = {name: meaning for name, _, meaning in documented}
    assert {name: told for name, _, told in found if told} == {
        name: meanings[name] for name, _, told in found if told
    }


@pytest.mark.parametrize("view", VIEWS)
def test_the_rights_are_those_of_whoever_asks(database: str, view: str) -> None:
    with psycopg.connect(database) as connection:
        [(options,)] = connection.execute(
            "SELECT reloptions FROM pg_class WHERE oid = %s::regclass", (view,)
        ).fetchall()

    assert options == ["security_invoker=true"]


@pytest.mark.parametrize("number", range(1, len(EXAMPLES)))
def test_an_example_runs(rescued: str, number: int) -> None:
    with psycopg.connect(rescued) as connection:
        assert connection.execute(EXAMPLES[number].encode()).fetchall()


def test_the_role_of_the_page_reads_the_views(rescued: str) -> None:
    # Roles belong to the whole server, which other tests share.
    name = f"reporter_{uuid4().hex}"
    with psycopg.connect(rescued) as connection:
        connection.execute(
            EXAMPLES[0].replace("reporter;", f"{name};").replace("TO reporter ", f"TO {name} ").encode()
        )
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(name)))
        counts = [connection.execute(f"SELECT count(*) FROM {view}".encode()).fetchone() for view in VIEWS]
        connection.rollback()

    assert counts == [(1,), (4,)]


def test_a_generation_tells_what_its_attempts_came_to(rescued: str) -> None:
    with psycopg.connect(rescued) as connection:
        row = connection.execute(
            "SELECT first_model, model_used, is_fallback, is_recovered, attempts, failed_attempts, "
            "wasted_ms, images, size_bytes FROM image_generation_report"
        ).fetchone()

    assert row == ("sdxl", "flux", True, True, 4, 2, 2_147_484_647, 2, 200)


def test_a_rescue_is_the_first_success_after_another_model_failed(rescued: str) -> None:
    with psycopg.connect(rescued) as connection:
        rows = connection.execute(
            "SELECT model, is_chance, is_rescue FROM image_attempt_report ORDER BY number"
        ).fetchall()

    assert rows == [
        ("sdxl", False, False),
        ("sdxl", False, False),
        ("flux", True, True),
        ("flux", False, False),
    ]


def test_a_generation_without_attempts_has_a_row(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces (id, created_at, updated_at, status, otel_trace_id, otel_span_id, "
            "root_state) VALUES (gen_random_uuid(), '2025-01-01', now(), 'started', '', '', 'started')"
        )
        row = connection.execute(
            "SELECT is_stalled, has_ended, is_fallback, attempts, wasted_ms, images, size_bytes "
            "FROM image_generation_report"
        ).fetchone()

    assert row == (True, False, False, 0, 0, 0, 0)
