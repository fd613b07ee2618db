"""Servers and databases of the benchmarks: thrown away, or kept from run to run."""

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from image_tracing_postgres.embedded import EmbeddedPostgres
from image_tracing_postgres.migrate import migrate


@contextmanager
def server_for(named: str | None, folder: Path | None = None) -> Iterator[str]:
    """The conninfo of the server that was named, else of an embedded one, which lasts as long as this.

    Its data stay in `folder` if one is given.
    """
    if named:
        yield named
        return
    with tempfile.TemporaryDirectory() as thrown_away:
        postgres = EmbeddedPostgres(folder or Path(thrown_away))
        try:
            yield postgres.start()
        finally:
            postgres.stop()


@contextmanager
def database_on(server: str) -> Iterator[str]:
    """A fresh, migrated database, dropped afterwards."""
    name = f"benchmark_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        conninfo = make_conninfo(server, dbname=name)
        try:
            migrate(conninfo)
            connection.execute("CHECKPOINT")
            yield conninfo
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def kept_database(server: str, name: str, fill: Callable[[str], None]) -> str:
    """The conninfo of a migrated database of this name, filled unless an earlier run left it whole."""
    conninfo = make_conninfo(server, dbname=name)
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(conninfo) as connection:
        found = connection.execute("SELECT to_regclass('benchmark_is_whole')").fetchone()
        if found and found[0]:
            return conninfo
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(conninfo)
    fill(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE benchmark_is_whole ()")
        connection.execute("CHECKPOINT")
    return conninfo
