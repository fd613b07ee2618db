"""The exporter of `OTEL_TRACES_EXPORTER=image_tracing` and OTEL_CONFIG_FILE: spans to disk, then to Postgres.

Whatever queue of the SDK's stands before it.
"""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_logger: Final = logging.getLogger(__name__)

# What a queue waits for once the database could not be had.
_SHORT_SECONDS: Final = 0.1


class SpoolSpanExporter(SpanExporter):
    """Keeps the spans of generations and attempts in the spool before `export` returns; passes over others.

    `export` waits `timeout_seconds` at most for them to be in the database, since the SDK's `force_flush`
    asks for no more than its end. After a full batch it does not: more spans stand in the SDK's queue, which
    drops what it has no room for. They are on disk already: a database that is away loses nothing, and what
    the process leaves behind is stored by the next one, the viewer or `image-tracing drain`. Lost is only
    what the SDK's own queue holds when the process is killed.

    `dsn` and `migrate` as for `ImageTracingSpanProcessor`. Never raises, not even when it is made: one
    exporter's exception ends the set-up of all. So settings of other names are logged and passed over.
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        migrate: bool = False,
        timeout_seconds: float = 5.0,
        **unknown: object,
    ) -> None:
        if unknown:
            _logger.warning(
                "the exporter image_tracing should have the settings dsn, migrate and timeout_seconds alone, "
                "and was given %s as well, which does nothing",
                ", ".join(sorted(unknown)),
            )
        self._timeout_seconds = timeout_seconds
        self._full_batch = _full_batch()
        self._is_reached = True
        self._processor: SpanProcessor | None = None
        try:
            self._processor = _processor(dsn, migrate)
        except Exception as error:  # noqa: BLE001 - the other exporters must not notice
            _logger.warning("image generations are not stored: %s", error)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """SUCCESS once the spans are kept; FAILURE when nothing can be stored at all."""
        processor = self._processor
        if processor is None:
            return SpanExportResult.FAILURE
        for span in spans:
            processor.on_end(span)
        if len(spans) >= self._full_batch:
            return SpanExportResult.SUCCESS
        seconds = self._timeout_seconds if self._is_reached else _SHORT_SECONDS
        self._is_reached = self.force_flush(int(1000 * seconds))
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until all that was kept is in the database; False if that took longer than the time-out."""
        return self._processor is None or self._processor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Store what can be stored in two seconds; the rest stays on disk."""
        if self._processor is not None:
            self._processor.shutdown()


def _full_batch() -> int:
    """How many spans the SDK's queue hands over when it has more."""
    given = os.environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "")
    return int(given) if given.isdecimal() else 512


def _processor(dsn: str | None, migrate: bool) -> SpanProcessor:
    if sys.platform == "win32":
        # No locks that a dead process lets go of, as the spool needs them.
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        from image_tracing_postgres.exporter import PostgresSpanExporter

        return SimpleSpanProcessor(PostgresSpanExporter(dsn, migrate=migrate))
    from image_tracing_postgres.processor import ImageTracingSpanProcessor

    return ImageTracingSpanProcessor(dsn, migrate=migrate)
