"""The span processor: spans of image generations to disk as they end, from there to Postgres by a thread."""

import logging
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from image_tracing import attributes as names
from image_tracing_postgres.spool import LIMIT_BYTES, Drainer, Durability, Spool, payload_of, spool_folder
from image_tracing_postgres.spool.counts import Counts
from image_tracing_postgres.spool.payloads import is_of_ended

_logger: Final = logging.getLogger(__name__)

_SHUTDOWN_SECONDS: Final = 2.0
# What the calls that are traced, the storing thread and psycopg import when they first run. A fork while
# another thread is at that leaves the child the lock of a module, and nobody there to free it.
_IMPORTED_LATE: Final = (
    "encodings.idna",
    "image_tracing.plans",
    "image_tracing_postgres.settings",
)
_EMBEDDED: Final = ("image_tracing_postgres.embedded",)


class ImageTracingSpanProcessor(SpanProcessor):
    """Keeps each span of a generation or attempt on disk before `end()` returns, and stores it in Postgres.

    A span whose `end()` has returned is in the database once, or in `counts` with a reason; a killed
    process and a database that is away are no reasons. Other spans are passed over.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres. A database of the user's own is
    migrated only with `migrate=True`. `folder` is where spans wait, else below IMAGE_TRACING_DATA_DIR; the
    spool takes `limit_bytes` at most. `durability` is about power losses, see `Spool`.
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        migrate: bool = False,
        folder: Path | None = None,
        limit_bytes: int = LIMIT_BYTES,
        durability: Durability = "group",
    ) -> None:
        if folder is None:
            from image_tracing_postgres.settings import settings_from_environment

            folder = spool_folder(settings_from_environment().data_dir, dsn)
        for module in _IMPORTED_LATE if dsn else _IMPORTED_LATE + _EMBEDDED:
            with suppress(ImportError):
                import_module(module)
        self.folder: Final = folder
        self._spool = Spool(folder, limit_bytes=limit_bytes, durability=durability)
        self._drainer = Drainer(folder, dsn, migrate=migrate, spool=self._spool)

    @property
    def counts(self) -> Counts:
        """What became of this process's spans, by reason."""
        return self._spool.counts

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's
        """Tell of a generation that begins, so that it can be seen while it runs."""
        try:
            attributes = span.attributes
            if attributes is None or names.ROLE not in attributes:
                return
            context = span.context
            if context.trace_flags.sampled and (payload := payload_of(span, is_trusted=True)) is not None:
                self._spool.append(payload, begins=f"{context.trace_id:x}-{context.span_id:x}")
        except Exception as error:  # noqa: BLE001 - the host must not notice
            _logger.debug("the start of a span could not be kept (%s)", type(error).__name__)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span that has ended."""
        try:
            context = span.context
            if context is None or not context.trace_flags.sampled:
                return
            payload = payload_of(span, is_trusted=True)
        except Exception as error:  # noqa: BLE001 - the host must not notice
            self.counts.add("ended")
            self.counts.add("dropped_unreadable")
            _logger.warning("a span could not be kept (%s)", type(error).__name__)
            return
        if payload is None:
            return
        if is_of_ended(payload):
            self._spool.append(payload, ends=f"{context.trace_id:x}-{context.span_id:x}")
        elif span.parent is not None:
            # Logfire's announcement that the span above this one began.
            self._spool.append(payload, begins=f"{context.trace_id:x}-{span.parent.span_id:x}")

    def shutdown(self) -> None:
        """Store what can be stored in two seconds; the rest stays on disk, and so do spans that end later."""
        self._drainer.stop(_SHUTDOWN_SECONDS)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until all that ended is in the database; False if that took longer than the time-out."""
        return self._drainer.drain(timeout_millis / 1000)
