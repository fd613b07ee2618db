"""One call that makes an application's image spans reach Postgres, and any other OpenTelemetry back end."""

import logging
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from threading import Lock
from typing import Final, Literal

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_logger: Final = logging.getLogger(__name__)

_OTLP_PACKAGES: Final = {
    "http/protobuf": ("otlp_proto_http", "opentelemetry-exporter-otlp-proto-http"),
    "grpc": ("otlp_proto_grpc", "opentelemetry-exporter-otlp-proto-grpc"),
    "http/json": ("otlp_json_http", "opentelemetry-exporter-otlp-json-http"),
}

_lock: Final = Lock()
_configured: Final[list[tuple[TracerProvider, SpanProcessor | None]]] = []


def configure(
    dsn: str | None = None,
    *,
    service_name: str | None = None,
    migrate: bool | None = None,
    limit_bytes: int | None = None,
    durability: Literal["fsync", "group", "none"] = "group",
) -> TracerProvider:
    """Store the spans of image generations from now on; the tracer provider they come from.

    Adds to the global tracer provider if one is set, else sets one with the standard `OTEL_*` variables. A
    second call changes nothing. Returns at once: spans go to a spool on disk, and the database is first
    touched by a thread of the processor's own, with the first of them.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres. `service_name` None means
    OTEL_SERVICE_NAME, else the script's name. `migrate=True` makes the tables in a database of the user's
    own; the embedded one is always migrated. The spool takes `limit_bytes`, 512 MiB if None. `durability` is
    about power losses: `group` loses some 100 ms of spans then, `fsync` none, `none` what the system had not
    written yet.
    """
    with _lock:
        if _configured:
            return _configured[0][0]
        provider = trace.get_tracer_provider()
        if not isinstance(provider, TracerProvider):
            provider = TracerProvider(resource=_resource(service_name))
            trace.set_tracer_provider(provider)
            if not _is_disabled():
                _add_otlp(provider)
        processor = None
        if _is_disabled():
            _logger.info("OTEL_SDK_DISABLED is set: image generations are not traced")
        else:
            processor = _processor(dsn, bool(migrate), limit_bytes, durability)
            provider.add_span_processor(processor)
        _configured.append((provider, processor))
        return provider


def configured_processor() -> SpanProcessor | None:
    """The span processor that `configure()` made; None without such a call, or with OTEL_SDK_DISABLED."""
    return _configured[0][1] if _configured else None


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


def _add_otlp(provider: TracerProvider) -> None:
    """The same spans to the OTLP endpoint of the environment, if there is one."""
    get = os.environ.get
    endpoint = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or get("OTEL_EXPORTER_OTLP_ENDPOINT")
    wanted = [name.strip() for name in get("OTEL_TRACES_EXPORTER", "otlp").split(",")]
    if not endpoint or not any(name.startswith("otlp") for name in wanted):
        return
    protocol = (
        get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    )
    name, package = _OTLP_PACKAGES.get(protocol.strip(), _OTLP_PACKAGES["http/protobuf"])
    for entry in entry_points(group="opentelemetry_traces_exporter", name=name):
        try:
            provider.add_span_processor(BatchSpanProcessor(entry.load()()))
        except Exception as error:  # noqa: BLE001 - one exporter failing must not harm the other
            _logger.warning(
                "spans do not go to the OTLP endpoint: %s failed (%s)", package, type(error).__name__
            )
        return
    _logger.warning(
        "spans were to go to the OTLP endpoint of the environment as well, by %s, and the exporter for that "
        "is not installed; install it with: pip install %s",
        protocol,
        package,
    )
