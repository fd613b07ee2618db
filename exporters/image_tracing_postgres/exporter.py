"""The span exporter: spans of image generations into Postgres, under any span processor.

What the SDK leaves to an exporter is done here: a deadline of its own, retries, a lock, a connection for
each process, and never an exception.
"""

import logging
import os
import random
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from image_tracing_postgres.writer import WriteError, Writer, untraced

_logger: Final = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 2.0
_QUIET_SECONDS: Final = 60.0
# Not the module's own: a program that seeded it wants its numbers for itself.
_spread: Final = random.Random()  # noqa: S311 - only spreads the load


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
        self._writer = Writer(dsn, migrate=migrate)
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._stop = threading.Event()
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
        try:
            with untraced():
                return self._export(spans, deadline)
        finally:
            if self._stop.is_set():
                self._writer.close()
            self._lock.release()

    def shutdown(self, timeout_millis: float = 2_000) -> None:
        """End waits, let a running transaction finish within the time-out, and close the connection."""
        self._stop.set()
        seconds = max(0.0, min(timeout_millis, 2_000) / 1000)
        self._writer.hurry(monotonic() + seconds)
        if self._lock.acquire(timeout=seconds + 0.5):
            try:
                self._writer.close()
            finally:
                self._lock.release()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - nothing is ever held back
        """True: nothing is held back here."""
        return True

    def _export(self, spans: Sequence[ReadableSpan], deadline: float) -> SpanExportResult:
        try:
            self._store(spans, deadline)
            return SpanExportResult.SUCCESS
        except _GaveUpError:
            return SpanExportResult.FAILURE
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self._say("unexpected", "storing image traces failed (%s)", type(error).__name__)
            return SpanExportResult.FAILURE

    def _store(self, spans: Sequence[ReadableSpan], deadline: float) -> None:
        """Store what can be stored of the spans, again after failures that pass. Raises _GaveUpError."""
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            try:
                self._count(stored=self._writer.write(spans, deadline=deadline, refuse=self._refuse))
                return
            except WriteError as error:
                self._count(stored=error.stored)
                spans = error.left
                if error.kind == "impossible":
                    self._say(error.kind, "image traces are not stored: %s", error)
                    self._count(given_up=len(spans))
                    raise _GaveUpError from None
                self._say(error.kind, "%s; spans wait", error)
            pause = wait_seconds * _spread.uniform(0.8, 1.2)
            if monotonic() + pause >= deadline or self._stop.wait(pause):
                self._say("given up", "image traces are lost: the database could not be had in time")
                self._count(given_up=len(spans))
                raise _GaveUpError
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)

    def _refuse(self, span: ReadableSpan, _sqlstate: str | None, reason: str) -> None:
        self._count(refused=1)
        self._say("refused", "the span %s cannot be stored and is left out (%s)", _name_of(span), reason)

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
        self._writer.forget()


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
