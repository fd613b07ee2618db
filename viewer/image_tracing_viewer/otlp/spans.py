"""A span as it was sent, and the span of the OpenTelemetry SDK that it stands for."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from image_tracing_viewer.otlp.values import Tree, attributes

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
# OTLP's times are unsigned 64-bit numbers; the last is in the year 2554.
_LAST_TIME: Final = 2**64 - 1
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
# OTLP begins at 1, for 0 is "not said".
_KINDS: Final = {kind.value + 1: kind for kind in SpanKind}
_STATUS: Final = {code.value: Status(code) for code in StatusCode}
_ERROR: Final = StatusCode.ERROR.value


class BadSpan(NamedTuple):
    """A span that cannot be stored, and why not."""

    reason: str


class SentEvent(NamedTuple):
    """An event of a span; `time` in nanoseconds since 1970."""

    name: str
    time: int
    attributes: Mapping[str, Tree]


class SentSpan(NamedTuple):
    """What a sender says of a span, in the terms of OTLP; times in nanoseconds since 1970, 0 for not said."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_time: int
    end_time: int
    attributes: Mapping[str, Tree]
    events: Sequence[SentEvent]
    status_code: int
    status_message: str


class Source(NamedTuple):
    """Where spans come from; made once for many."""

    resource: Resource
    scope: InstrumentationScope


def resource_of(trees: Mapping[str, Tree]) -> Resource:
    """The resource that has these attributes."""
    return Resource(attributes(trees))


def scope_of(name: str, version: str) -> InstrumentationScope:
    """The instrumentation that made spans."""
    return InstrumentationScope(name, version or None)


def span_from(sent: SentSpan, source: Source) -> ReadableSpan | BadSpan:
    """The span, its times in order and within OTLP's range; or why it is none.

    OTLP has no other word for a span that has not ended than an end of 0.
    """
    if len(sent.trace_id) != TRACE_ID_BYTES or not any(sent.trace_id):
        return BadSpan(f"a trace id must have {TRACE_ID_BYTES} bytes that are not all zero")
    if len(sent.span_id) != SPAN_ID_BYTES or not any(sent.span_id):
        return BadSpan(f"a span id must have {SPAN_ID_BYTES} bytes that are not all zero")
    start_time, end_time = _time(sent.start_time), _time(sent.end_time)
    if not start_time and not end_time:
        return BadSpan("a span must have a start or an end time")
    # A start that was not said is better the end than 1970.
    start_time = start_time or end_time
    trace_id = int.from_bytes(sent.trace_id, "big")
    return ReadableSpan(
        name=sent.name,
        context=_context(trace_id, sent.span_id),
        parent=_parent(trace_id, sent.parent_span_id),
        resource=source.resource,
        attributes=attributes(sent.attributes),
        events=[Event(event.name, attributes(event.attributes), _time(event.time)) for event in sent.events],
        kind=_KINDS.get(sent.kind, SpanKind.INTERNAL),
        status=_status(sent.status_code, sent.status_message),
        start_time=start_time,
        end_time=max(start_time, end_time) if end_time else None,
        instrumentation_scope=source.scope,
    )


def _context(trace_id: int, span_id: bytes) -> SpanContext:
    return SpanContext(trace_id, int.from_bytes(span_id, "big"), is_remote=False, trace_flags=_SAMPLED)


def _parent(trace_id: int, span_id: bytes) -> SpanContext | None:
    is_one = len(span_id) == SPAN_ID_BYTES and any(span_id)
    return _context(trace_id, span_id) if is_one else None


def _status(code: int, message: str) -> Status:
    # The SDK has no description but an error's.
    if code == _ERROR and message:
        return Status(StatusCode.ERROR, message)
    return _STATUS.get(code, _STATUS[0])


def _time(nanoseconds: int) -> int:
    return min(max(nanoseconds, 0), _LAST_TIME)
