"""Applies the numbered SQL files: once each, in order, whoever else tries at the same time.

Of the libraries looked at, yoyo-migrations keeps a lock row that a killed process leaves behind, and the
others need SQLAlchemy or a binary. A transaction-level advisory lock needs neither and holds behind
pgbouncer.
"""

from collections.abc import Sequence
from time import monotonic

import psycopg

from image_tracing_migrations import Migration, migrations, statements
from image_tracing_postgres.connection import BoundedConnection, connect
from image_tracing_postgres.errors import MigrationError
from image_tracing_postgres.failures import place_of, translated

# Any constant does; it only has to differ from other programs' locks.
_LOCK = 7_103_926_481_530_113
_SECONDS = 120.0


def migrate(conninfo: str) -> list[str]:
    """Bring the database to this version's schema; the names of the files applied now, in order.

    All of it is one transaction: after an error nothing has changed. Safe to repeat and to run from several
    processes at once; the second one waits for the first and finds nothing to do.

    Raises:
        MigrationError: the database is newer than this code, or a file that ran before was edited since.
        DatabaseUnavailableError: no connection, or no lock within two minutes.
    """
    return _run(conninfo, is_dry=False)


def pending(conninfo: str) -> list[str]:
    """The names of the files that `migrate` would apply, in order. Raises as `migrate`."""
    return _run(conninfo, is_dry=True)


def _run(conninfo: str, *, is_dry: bool) -> list[str]:
    try:
        with connect(conninfo, deadline=monotonic() + _SECONDS) as connection:
            if not is_dry:
                connection.execute("SELECT set_config('lock_timeout', '60s', true)")
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            applied = _applied(connection)
            known = migrations()
            _check(applied, known, conninfo)
            names = []
            for migration in known:
                if migration.version not in applied:
                    names.append(f"{migration.version:04}_{migration.name}")
                    if not is_dry:
                        _apply(connection, migration)
            return names
    except psycopg.Error as error:
        raise translated(error, conninfo) from None


def _applied(connection: BoundedConnection) -> dict[int, str | None]:
    row = connection.execute("SELECT to_regclass('image_tracing_migrations') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return {}
    return dict(connection.execute("SELECT version, checksum FROM image_tracing_migrations").fetchall())


def _check(applied: dict[int, str | None], known: Sequence[Migration], conninfo: str) -> None:
    newest = known[-1].version
    if applied and max(applied) > newest:
        raise MigrationError(
            f"this version of image-tracing knows the schema up to {newest}, {place_of(conninfo)} is at "
            f"{max(applied)}; update image-tracing here: pip install --upgrade image-tracing"
        )
    for migration in known:
        checksum = applied.get(migration.version)
        if checksum is not None and checksum != migration.checksum:
            raise MigrationError(
                f"migration {migration.version:04}_{migration.name} ran on {place_of(conninfo)} with another "
                f"text (checksum {checksum[:12]}, the file has {migration.checksum[:12]}); "
                "install the version of image-tracing that made it, and put changes into a new file"
            )


def _apply(connection: BoundedConnection, migration: Migration) -> None:
    for statement in statements(migration.text):
        connection.execute(statement.encode())
    connection.execute(
        "UPDATE image_tracing_migrations SET checksum = %s WHERE version = %s",
        (migration.checksum, migration.version),
    )
