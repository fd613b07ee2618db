"""The bench's own Postgres, to be stopped, crashed and started again."""

import os
import signal
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from faults.tally import POISON
from faults.waiting import wait_until
from image_tracing_postgres.embedded import EmbeddedPostgres
from image_tracing_postgres.migrate import migrate

_TEMPLATE: Final = "fault_template"
# What our sanitised values can still not be is what the owner of a table forbids.
_REFUSALS: Final = (
    f"ALTER TABLE image_attempts ADD CONSTRAINT faults_refuse CHECK (model <> '{POISON}')",
    # A b-tree takes no text over some 2,700 bytes: SQLSTATE 54000.
    f"CREATE INDEX faults_long ON image_attempts (prompt) WHERE model LIKE '{POISON}%'",
)


class Server:
    """One cluster in `folder`, kept there. Made by `start`, with fsync on and no TCP port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres = EmbeddedPostgres(folder)
        self.conninfo = ""

    def start(self) -> None:
        """Start it, or start it again; it answers when this returns."""
        self.conninfo = self._postgres.start()

    def stop(self) -> None:
        """End it in good order."""
        self._postgres.stop()

    def crash(self) -> None:
        """End it at once, transactions cut in the middle and nothing written back (`pg_ctl stop -m
        immediate`).
        """
        os.kill(self._pid(), signal.SIGQUIT)
        wait_until(
            lambda: not self._postgres.is_running(), seconds=60, wanted="the end of the crashed server"
        )

    def _pid(self) -> int:
        text = (self._folder / "postgres" / "cluster" / "postmaster.pid").read_text(encoding="utf-8")
        return int(text.splitlines()[0])

    def version(self) -> str:
        """The version and whether it waits for its disk."""
        with psycopg.connect(self.conninfo) as connection:
            fsync = connection.execute("SHOW fsync").fetchall()[0][0]
            return f"PostgreSQL {connection.info.parameter_status('server_version')}, fsync {fsync}"

    def new_database(self, name: str) -> str:
        """The conninfo of a fresh, migrated database that refuses attempts at the model `poison`.

        An attempt at a model whose name begins with `poison` is also refused for a prompt that no index
        takes.
        """
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [_TEMPLATE]).fetchone()
            if known is None:
                self._make_template(connection)
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(_TEMPLATE)
                )
            )
        return make_conninfo(self.conninfo, dbname=name)

    def _make_template(self, connection: psycopg.Connection) -> None:
        new = f"{_TEMPLATE}_new"
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(new)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(new)))
        conninfo = make_conninfo(self.conninfo, dbname=new)
        migrate(conninfo)
        with psycopg.connect(conninfo) as template:
            for statement in _REFUSALS:
                template.execute(statement)
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(new), sql.Identifier(_TEMPLATE))
        )

    def drop_database(self, name: str) -> None:
        """Make room."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
