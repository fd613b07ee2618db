"""Whether the database answers, asked without waiting long for it and without starting it."""

import threading
from time import monotonic
from typing import Final

import psycopg

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.connection import connect
from image_tracing_postgres.embedded import EmbeddedPostgres
from image_tracing_postgres.settings import settings_from_environment

_WAIT_SECONDS: Final = 1.0
_CONNECT_SECONDS: Final = 2.0
_FRESH_SECONDS: Final = 1.0


class DatabaseProbe:
    """Asks one database whether it answers. Safe between threads, which share what is asked at one time.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres.
    """

    def __init__(self, dsn: str | None) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._asked: threading.Event | None = None
        self._answers = False
        self._answered_at = -_FRESH_SECONDS

    def answers(self) -> bool:
        """Whether the database answered within a second, or a second ago."""
        with self._lock:
            if monotonic() - self._answered_at < _FRESH_SECONDS:
                return self._answers
            asked = self._asked
            if asked is None:
                asked = self._asked = threading.Event()
                # A name server may keep silent for longer than anybody waits.
                threading.Thread(
                    target=self._ask, args=(asked,), name="image-tracing probe", daemon=True
                ).start()
        return asked.wait(_WAIT_SECONDS) and self._answers

    def _ask(self, asked: threading.Event) -> None:
        try:
            answers = _does_answer(self._dsn)
        except (psycopg.Error, ImageTracingError, OSError):
            answers = False
        with self._lock:
            self._answers, self._answered_at, self._asked = answers, monotonic(), None
        asked.set()


def _does_answer(dsn: str | None) -> bool:
    settings = settings_from_environment()
    conninfo = dsn or settings.database_url
    if conninfo is None:
        postgres = EmbeddedPostgres(settings.data_dir)
        if not postgres.is_running():
            return False
        conninfo = postgres.start()
    with connect(conninfo, deadline=monotonic() + _CONNECT_SECONDS, autocommit=True) as connection:
        connection.execute("SELECT 1")
    return True
