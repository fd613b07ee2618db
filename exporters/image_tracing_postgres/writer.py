"""Spans into the database, one try at a time: what waits, counts and logs is built on top of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Final, Literal

import psycopg
from opentelemetry import context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.sdk.trace import ReadableSpan

from image_tracing.errors import ImageTracingError
from image_tracing_postgres import database
from image_tracing_postgres.connection import BoundedConnection, connect
from image_tracing_postgres.errors import DatabaseUnavailableError, SchemaMissingError
from image_tracing_postgres.failures import kind_of, place_of, reason_of, translated
from image_tracing_postgres.merge import save
from image_tracing_postgres.migrate import migrate
from image_tracing_postgres.rows import Rows, rows_from

WriteErrorKind = Literal["unavailable", "schema", "impossible", "canceled"]
Refuse = Callable[[ReadableSpan, str | None, str], None]

_CONNECT_SECONDS: Final = 30.0

# Connections of the parent, in a forked child: closing one would end the parent's session.
_abandoned: Final[list[BoundedConnection]] = []


class WriteError(ImageTracingError):
    """Some spans were not stored, and none of them is to blame for sure; the message is fit for a log.

    `kind`: `unavailable` passes with time, `schema` with a migration, `impossible` with another setting or
    version here; `canceled` means that the server worked until the time limit, which can be a span's fault.
    `stored` counts the spans stored before the failure; `left` are the ones still to be written.
    """

    def __init__(
        self, kind: WriteErrorKind, message: str, *, stored: int = 0, left: Sequence[ReadableSpan] = ()
    ) -> None:
        super().__init__(message)
        self.kind: Final = kind
        self.stored = stored
        self.left = left


@contextmanager
def untraced() -> Iterator[None]:
    """Within it instrumentation of psycopg and the like makes no spans of our own work."""
    suppressed = context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True)
    token = context.attach(context.set_value("suppress_instrumentation", True, suppressed))
    try:
        yield
    finally:
        context.detach(token)


class Writer:
    """Saves spans over one connection of its own, which is made when it is needed; not thread-safe.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres, which is started by the first
    write. A database of the user's own is migrated only with `migrate=True`. `pause` is called between spans
    and between rows, for a thread that has to let others have the interpreter.
    """

    def __init__(self, dsn: str | None, *, migrate: bool, pause: Callable[[], object] | None = None) -> None:
        self._dsn = dsn
        self._migrate = migrate
        self._pause = pause
        self._connection: BoundedConnection | None = None
        self._conninfo = ""
        self._deadline = inf

    def write(self, spans: Sequence[ReadableSpan], *, deadline: float, refuse: Refuse) -> int:
        """Store what can be stored of the spans before `deadline` (monotonic seconds); how many were.

        `refuse(span, sqlstate, reason)` is told each span that can never be stored or cannot be read; it has
        no SQLSTATE when the client refused it. Spans that are not about pictures are passed over. Writing
        again does no harm, but a span told to `refuse` would be told again.

        Raises:
            WriteError: after one failed try; some of the spans may be stored or refused by then.
        """
        self._deadline = deadline
        stored = 0
        waiting = [(spans, True)]
        with untraced():
            while waiting:
                batch, is_trusting = waiting.pop()
                rows = rows_from(batch, is_trusting=is_trusting, pause=self._pause)
                try:
                    self._save(rows)
                except WriteError as error:
                    error.stored = stored
                    error.left = [*batch, *(span for later, _ in reversed(waiting) for span in later)]
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, it comes from these spans
                    if is_trusting:
                        waiting.append((batch, False))
                    elif len(batch) > 1:
                        half = len(batch) // 2
                        waiting += [(batch[half:], False), (batch[:half], False)]
                    else:
                        refuse(batch[0], getattr(error, "sqlstate", None), reason_of(error))
                else:
                    stored += rows.readable
                    for span, reason in rows.unread:
                        refuse(span, None, reason)
        return stored

    def hurry(self, deadline: float) -> None:
        """Let a write that another thread is in end before `deadline` (monotonic seconds)."""
        self._deadline = min(self._deadline, deadline)
        connection = self._connection
        if connection is not None:
            connection.deadline = min(connection.deadline, deadline)

    def close(self) -> None:
        """Close the connection; the next write makes another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def forget(self) -> None:
        """In a forked child: drop the parent's connection without closing it."""
        if self._connection is not None:
            _abandoned.append(self._connection)
            self._connection = None

    def _save(self, rows: Rows) -> None:
        """Save the rows. Raises WriteError, and anything else for rows that can never be stored."""
        if not rows.ids and not rows.foreign:
            return
        connection = self._connected()
        if monotonic() >= self._deadline:
            # With no time left the server would cancel any statement, and a span could take the blame.
            raise WriteError("unavailable", f"the time limit passed before {self._place} took all spans")
        connection.deadline = self._deadline
        try:
            save(connection, rows)
        except Exception as error:
            kind = kind_of(error)
            if kind == "poison":
                if connection.closed:
                    self.close()
                raise
            if kind != "schema" or connection.closed:
                self.close()
            raise WriteError(kind, self._text_of(error)) from None

    def _connected(self) -> BoundedConnection:
        if self._connection is None or self._connection.closed:
            try:
                # Asked again each time: an embedded server that was stopped is started, one that moved found.
                self._conninfo = database.dsn(self._dsn)
                if self._migrate:
                    migrate(self._conninfo)
                # Making the embedded database may have taken longer than a batch should.
                now = monotonic()
                deadline = min(max(self._deadline, now + 1.0), now + _CONNECT_SECONDS)
                self._connection = connect(self._conninfo, deadline=deadline, autocommit=True)
            except Exception as error:  # noqa: BLE001 - no span is to blame for any of these
                raise WriteError(_kind_of_connecting(error), self._text_of(error)) from None
        return self._connection

    @property
    def _place(self) -> str:
        return place_of(self._conninfo)

    def _text_of(self, error: Exception) -> str:
        if isinstance(error, psycopg.Error):
            if error.sqlstate == "57014":
                return (
                    f"spans were to be stored within the time limit, {self._place} was still working; "
                    "look for locks on the tables of image-tracing"
                )
            return str(translated(error, self._conninfo))
        if isinstance(error, ImageTracingError):
            return str(error)
        return f"storing spans failed ({type(error).__name__}: {reason_of(error)})"


def _kind_of_connecting(error: Exception) -> WriteErrorKind:
    """What keeps a writer from a connection; a refused password or a full server pass with time."""
    if isinstance(error, SchemaMissingError):
        return "schema"
    if isinstance(error, DatabaseUnavailableError | psycopg.Error):
        return "unavailable"
    # A setting, a data directory of another version: waiting does not mend these.
    return "impossible"
