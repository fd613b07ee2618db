"""The spans of a request in JSON, as OTLP writes it: ids in hexadecimal, 64-bit integers as texts."""

import base64
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from image_tracing.storable import DEPTH_LIMIT, original_size_bytes
from image_tracing_viewer.otlp.json_pieces import Document, Json
from image_tracing_viewer.otlp.limits import (
    ATTRIBUTES_MAX,
    EVENTS_MAX,
    MESSAGES_MAX,
    refuse_malformed,
    refuse_messages,
)
from image_tracing_viewer.otlp.spans import (
    BadSpan,
    SentEvent,
    SentSpan,
    Source,
    resource_of,
    scope_of,
    span_from,
)
from image_tracing_viewer.otlp.values import TOO_DEEP, Budget, Tree, cut_mark

_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
# The texts that protobuf's JSON has for what JSON has no number for.
_NUMBERS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_KINDS: Final = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
_CODES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
# Bytes that were too long to be looked at.
_CUT: Final = "… [cut: "
_UNREADABLE: Final = BadSpan(
    "a span, or its resource or scope, is not as OTLP writes it in JSON, or is far too large"
)


def spans_in(body: bytes | bytearray) -> Iterator[ReadableSpan | BadSpan]:
    """The spans of an ExportTraceServiceRequest, one after the other, in the request's order.

    Fields that OTLP does not know are passed over.

    Raises:
        RequestError: 400, it is no JSON or no such request; 413, it holds too much.
    """
    document, reading = Document(body), _Reading()
    for resource_object, scopes in _taken_apart(document.tree):
        resource = reading.resource(resource_object)
        for scope_object, spans in scopes:
            scope = reading.scope(scope_object)
            for span in spans:
                if resource is None or scope is None:
                    yield _UNREADABLE
                else:
                    yield reading.span(document.span(span), Source(resource, scope))


def _taken_apart(document: Json) -> list[tuple[Any, list[tuple[Any, list[Any]]]]]:
    """Each resource, with each of its scopes and that one's spans, all of them counted."""
    found = [
        (
            each.get("resource"),
            [(inner.get("scope"), _list(inner, "spans")) for inner in _list(each, "scopeSpans")],
        )
        for each in _list(document, "resourceSpans")
    ]
    count = sum(1 + sum(1 + len(spans) for _, spans in scopes) for _, scopes in found)
    if count > MESSAGES_MAX:
        refuse_messages()
    return found


def _list(parent: Json, name: str) -> list[Any]:
    """A list of messages; null and absent mean none."""
    found = parent.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        refuse_malformed(f"{name} is no list")
    if name != "spans" and not all(isinstance(item, dict) for item in found):
        refuse_malformed(f"{name} holds something else than objects")
    return found


class _UnreadableError(ValueError):
    """A field of a span has the wrong type."""


class _Reading:
    def __init__(self) -> None:
        self._budget = Budget()

    def resource(self, resource: Any) -> Resource | None:
        """None for what is no resource."""
        try:
            return resource_of(self._attributes(_object(resource)))
        except _UnreadableError:
            return None

    def scope(self, scope: Any) -> InstrumentationScope | None:
        """None for what is no scope."""
        try:
            return scope_of(_text(_object(scope), "name"), _text(_object(scope), "version"))
        except _UnreadableError:
            return None

    def span(self, span: Any, source: Source) -> ReadableSpan | BadSpan:
        try:
            status = _object(_object(span).get("status"))
            sent = SentSpan(
                _id(span, "traceId"),
                _id(span, "spanId"),
                _id(span, "parentSpanId"),
                _text(span, "name"),
                _enum(span, "kind", _KINDS),
                _integer(span, "startTimeUnixNano"),
                _integer(span, "endTimeUnixNano"),
                self._attributes(span),
                [self._event(event) for event in islice(_items(span, "events"), EVENTS_MAX)],
                _enum(status, "code", _CODES),
                _text(status, "message"),
            )
        except _UnreadableError:
            return _UNREADABLE
        return span_from(sent, source)

    def _event(self, event: Any) -> SentEvent:
        found = _object(event)
        return SentEvent(_text(found, "name"), _integer(found, "timeUnixNano"), self._attributes(found))

    def _attributes(self, parent: Json) -> dict[str, Tree]:
        """The first attributes of those there are."""
        return self._pairs(_items(parent, "attributes"), ATTRIBUTES_MAX, depth=0)

    def _pairs(self, pairs: list[Any], most: int, *, depth: int) -> dict[str, Tree]:
        objects = map(_object, islice(pairs, most))
        return {_text(pair, "key"): self._tree(_object(pair.get("value")), depth) for pair in objects}

    def _tree(self, value: Json, depth: int) -> Tree:
        for kind, found in value.items():
            if found is None:
                continue
            if kind == "stringValue":
                return _text(value, kind)
            if kind == "intValue":
                return _integer(value, kind)
            if kind == "boolValue":
                return _boolean(found)
            if kind == "doubleValue":
                return _number(found)
            if kind == "bytesValue":
                return _bytes(found)
            if kind == "arrayValue":
                return self._list(_items(_object(found), "values"), depth)
            if kind == "kvlistValue":
                return self._dict(_items(_object(found), "values"), depth)
        return None

    def _list(self, values: list[Any], depth: int) -> Tree:
        if depth >= DEPTH_LIMIT:
            return TOO_DEEP
        taken = self._budget.taken(len(values))
        trees = [self._tree(_object(value), depth + 1) for value in islice(values, taken)]
        return trees if taken == len(values) else [*trees, cut_mark(len(values) - taken)]

    def _dict(self, pairs: list[Any], depth: int) -> Tree:
        if depth >= DEPTH_LIMIT:
            return TOO_DEEP
        taken = self._budget.taken(len(pairs))
        trees = self._pairs(pairs, taken, depth=depth + 1)
        return trees if taken == len(pairs) else {**trees, "…": cut_mark(len(pairs) - taken)}


def _object(value: Any) -> Json:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _UnreadableError
    return value


def _items(parent: Json, name: str) -> list[Any]:
    found = parent.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise _UnreadableError
    return found


def _text(parent: Json, name: str) -> str:
    found = parent.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _UnreadableError
    return found


def _id(parent: Json, name: str) -> bytes:
    """The bytes of an id; what is no hexadecimal makes none."""
    text = _text(parent, name)
    return bytes.fromhex(text) if len(text) <= 32 and _HEX.fullmatch(text) else b""


def _integer(parent: Json, name: str) -> int:
    found = parent.get(name)
    if found is None:
        return 0
    if type(found) is int:
        return found
    if type(found) is float and found.is_integer():
        return int(found)
    if isinstance(found, str) and _INTEGER.fullmatch(found):
        return int(found)
    raise _UnreadableError


def _enum(parent: Json, name: str, names: dict[str, int]) -> int:
    """The number; OTLP writes numbers only, protobuf's own JSON names."""
    found = parent.get(name)
    return names[found] if isinstance(found, str) and found in names else _integer(parent, name)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnreadableError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise _UnreadableError
    try:
        return _NUMBERS[value] if isinstance(value, str) and value in _NUMBERS else float(value)
    except (ValueError, TypeError, OverflowError):
        raise _UnreadableError from None


def _bytes(value: Any) -> Tree:
    if not isinstance(value, str):
        raise _UnreadableError
    if value.startswith(_CUT):
        return f"<bytes: {original_size_bytes(value) * 3 // 4} bytes>"
    try:
        return base64.b64decode(value)
    except ValueError:
        raise _UnreadableError from None
