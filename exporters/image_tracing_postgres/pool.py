"""Connections for reading: a pool that opens at first use, and again in a forked child."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Final

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from image_tracing_postgres import database
from image_tracing_postgres.connection import BoundedConnection, connect
from image_tracing_postgres.failures import translated
from image_tracing_postgres.merge import limit_statements

# How long a reader waits for a free connection, or for a first one.
_WAIT_SECONDS: Final = 3.0
# Connection exceptions, and a server that is stopping or starting.
_LOST_CLASSES: Final = ("08", "57P")
# What the network may add to a statement's own limit.
_GRACE_SECONDS: Final = 1.0


_abandoned: Final[list[object]] = []


def _is_lost(error: psycopg.Error) -> bool:
    if isinstance(error, PoolTimeout):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_LOST_CLASSES)


class Connections:
    """The connections of one store. Safe to use from many threads; made anew in a forked process."""

    def __init__(self, dsn: str | None, *, size: int, seconds: float) -> None:
        self._dsn = dsn
        self._size = size
        self._seconds = seconds
        self._lock = Lock()
        self._pool: ConnectionPool[BoundedConnection] | None = None
        self._pid = 0
        self._conninfo = ""

    @property
    def conninfo(self) -> str:
        """Where the database is; starts the embedded one if it is that and does not run."""
        self._opened()
        return self._conninfo

    @contextmanager
    def transaction(self, *, seconds: float | None = None) -> Iterator[psycopg.Cursor[TupleRow]]:
        """A cursor in a transaction of its own, whose statements end in time.

        Raises:
            DatabaseUnavailableError: no connection, or no answer in time.
            SchemaMissingError: the tables are not there.
        """
        limit = self._seconds if seconds is None else seconds
        with (
            self.connection(seconds=limit + _GRACE_SECONDS) as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            limit_statements(cursor, monotonic() + limit)
            yield cursor

    @contextmanager
    def connection(self, *, seconds: float) -> Iterator[BoundedConnection]:
        """A connection outside of any transaction, good for so many seconds. Raises as `transaction`."""
        pool = self._opened()
        try:
            with pool.connection(timeout=_WAIT_SECONDS) as connection:
                connection.deadline = monotonic() + seconds
                try:
                    yield connection
                except psycopg.errors.ConnectionTimeout:
                    connection.close()
                    raise
        except psycopg.Error as error:
            if _is_lost(error):
                # A pool waits for a server that is away; a new one says at once what is wrong. The embedded
                # server may have been stopped as well, and opening a pool starts it again.
                self._forget(pool)
            raise translated(error, self._conninfo) from None

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            pool.close()

    def _opened(self) -> "ConnectionPool[BoundedConnection]":
        with self._lock:
            if self._pool is not None and self._pid != os.getpid():
                # The parent's connections: closing them here would end its sessions.
                _abandoned.append(self._pool)
                self._pool = None
            if self._pool is None:
                self._conninfo = database.dsn(self._dsn)
                self._pid = os.getpid()
                self._probe()
                self._pool = ConnectionPool(
                    self._conninfo,
                    connection_class=BoundedConnection,
                    kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": 3},
                    min_size=1,
                    max_size=self._size,
                    open=True,
                    name="image-tracing",
                    reconnect_timeout=_WAIT_SECONDS,
                )
            return self._pool

    def _probe(self) -> None:
        """Fail at once where a pool would try again and again."""
        try:
            connect(self._conninfo, deadline=monotonic() + _WAIT_SECONDS).close()
        except psycopg.Error as error:
            raise translated(error, self._conninfo) from None

    def _forget(self, pool: "ConnectionPool[BoundedConnection]") -> None:
        with self._lock:
            if self._pool is not pool:
                return
            self._pool = None
        pool.close()
