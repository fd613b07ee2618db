"""Connection strings as URLs."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from image_tracing_viewer.cli.urls import url_of

from .conftest import Command


@pytest.mark.parametrize(
    "conninfo",
    [
        "host=/tmp/a\\ b user=me dbname=traces",
        "host=127.0.0.1 port=5433 user=me password='p@:/?# ss' dbname='a/b'",
        "dbname=traces",
        "user=me",
    ],
)
def test_a_url_names_the_same_connection(conninfo: str) -> None:
    assert conninfo_to_dict(url_of(conninfo)) == conninfo_to_dict(conninfo)


def test_a_url_stays_as_it_is() -> None:
    assert url_of("postgres://me@db/traces") == "postgres://me@db/traces"


def test_the_command_prints_a_url_that_connects(command: Command) -> None:
    url = command("database-url").stdout.strip()

    assert url.startswith("postgresql://")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM image_traces").fetchone() == (0,)
