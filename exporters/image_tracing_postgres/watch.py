"""Waiting for news from the database on a connection of its own."""

import logging
import os
from threading import Event, Lock
from time import monotonic
from typing import Final

import psycopg

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.connection import BoundedConnection, connect
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.statements import statement

_logger: Final = logging.getLogger(__name__)
_CONNECT_SECONDS: Final = 3.0


class Watch:
    """Listens to the writers' notifications. One thread listens at a time; others just wait."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lock = Lock()
        self._is_closed = Event()
        self._connection: BoundedConnection | None = None
        self._pid = 0

    def wait(self, timeout_seconds: float) -> bool:
        """True if something was heard within the time-out; False after it."""
        until = monotonic() + timeout_seconds
        self._is_closed.clear()
        if self._lock.acquire(timeout=max(0.0, timeout_seconds)):
            try:
                if self._has_heard(until):
                    return True
            except (psycopg.Error, ImageTracingError) as error:
                # A standby, a server that is away: the caller looks for itself after the time-out.
                _logger.debug("no notifications from the database (%s)", type(error).__name__)
                self._drop()
            finally:
                self._lock.release()
        self._is_closed.wait(max(0.0, until - monotonic()))
        return False

    def close(self) -> None:
        """End the connection; a thread that waits returns within half a second."""
        self._is_closed.set()
        if self._lock.acquire(timeout=2.0):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _has_heard(self, until: float) -> bool:
        connection = self._connection
        if connection is None or connection.closed or self._pid != os.getpid():
            connection = connect(
                self._connections.conninfo, deadline=monotonic() + _CONNECT_SECONDS, autocommit=True
            )
            connection.execute(statement("listen"))
            connection.deadline = float("inf")
            self._connection, self._pid = connection, os.getpid()
        while not self._is_closed.is_set():
            # In short steps, so that close() does not have to interrupt a waiting connection.
            step = min(0.5, until - monotonic())
            heard = list(connection.notifies(timeout=max(0.0, step), stop_after=1))
            if heard:
                return True
            if monotonic() >= until:
                return False
        return False

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._pid == os.getpid():
            connection.close()
