"""The SQL files on real databases: pasted whole, one by one, with Supabase's roles and without."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from image_tracing_migrations import migrations, schema, statements
from image_tracing_postgres.migrate import migrate

# What a database's schema is, as far as it can be asked for.
CATALOGUE = {
    "columns": """
        SELECT c.relname, c.relkind, c.relrowsecurity, c.reloptions, c.relacl::text, a.attnum, a.attname,
            format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcompression, a.attstattarget,
            pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum),
            obj_description(c.oid, 'pg_class'),
            (SELECT collname FROM pg_collation WHERE oid = a.attcollation)
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace
        ORDER BY c.relname, a.attnum""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2""",
    "functions": """
        SELECT proname, pg_get_functiondef(oid), proacl::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
    "policies": "SELECT * FROM pg_policies ORDER BY 1, 2, 3",
    "records": "SELECT version, name FROM image_tracing_migrations ORDER BY 1",
}


def _catalogue(conninfo: str) -> dict[str, list[Any]]:
    with psycopg.connect(conninfo) as connection:
        return {name: connection.execute(query.encode()).fetchall() for name, query in CATALOGUE.items()}


def _paste(conninfo: str, text: str) -> None:
    """Run a whole file as a SQL editor does: in one go."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(text.encode())


@pytest.fixture
def another_database(server: str, empty_database: str) -> Iterator[str]:
    name = "another_" + make_conninfo(empty_database).partition("dbname=")[2].split()[0]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_the_complete_schema_is_what_the_migrations_make(database: str, another_database: str) -> None:
    _paste(another_database, schema())

    assert _catalogue(another_database) == _catalogue(database)


def test_the_numbered_files_work_when_pasted(database: str, another_database: str) -> None:
    for migration in migrations():
        _paste(another_database, migration.text)

    assert _catalogue(another_database) == _catalogue(database)


def test_versions_follow_each_other() -> None:
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_file_records_itself() -> None:
    for migration in migrations():
        assert f"({migration.version}, '{migration.name}')" in migration.text
        assert f"({migration.version}, '{migration.name}')" in schema()


def test_a_statement_ends_with_its_line_and_not_within_a_body() -> None:
    text = "-- why;\nSELECT 1;\n\nDO $$\nBEGIN\n    PERFORM 1;\nEND\n$$;\nSELECT ';' AS x;\nSELECT 2"

    assert statements(text) == [
        "-- why;\nSELECT 1",
        "DO $$\nBEGIN\n    PERFORM 1;\nEND\n$$",
        "SELECT ';' AS x",
        "SELECT 2",
    ]


def test_an_empty_file_has_no_statements() -> None:
    assert statements("\n\n") == []


ROLES = ("anon", "authenticated", "service_role")


@pytest.fixture
def empty_supabase(empty_database: str) -> Iterator[str]:
    """A database without tables whose server has Supabase's roles and default rights; undone afterwards."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        made = []
        for role in ROLES:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
                made.append(role)
            connection.execute(
                sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {}").format(
                    sql.Identifier(role)
                )
            )
        yield empty_database
        for role in ROLES:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
        for role in made:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def supabase(empty_supabase: str) -> str:
    """As `empty_supabase`, migrated."""
    migrate(empty_supabase)
    return empty_supabase


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM image_traces",
        "SELECT * FROM image_trace_documents",
        "DELETE FROM image_attempts",
        "TRUNCATE image_traces",
        "SELECT * FROM image_tracing_migrations",
    ],
)
def test_a_browser_role_of_supabase_may_do_nothing(supabase: str, role: str, statement: str) -> None:
    with psycopg.connect(supabase) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_who_could_write_before_there_were_summaries_still_can(empty_supabase: str) -> None:
    writer = sql.Identifier(f"writer_{uuid4().hex}")
    with psycopg.connect(empty_supabase, autocommit=True) as connection:
        for migration in migrations()[:3]:
            _paste(empty_supabase, migration.text)
        connection.execute(sql.SQL("CREATE ROLE {}").format(writer))
        grant = sql.SQL("GRANT SELECT, INSERT, UPDATE ON image_traces, image_attempts TO {}")
        connection.execute(grant.format(writer))
        for migration in migrations()[3:]:
            _paste(empty_supabase, migration.text)

        connection.execute(sql.SQL("SET ROLE {}").format(writer))
        connection.execute("SELECT image_summary_tell(gen_random_uuid(), '{}')")
        connection.execute("SET ROLE anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT image_summary_tell(gen_random_uuid(), '{}')")
        connection.execute("RESET ROLE")
        connection.execute(sql.SQL("DROP OWNED BY {}").format(writer))
        connection.execute(sql.SQL("DROP ROLE {}").format(writer))


def test_a_role_with_all_rights_still_sees_no_row(supabase: str) -> None:
    with psycopg.connect(supabase) as connection:
        connection.execute(
            "INSERT INTO image_traces"
            " (id, created_at, updated_at, status, otel_trace_id, otel_span_id, root_state)"
            " VALUES (gen_random_uuid(), now(), now(), 'started', '', '', 'absent')"
        )
        connection.execute("GRANT ALL ON image_traces, image_attempts, image_trace_documents TO anon")
        connection.execute("SET ROLE anon")

        assert connection.execute("SELECT * FROM image_traces").fetchall() == []
        assert connection.execute("SELECT * FROM image_trace_documents").fetchall() == []


def test_the_documents_are_one_step_away_in_sql(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces"
            " (id, created_at, updated_at, status, otel_trace_id, otel_span_id, root_state)"
            " VALUES"
            " ('00000000-0000-0000-0000-000000000001', '2025-01-01', now(), 'started', '', '', 'absent')"
        )
        connection.execute(
            "INSERT INTO image_attempts (trace_id, span_id, started_at, number, success, outcome, model)"
            " VALUES ('00000000-0000-0000-0000-000000000001', 'c', '2025-01-01', 1, true, 'ok', 'flux')"
        )
        [computed] = connection.execute("SELECT t.image_generation_attempts FROM image_traces t").fetchall()
        [viewed] = connection.execute(
            "SELECT image_generation_attempts, is_stalled FROM image_trace_documents"
        )

    assert computed[0][0]["model"] == "flux"
    assert viewed == (computed[0], True)
