"""Requests in OTLP, made by hand so that each field can be wrong."""

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE_ID = bytes(range(16))
SPAN_ID = bytes(range(8))
ROLE = "image_generation.role"


def span(**fields: Any) -> Span:
    """The span of a generation, unless the fields say otherwise; `attributes` by name."""
    attributes = {ROLE: AnyValue(string_value="generation"), **fields.pop("attributes", {})}
    defaults = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": "illustrate",
        "start_time_unix_nano": 10**18,
    }
    made = Span(**{**defaults, "end_time_unix_nano": 10**18 + 5_000_000, **fields})
    for key, value in attributes.items():
        made.attributes.add(key=key, value=value)
    return made


def request(*spans: Span, service: str = "lessons") -> ExportTraceServiceRequest:
    """A request with one resource and one scope."""
    made = ExportTraceServiceRequest()
    resource_spans = made.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name", value=AnyValue(string_value=service))
    scope_spans = resource_spans.scope_spans.add(spans=spans)
    scope_spans.scope.name = "image_tracing"
    return made


def json_span(**fields: Any) -> dict[str, Any]:
    """The same span as OTLP writes it in JSON; None leaves a field out."""
    attributes = [{"key": ROLE, "value": {"stringValue": "generation"}}, *fields.pop("attributes", [])]
    made = {
        "traceId": TRACE_ID.hex(),
        "spanId": SPAN_ID.hex(),
        "name": "illustrate",
        "startTimeUnixNano": "1000000000000000000",
        "endTimeUnixNano": "1000000000005000000",
        "attributes": attributes,
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def json_request(*spans: Any, service: str = "lessons") -> dict[str, Any]:
    """A request with one resource and one scope."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    scope_spans = {"scope": {"name": "image_tracing"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope_spans]}]}
