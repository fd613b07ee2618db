"""The spans of a request in protobuf."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope as ScopeMessage
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from image_tracing.storable import DEPTH_LIMIT
from image_tracing_viewer.otlp.limits import ATTRIBUTES_MAX, EVENTS_MAX
from image_tracing_viewer.otlp.spans import (
    BadSpan,
    SentEvent,
    SentSpan,
    Source,
    resource_of,
    scope_of,
    span_from,
)
from image_tracing_viewer.otlp.texts import LEAN_SPAN_BYTES
from image_tracing_viewer.otlp.values import TOO_DEEP, Budget, Tree, cut_mark
from image_tracing_viewer.otlp.wire import Wire

_PLAIN: Final = frozenset({"string_value", "bool_value", "int_value", "double_value", "bytes_value"})
_NO_PROTOBUF: Final = (DecodeError, UnicodeDecodeError)
_UNREADABLE: Final = BadSpan(
    "a span, or its resource or scope, could not be read as protobuf, or is far too large"
)


def spans_in(body: bytes | bytearray) -> Iterator[ReadableSpan | BadSpan]:
    """The spans of an ExportTraceServiceRequest, one after the other, in the request's order.

    All of it is counted before the first is parsed, and only one is held in parsed form.

    Raises:
        RequestError: 400, it cannot be taken apart; 413, it holds too much.
    """
    wire, reading = Wire(body), _Reading()
    for resource_piece, scopes in wire.resource_spans():
        resource = reading.resource(resource_piece)
        for scope_piece, pieces in scopes:
            scope = reading.scope(scope_piece)
            for start, end in pieces:
                if resource is None or scope is None:
                    yield _UNREADABLE
                else:
                    yield reading.span(wire.span(start, end), Source(resource, scope))


class _Reading:
    def __init__(self) -> None:
        self._budget = Budget()

    def resource(self, piece: bytes) -> Resource | None:
        """None for bytes that are no resource."""
        try:
            return resource_of(self._attributes(ResourceMessage.FromString(piece).attributes))
        except _NO_PROTOBUF:
            return None

    def scope(self, piece: bytes) -> InstrumentationScope | None:
        """None for bytes that are no scope."""
        try:
            scope = ScopeMessage.FromString(piece)
        except _NO_PROTOBUF:
            return None
        return scope_of(scope.name, scope.version)

    def span(self, piece: bytes, source: Source) -> ReadableSpan | BadSpan:
        if len(piece) > LEAN_SPAN_BYTES:
            return _UNREADABLE
        try:
            span = SpanMessage.FromString(piece)
        except _NO_PROTOBUF:
            return _UNREADABLE
        sent = SentSpan(
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            span.name,
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            self._attributes(span.attributes),
            [
                SentEvent(event.name, event.time_unix_nano, self._attributes(event.attributes))
                for event in islice(span.events, EVENTS_MAX)
            ],
            span.status.code,
            span.status.message,
        )
        return span_from(sent, source)

    def _attributes(self, pairs: Any) -> dict[str, Tree]:
        """The first attributes of those there are."""
        return {pair.key: self._tree(pair.value, 0) for pair in islice(pairs, ATTRIBUTES_MAX)}

    def _tree(self, value: AnyValue, depth: int) -> Tree:
        kind = value.WhichOneof("value")
        if kind in _PLAIN:
            return getattr(value, kind)
        if kind == "array_value":
            return self._list(value.array_value.values, depth)
        if kind == "kvlist_value":
            return self._dict(value.kvlist_value.values, depth)
        # Nothing was said, or something that only profiles say.
        return None

    def _list(self, values: Any, depth: int) -> Tree:
        if depth >= DEPTH_LIMIT:
            return TOO_DEEP
        taken = self._budget.taken(len(values))
        trees = [self._tree(value, depth + 1) for value in islice(values, taken)]
        return trees if taken == len(values) else [*trees, cut_mark(len(values) - taken)]

    def _dict(self, pairs: Any, depth: int) -> Tree:
        if depth >= DEPTH_LIMIT:
            return TOO_DEEP
        taken = self._budget.taken(len(pairs))
        trees = {pair.key: self._tree(pair.value, depth + 1) for pair in islice(pairs, taken)}
        return trees if taken == len(pairs) else {**trees, "…": cut_mark(len(pairs) - taken)}
