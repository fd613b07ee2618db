"""Ranges that take a while to read, and a trace at which the server does something else."""

from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql
from tests.image_tracing_viewer.conftest import Rows

END_OF_THE_CONNECTION = "pg_terminate_backend(pg_backend_pid())"
SLEEP = "pg_sleep(600)"


def fill(database: str) -> None:
    """400 traces of 32 kB each, an hour old: several pieces of any format."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces (id, created_at, updated_at, status, root_state, otel_trace_id, "
            "otel_span_id, request_data) "
            "SELECT gen_random_uuid(), now() - interval '1 h' - number * interval '1 s', now(), 'started', "
            "'started', 'x', 'x', to_jsonb(repeat(md5(number::text), 1000)) "
            "FROM generate_series(1, 400) AS number"
        )


def meet(database: str, act: str, *, hours_ago: float) -> None:
    """A trace of that age; whoever writes the text of its attempt does `act` first."""
    Rows(database).add(created_at=datetime.now(UTC) - timedelta(hours=hours_ago))
    with psycopg.connect(database) as connection:
        connection.execute(
            sql.SQL(
                "CREATE OR REPLACE FUNCTION image_attempt_text(attempt image_attempts) RETURNS text "
                "LANGUAGE plpgsql AS 'BEGIN PERFORM {}; RETURN ''{{}}''; END'"
            ).format(sql.SQL(act))
        )


def readers(database: str) -> int:
    """How many processes of the server work for exports."""
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'image-tracing export'"
        ).fetchone()
    return found[0] if found else 0
