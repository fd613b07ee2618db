"""What kind of server it is: private, modest, the same on every machine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import psycopg
import pytest

from image_tracing_postgres.embedded import EmbeddedPostgres

Script = Callable[..., Popen[str]]

ASK = """
import sys, psycopg
from pathlib import Path
from image_tracing_postgres.embedded import EmbeddedPostgres
with psycopg.connect(EmbeddedPostgres(Path(sys.argv[1])).start()) as connection:
    print(connection.execute(sys.argv[2]).fetchone()[0])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("server")
    return folder


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[psycopg.Connection]:
    postgres = EmbeddedPostgres(home)
    with psycopg.connect(postgres.start(), autocommit=True) as connection:
        yield connection
    postgres.stop()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("dynamic_shared_memory_type", "mmap"),
        ("synchronous_commit", "on"),
        ("fsync", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("log_min_error_statement", "panic"),
    ],
)
def test_the_server_is_set_up_as_documented(running: psycopg.Connection, setting: str, value: str) -> None:
    assert running.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)


def test_letters_have_case_and_order_whatever_the_system_s_locale(running: psycopg.Connection) -> None:
    row = running.execute("SELECT upper('äéß'), 'Z' < 'a', 'z' < 'ä'").fetchone()

    assert row == ("ÄÉß", True, True)


def test_a_parallel_join_needs_no_shared_memory_file_system(running: psycopg.Connection) -> None:
    for setting in ("min_parallel_table_scan_size", "parallel_setup_cost", "parallel_tuple_cost"):
        running.execute(f"SET {setting} = 0")
    running.execute("CREATE TABLE numbers AS SELECT generate_series(1, 300000) AS n")
    running.execute("ANALYZE numbers")

    query = "SELECT count(*) FROM numbers a JOIN numbers b USING (n)"
    plan = running.execute(f"EXPLAIN (ANALYZE, FORMAT TEXT) {query}").fetchall()

    assert any("Workers Launched" in line for (line,) in plan)
    assert running.execute(query).fetchone() == (300000,)


def test_a_refused_statement_and_its_values_are_not_in_the_log(
    running: psycopg.Connection, home: Path
) -> None:
    running.execute("CREATE TABLE prompts (prompt text CHECK (length(prompt) < 3))")
    with pytest.raises(psycopg.errors.CheckViolation):
        running.execute("INSERT INTO prompts VALUES ('a secret fox')")

    log = (home / "postgres" / "server.log").read_text()
    assert "ready to accept connections" in log
    assert "secret fox" not in log


def test_the_folder_of_the_server_is_closed_to_others(running: psycopg.Connection, home: Path) -> None:
    modes = {each.name: each.stat().st_mode & 0o077 for each in (home / "postgres").iterdir()}

    assert modes["cluster"] == modes["lock"] == modes["server.log"] == 0


def test_a_setting_of_the_user_s_own_wins_and_stays(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_connections = 33")
    postgres.stop()

    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SHOW max_connections").fetchone() == ("33",)


def test_the_server_gets_none_of_the_caller_s_secrets_or_settings(
    postgres: EmbeddedPostgres, folder: Path, script: Script
) -> None:
    asked = script(
        ASK, folder, "SHOW port", OPENAI_API_KEY="sk-secret", PGPORT="1", PGHOST="nowhere", PGDATABASE="none"
    )
    assert asked.communicate()[0] == "5432\n"

    with psycopg.connect(postgres.start()) as connection:
        connection.execute("CREATE TEMP TABLE line (text text)")
        connection.execute("COPY line FROM PROGRAM 'env'")
        environment = " ".join(text for (text,) in connection.execute("SELECT text FROM line"))
    assert "LC_MESSAGES=C" in environment
    assert "sk-secret" not in environment


def test_a_locale_that_the_system_does_not_have_is_no_hindrance(folder: Path, script: Script) -> None:
    asked = script(ASK, folder, "SHOW server_encoding", LANG="xx_YY.ISO-8859-1", LC_ALL="xx_YY.ISO-8859-1")

    assert asked.communicate()[0] == "UTF8\n"
