"""The exporters beside Postgres that the standard variables of OpenTelemetry name."""

import logging
import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Final

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_logger: Final = logging.getLogger(__name__)

_GROUP: Final = "opentelemetry_traces_exporter"
_NOT_OTHERS: Final = frozenset({"", "none", "image_tracing"})
_OTLP_PACKAGES: Final = {
    "http/protobuf": ("otlp_proto_http", "opentelemetry-exporter-otlp-proto-http"),
    "grpc": ("otlp_proto_grpc", "opentelemetry-exporter-otlp-proto-grpc"),
    "http/json": ("otlp_json_http", "opentelemetry-exporter-otlp-json-http"),
}


def other_processors() -> Iterator[SpanProcessor]:
    """A processor for each exporter that OTEL_TRACES_EXPORTER names, less our own.

    Without that variable: for OTLP if its endpoint is set. An exporter that cannot be made is logged and
    left out.
    """
    for name in dict.fromkeys(each.strip() for each in _named().split(",")):
        if name in _NOT_OTHERS:
            continue
        entry_name, package = _otlp() if name == "otlp" else (name, None)
        found = entry_points(group=_GROUP, name=entry_name)
        if not found:
            _tell_of_absent(name, package)
        for entry in found:
            try:
                yield BatchSpanProcessor(entry.load()())
            except Exception as error:  # noqa: BLE001 - one exporter failing must not harm the others
                _logger.warning(
                    "spans do not go to the exporter %r of the environment: making it failed (%s)",
                    name,
                    type(error).__name__,
                )
            break


def _named() -> str:
    get = os.environ.get
    endpoint = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return get("OTEL_TRACES_EXPORTER") or ("otlp" if endpoint else "none")


def _otlp() -> tuple[str, str]:
    get = os.environ.get
    protocol = get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    return _OTLP_PACKAGES.get(protocol.strip(), _OTLP_PACKAGES["http/protobuf"])


def _tell_of_absent(name: str, package: str | None) -> None:
    if package is None:
        _logger.warning(
            "OTEL_TRACES_EXPORTER should name exporters that are installed, and %r is none; there are: %s",
            name,
            ", ".join(sorted({entry.name for entry in entry_points(group=_GROUP)})),
        )
        return
    _logger.warning(
        "spans were to go to the OTLP endpoint of the environment as well, and the exporter for its protocol "
        "is not installed; install it with: pip install %s",
        package,
    )
