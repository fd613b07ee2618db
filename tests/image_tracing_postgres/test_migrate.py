"""Applying the migrations to real databases."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from image_tracing_migrations import schema
from image_tracing_postgres import DatabaseUnavailableError, MigrationError, PostgresSpanExporter, Store
from image_tracing_postgres.migrate import migrate, pending

from .conftest import NewSpans


def test_an_empty_database_gets_all_files_once(empty_database: str) -> None:
    wanted = pending(empty_database)

    assert wanted[0] == "0001_image_traces"
    assert (migrate(empty_database), migrate(empty_database), pending(empty_database)) == (wanted, [], [])


def test_several_at_once_apply_each_file_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(migrate, [empty_database] * 4))

    assert sorted(applied, key=len)[:3] == [[], [], []]
    assert sum(map(len, applied)) == len(applied[0] + applied[1] + applied[2] + applied[3])
    assert pending(empty_database) == []


def test_a_schema_pasted_by_hand_is_known(empty_database: str, new: NewSpans) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute(schema().encode())

    assert migrate(empty_database) == []
    exporter = PostgresSpanExporter(empty_database)
    assert exporter.export([new.attempt(), new.root()]) is SpanExportResult.SUCCESS
    exporter.shutdown()


def test_a_newer_database_asks_for_an_update_of_the_code(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO image_tracing_migrations (version, name) VALUES (9999, 'later')")

    with pytest.raises(MigrationError, match="is at 9999; update image-tracing"):
        migrate(database)


def test_an_edited_file_is_told(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE image_tracing_migrations SET checksum = 'ffff' WHERE version = 1")

    with pytest.raises(MigrationError, match=r"0001_image_traces ran on .* with another text"):
        migrate(database)


def test_a_file_that_fails_leaves_nothing_behind(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE TABLE image_attempts (of text)")

    with pytest.raises(DatabaseUnavailableError):
        migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        found = connection.execute(
            "SELECT to_regclass('image_traces'), to_regclass('image_tracing_migrations')"
        )
        assert found.fetchone() == (None, None)


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    with pytest.raises(DatabaseUnavailableError) as caught:
        migrate("host=127.0.0.1 port=9 user=me password=hunter2 dbname=traces")

    assert "hunter2" not in str(caught.value)


def test_a_migrated_database_can_be_read(empty_database: str) -> None:
    migrate(empty_database)
    with Store(empty_database) as store:
        assert list(store.list()) == []
