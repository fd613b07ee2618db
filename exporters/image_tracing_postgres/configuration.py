"""One call that makes an application's image spans reach Postgres, and any other OpenTelemetry back end."""

import logging
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from threading import Lock
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from image_tracing_postgres.exporter import PostgresSpanExporter

_logger: Final = logging.getLogger(__name__)

# The SDK's own 5 s would make pages lag behind, its 2,048 spans overflow while a database restarts, and its
# batches of 512 cost a commit each.
_DELAY_MILLIS: Final = 500
_QUEUE_SPANS: Final = 16_384
_BATCH_SPANS: Final = 2_048
_BATCH_VARIABLES: Final = (
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
)
_OTLP_PACKAGES: Final = {
    "http/protobuf": ("otlp_proto_http", "opentelemetry-exporter-otlp-proto-http"),
    "grpc": ("otlp_proto_grpc", "opentelemetry-exporter-otlp-proto-grpc"),
    "http/json": ("otlp_json_http", "opentelemetry-exporter-otlp-json-http"),
}

_lock: Final = Lock()
_configured: list[TracerProvider] = []


def configure(
    dsn: str | None = None, *, service_name: str | None = None, migrate: bool | None = None
) -> TracerProvider:
    """Store the spans of image generations from now on; the tracer provider they come from.

    Adds to the global tracer provider if one is set, else sets one with the standard `OTEL_*` variables. A
    second call changes nothing. Returns at once: the database is first touched by the exporter's own thread,
    with the first spans.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres. `service_name` None means
    OTEL_SERVICE_NAME, else the script's name. `migrate=True` lets the exporter make the tables in a database
    of the user's own; the embedded one is always migrated.
    """
    with _lock:
        if _configured:
            return _configured[0]
        provider = trace.get_tracer_provider()
        if not isinstance(provider, TracerProvider):
            provider = TracerProvider(resource=_resource(service_name))
            trace.set_tracer_provider(provider)
            if not _is_disabled():
                _add_otlp(provider)
        if _is_disabled():
            _logger.info("OTEL_SDK_DISABLED is set: image generations are not traced")
        else:
            exporter = PostgresSpanExporter(dsn, migrate=bool(migrate))
            provider.add_span_processor(_batches(exporter))
        _configured.append(provider)
        return provider


def _is_disabled() -> bool:
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _batches(exporter: PostgresSpanExporter) -> BatchSpanProcessor:
    """A processor that is soon and holds much, unless the standard variables say otherwise."""
    if any(os.environ.get(name) for name in _BATCH_VARIABLES):
        return BatchSpanProcessor(exporter)
    return BatchSpanProcessor(
        exporter,
        max_queue_size=_QUEUE_SPANS,
        schedule_delay_millis=_DELAY_MILLIS,
        max_export_batch_size=_BATCH_SPANS,
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
