"""One call that makes an application's image spans reach Postgres, and any other OpenTelemetry back end."""

import logging
import os
import sys
from inspect import signature
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, Protocol, runtime_checkable

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import ProxyTracerProvider, Tracer

from image_tracing_postgres.other_exporters import other_processors

_logger: Final = logging.getLogger(__name__)


@runtime_checkable
class ProcessingProvider(Protocol):
    """A tracer provider that hands its spans to processors: the SDK's, and those that stand before one.

    Logfire's is of the latter kind, and no subclass of the SDK's.
    """

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer: ...

    def add_span_processor(self, span_processor: SpanProcessor) -> None: ...

    def force_flush(self, timeout_millis: int = 30_000) -> bool: ...

    def shutdown(self) -> None: ...


_lock: Final = Lock()
_configured: Final[list[tuple[ProcessingProvider, SpanProcessor | None]]] = []


def configure(
    dsn: str | None = None,
    *,
    service_name: str | None = None,
    migrate: bool | None = None,
    limit_bytes: int | None = None,
    durability: Literal["fsync", "group", "none"] = "group",
) -> ProcessingProvider:
    """Store the spans of image generations from now on; the tracer provider they come from.

    Adds to the global tracer provider if one is set, else sets one with the standard `OTEL_*` variables, the
    exporters of OTEL_TRACES_EXPORTER among them, or without it the OTLP endpoint if one is set. A second call
    changes nothing. Returns at once: spans go to a spool on disk, and the database is first touched by a
    thread of the processor's own, with the first of them.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres. `service_name` None means
    OTEL_SERVICE_NAME, else the script's name. `migrate=True` makes the tables in a database of the user's
    own; the embedded one is always migrated. The spool takes `limit_bytes`, 512 MiB if None. `durability` is
    about power losses: `group` loses some 100 ms of spans then, `fsync` none, `none` what the system had not
    written yet.
    """
    with _lock:
        if _configured:
            return _configured[0][0]
        provider = _provider(service_name)
        processor = None
        if _is_disabled():
            _logger.info("OTEL_SDK_DISABLED is set: image generations are not traced")
        else:
            processor = _processor(dsn, bool(migrate), limit_bytes, durability)
            _add(provider, processor)
        _configured.append((provider, processor))
        return provider


def configured_processor() -> SpanProcessor | None:
    """The span processor that `configure()` made; None without such a call, or with OTEL_SDK_DISABLED."""
    return _configured[0][1] if _configured else None


def _provider(service_name: str | None) -> ProcessingProvider:
    """The global tracer provider, set here if there was none."""
    found = trace.get_tracer_provider()
    if isinstance(found, ProcessingProvider):
        return found
    provider = TracerProvider(resource=_resource(service_name))
    if not isinstance(found, ProxyTracerProvider):
        _logger.warning(
            "image generations are not stored: a tracer provider that takes span processors is needed, and "
            "%s.%s is set, which takes none; call configure() before it is set",
            type(found).__module__,
            type(found).__qualname__,
        )
        return provider
    trace.set_tracer_provider(provider)
    if not _is_disabled():
        for processor in other_processors():
            provider.add_span_processor(processor)
    return provider


def _add(provider: ProcessingProvider, processor: SpanProcessor) -> None:
    # Phoenix's own provider ends its own exporter when another comes, unless told to keep it.
    add: Any = provider.add_span_processor
    keep = {"replace_default_processor": False}
    add(processor, **(keep if keep.keys() <= signature(add).parameters.keys() else {}))


def _is_disabled() -> bool:
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _processor(
    dsn: str | None, migrate: bool, limit_bytes: int | None, durability: Literal["fsync", "group", "none"]
) -> SpanProcessor:
    if sys.platform == "win32":
        # No locks that a dead process lets go of, as the spool needs them.
        from image_tracing_postgres.exporter import PostgresSpanExporter

        return BatchSpanProcessor(PostgresSpanExporter(dsn, migrate=migrate))
    from image_tracing_postgres.processor import ImageTracingSpanProcessor
    from image_tracing_postgres.spool import LIMIT_BYTES

    return ImageTracingSpanProcessor(
        dsn,
        migrate=migrate,
        limit_bytes=LIMIT_BYTES if limit_bytes is None else limit_bytes,
        durability=durability,
    )


def _resource(service_name: str | None) -> Resource:
    if service_name:
        return Resource.create({SERVICE_NAME: service_name})
    resource = Resource.create()
    named = str(resource.attributes.get(SERVICE_NAME, ""))
    if named and not named.startswith("unknown_service"):
        return resource
    script = Path(sys.argv[0] if sys.argv else "")
    name = script.parent.name if script.stem == "__main__" else script.stem
    return resource.merge(Resource({SERVICE_NAME: name})) if name and name != "-c" else resource
