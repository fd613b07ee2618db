"""A generation of very many attempts."""

from datetime import UTC, datetime, timedelta

import psycopg

from image_tracing_postgres import Store

START = datetime(2025, 10, 26, tzinfo=UTC)
# Three models by turns, all of which fail: each attempt has all before it to be compared with.
ATTEMPTS = """
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, number, success, model, outcome
)
SELECT
    '123e4567-e89b-12d3-a456-426614174000', to_hex(n), %(at)s, %(at)s, 5,
    n, false, 'model ' || n %% 3, 'error'
FROM generate_series(1, 19999) AS n
"""
TELL = "SELECT image_summary_tell(gen_random_uuid(), ARRAY[%(at)s::timestamptz])"


def test_a_generation_of_twenty_thousand_attempts_is_counted(database: str) -> None:
    with psycopg.connect(database) as connection:
        for statement in (ATTEMPTS, TELL):
            connection.execute(statement, {"at": START})

    with Store(database) as store:
        found = store.stats(from_=START, to=START + timedelta(days=1), bucket="day").as_json()

    assert found["total"]["chances"] == 19_998
    assert [model["chances"] for model in found["by_model"]] == [6_666, 6_666, 6_666]
