"""The span exporter: spans of image generations into Postgres, under any span processor.

What the SDK leaves to an exporter is done here: a deadline of its own, retries, a lock, a connection for
each process, and never an exception.
"""

import logging
import os
import random
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

import psycopg
from opentelemetry import context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from image_tracing.errors import ImageTracingError
from image_tracing_postgres import database
from image_tracing_postgres.connection import BoundedConnection, connect
from image_tracing_postgres.errors import DatabaseUnavailableError
from image_tracing_postgres.failures import kind_of, reason_of, translated
from image_tracing_postgres.merge import save
from image_tracing_postgres.migrate import migrate
from image_tracing_postgres.rows import rows_from

_logger: Final = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 2.0
_QUIET_SECONDS: Final = 60.0

# Connections of the parent, in a forked child: closing one would end the parent's session.
_abandoned: Final[list[BoundedConnection]] = []


@dataclass(frozen=True, slots=True)
class ExportedSpans:
    """What became of the spans given to an exporter, other spans than those of images not counted."""

    stored: int = 0
    refused: int = 0
    """Postgres can never store them, or they could not be read."""
    given_up: int = 0
    """The database could not be had within the time limit."""


class _GaveUpError(Exception):
    """The time limit passed, or the exporter was shut down."""


class PostgresSpanExporter(SpanExporter):
    """Stores the spans of generations and attempts; other spans are passed over.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres, which is started with the first
    span to store. A database of the user's own is migrated only with `migrate=True`. Connecting, waiting for
    the database and storing a batch take `timeout_seconds` at most.
    """

    def __init__(
        self, dsn: str | None = None, *, migrate: bool = False, timeout_seconds: float = 10.0
    ) -> None:
        self._dsn = dsn
        self._migrate = migrate
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._connection: BoundedConnection | None = None
        self._conninfo = ""
        self._counts = ExportedSpans()
        self._said: dict[str, float] = {}
        if hasattr(os, "register_at_fork"):
            _forget_in_children(self)

    @property
    def counts(self) -> ExportedSpans:
        """What became of the spans so far."""
        return self._counts

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """SUCCESS when what can be stored is, FAILURE after the time limit or a shutdown. Never raises."""
        # Waiting for the lock counts: several threads of a SimpleSpanProcessor come at once.
        deadline = monotonic() + self._timeout_seconds
        if self._stop.is_set() or not self._lock.acquire(timeout=self._timeout_seconds):
            return SpanExportResult.FAILURE
        token = context.attach(
            context.set_value(
                "suppress_instrumentation", True, context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True)
            )
        )
        try:
            self._store(spans, deadline)
            return SpanExportResult.SUCCESS
        except _GaveUpError:
            return SpanExportResult.FAILURE
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self._say("unexpected", "storing image traces failed (%s)", type(error).__name__)
            return SpanExportResult.FAILURE
        finally:
            context.detach(token)
            if self._stop.is_set():
                self._disconnect()
            self._lock.release()

    def shutdown(self, timeout_millis: float = 2_000) -> None:
        """End waits, let a running transaction finish within the time-out, and close the connection."""
        self._stop.set()
        seconds = max(0.0, min(timeout_millis, 2_000) / 1000)
        connection = self._connection
        if connection is not None:
            connection.deadline = min(connection.deadline, monotonic() + seconds)
        if self._lock.acquire(timeout=seconds + 0.5):
            try:
                self._disconnect()
            finally:
                self._lock.release()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing is ever held back
        """True: nothing is held back here."""
        return True

    def _store(self, spans: Sequence[ReadableSpan], deadline: float, *, is_trusting: bool = True) -> None:
        """Store what can be stored of the spans; halve them until what cannot be is found."""
        rows = rows_from(spans, is_trusting=is_trusting)
        if not rows.ids:
            self._count(refused=rows.unreadable)
            return
        try:
            self._with_retries(lambda connection: save(connection, rows), deadline)
        except _GaveUpError:
            self._count(given_up=len(spans))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it comes from these spans
            if is_trusting:
                self._store(spans, deadline, is_trusting=False)
            elif len(spans) > 1:
                half = len(spans) // 2
                self._store(spans[:half], deadline, is_trusting=False)
                self._store(spans[half:], deadline, is_trusting=False)
            else:
                self._count(refused=1)
                _logger.warning(
                    "the span %s cannot be stored and is left out (%s)", _name_of(spans[0]), reason_of(error)
                )
        else:
            self._count(stored=len(spans) - rows.unreadable, refused=rows.unreadable)

    def _with_retries(self, act: Callable[[BoundedConnection], None], deadline: float) -> None:
        """Act on a connection; again after failures that pass. Raises what never passes, and _GaveUpError."""
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            try:
                connection = self._connected(deadline)
                connection.deadline = deadline
                act(connection)
                return
            except psycopg.Error as error:
                kind = kind_of(error)
                if kind == "poison":
                    raise
                self._say(kind, "%s; spans wait", translated(error, self._conninfo))
                if self._connection is not None and (kind != "schema" or self._connection.closed):
                    self._disconnect()
            except DatabaseUnavailableError as error:
                self._say("unavailable", "%s; spans wait", error)
            except ImageTracingError as error:
                # A setting, a data directory of another version: waiting does not mend these.
                self._say("impossible", "image traces are not stored: %s", error)
                raise _GaveUpError from None
            pause = wait_seconds * random.uniform(0.8, 1.2)  # noqa: S311 - only spreads the load
            if monotonic() + pause >= deadline or self._stop.wait(pause):
                self._say("given up", "image traces are lost: the database could not be had in time")
                raise _GaveUpError
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)

    def _connected(self, deadline: float) -> BoundedConnection:
        if self._connection is None or self._connection.closed:
            # Asked again each time: an embedded server that was stopped is started, one that moved is found.
            self._conninfo = database.dsn(self._dsn)
            if self._migrate:
                migrate(self._conninfo)
            # Making the embedded database may have taken longer than a batch should.
            self._connection = connect(
                self._conninfo, deadline=max(deadline, monotonic() + 1.0), autocommit=True
            )
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _count(self, *, stored: int = 0, refused: int = 0, given_up: int = 0) -> None:
        now = self._counts
        self._counts = ExportedSpans(now.stored + stored, now.refused + refused, now.given_up + given_up)

    def _say(self, subject: str, message: str, *values: object) -> None:
        """Log a warning, at most once a minute for one subject."""
        now = monotonic()
        if now - self._said.get(subject, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._said[subject] = now
            _logger.warning(message, *values)

    def _forget_parent(self) -> None:
        """In a forked child the lock's holder may not be here, and the connection is the parent's."""
        self._lock = threading.Lock()
        if self._connection is not None:
            _abandoned.append(self._connection)
            self._connection = None


def _forget_in_children(exporter: PostgresSpanExporter) -> None:
    # Weak, since hooks cannot be taken back.
    reference = weakref.ref(exporter)

    def forget() -> None:
        known = reference()
        if known is not None:
            known._forget_parent()

    os.register_at_fork(after_in_child=forget)


def _name_of(span: ReadableSpan) -> str:
    spelled = "".join(c if c.isprintable() else "?" for c in span.name)[:80]
    return repr(spelled)
