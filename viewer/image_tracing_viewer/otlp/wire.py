"""Protobuf's wire format, as far as it takes to count what a request holds before anything is parsed.

A parser makes objects of dozens of bytes out of messages of two; so it is only given pieces of bounded size,
or pieces whose parts were counted. Field numbers are those of opentelemetry-proto 1.x, which never change.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from image_tracing_viewer.otlp.limits import (
    FIELDS_MAX,
    MESSAGES_MAX,
    refuse_fields,
    refuse_malformed,
    refuse_messages,
)
from image_tracing_viewer.otlp.texts import LEAN_SPAN_BYTES, TextRoom, marked

# A piece this small is parsed as it is, whatever its texts are.
_UNCUT_BYTES: Final = 1024 * 1024
# A piece this small has at most half as many parts as bytes, which no parser minds.
_UNCOUNTED_BYTES: Final = 8_192
_LENGTH_DELIMITED: Final = 2
# Deeper values are refused by the parser, which stops at 100 messages.
_DEPTH_MAX: Final = 100

# Which fields of a message are messages in turn: number -> their schema.
Schema = Mapping[int, Any]
_VALUE: Final[dict[int, Any]] = {}
_TEXT: Final = 1
_BYTES: Final = 7
_KEY_VALUE: Final[Schema] = {2: _VALUE}
_VALUE.update({5: {1: _VALUE}, 6: {1: _KEY_VALUE}})
_RESOURCE: Final[Schema] = {1: _KEY_VALUE, 3: {}}
_SCOPE: Final[Schema] = {3: _KEY_VALUE}
_SPAN: Final[Schema] = {9: _KEY_VALUE, 11: {3: _KEY_VALUE}, 13: {4: _KEY_VALUE}, 15: {}}


class ScopeSpans(NamedTuple):
    """The bytes of a scope and of its spans."""

    scope: bytes
    spans: list[tuple[int, int]]


class ResourceSpans(NamedTuple):
    """The bytes of a resource, and its scopes."""

    resource: bytes
    scopes: list[ScopeSpans]


class Wire:
    """A body taken apart into the pieces that are worth parsing.

    Raises RequestError: 400, this is no protobuf; 413, it holds too much.
    """

    def __init__(self, body: bytes | bytearray) -> None:
        self._body = body
        self._view = memoryview(body)
        self._messages_left = MESSAGES_MAX
        self._fields_left = FIELDS_MAX

    def resource_spans(self) -> list[ResourceSpans]:
        """What the request holds, all of it counted."""
        try:
            return [
                self._resource_spans(start, end)
                for number, _, start, end in self._fields(0, len(self._body))
                if number == 1
            ]
        except IndexError:
            refuse_malformed("it ends too early")

    def span(self, start: int, end: int) -> bytes:
        """The bytes of a span, within bounds: its longest texts are cut."""
        return self._piece(_SPAN, start, end)

    def _resource_spans(self, start: int, end: int) -> ResourceSpans:
        self._count_message()
        resource: bytes | None = None
        scopes = []
        for number, _, from_, to in self._fields(start, end):
            if number == 1:
                resource = self._only(resource, _RESOURCE, from_, to)
            elif number == 2:
                scopes.append(self._scope_spans(from_, to))
        return ResourceSpans(resource or b"", scopes)

    def _scope_spans(self, start: int, end: int) -> ScopeSpans:
        self._count_message()
        scope: bytes | None = None
        spans = []
        for number, _, from_, to in self._fields(start, end):
            if number == 1:
                scope = self._only(scope, _SCOPE, from_, to)
            elif number == 2:
                self._count_message()
                self._check(_SPAN, from_, to)
                spans.append((from_, to))
        return ScopeSpans(scope or b"", spans)

    def _only(self, known: bytes | None, schema: Schema, start: int, end: int) -> bytes:
        # Protobuf would merge two, which no sender means and an attacker can make long work of.
        if known is not None:
            refuse_malformed("it has two resources or scopes where one belongs")
        self._check(schema, start, end)
        piece = self._piece(schema, start, end)
        if len(piece) > LEAN_SPAN_BYTES:
            refuse_fields()
        return piece

    def _count_message(self) -> None:
        self._messages_left -= 1
        if self._messages_left < 0:
            refuse_messages()

    def _check(self, schema: Schema, start: int, end: int) -> None:
        """Count the parts of a piece, if it is so large that there may be many."""
        if end - start <= _UNCOUNTED_BYTES:
            return
        levels = [self._nested(schema, start, end)]
        while levels:
            found = next(levels[-1], None)
            if found is None:
                levels.pop()
            elif len(levels) >= _DEPTH_MAX:
                refuse_malformed(f"its values are nested deeper than {_DEPTH_MAX} messages")
            else:
                levels.append(self._nested(*found))

    def _nested(self, schema: Schema, start: int, end: int) -> Iterator[tuple[Schema, int, int]]:
        for number, _, from_, to in self._fields(start, end):
            inner = schema.get(number)
            if inner is not None:
                yield inner, from_, to

    def _piece(self, schema: Schema, start: int, end: int) -> bytes:
        if end - start <= _UNCUT_BYTES:
            return bytes(self._view[start:end])
        # They were counted before.
        fields_left = self._fields_left
        lean = self._lean(schema, start, end, TextRoom())
        self._fields_left = fields_left
        return bytes(lean)

    def _lean(self, schema: Schema, start: int, end: int, room: TextRoom) -> bytearray:
        """A message whose long texts are cut, and whose long bytes are told by their size.

        Over LEAN_SPAN_BYTES it is given up, and may end anywhere.
        """
        lean = bytearray()
        place = start
        for number, begin, from_, to in self._fields(start, end):
            inner = schema.get(number)
            if inner is not None:
                content: bytes | bytearray | None = self._lean(inner, from_, to, room)
            elif schema is _VALUE and number == _BYTES:
                number, content = _TEXT, f"<bytes: {to - from_} bytes>".encode()
            else:
                head = room.kept(self._view[from_:to])
                content = None if head is None else marked(head, to - from_)
            if content is not None:
                lean += self._view[place:begin]
                lean += _prefix(number, len(content))
                lean += content
                place = to
                if len(lean) > LEAN_SPAN_BYTES:
                    return lean
        return lean + self._view[place:end]

    def _fields(self, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, beginning, and start and end of the content, of each length-delimited field.

        The others are only counted.

        One function without calls: it is what a request costs. Raises IndexError at the end of the body.
        """
        body = self._body
        while position < end:
            self._fields_left -= 1
            if self._fields_left < 0:
                refuse_fields()
            begin = position
            tag = body[position]
            position += 1
            if tag > 127:
                tag, position = self._varint(position - 1)
            kind = tag & 7
            if kind == _LENGTH_DELIMITED:
                size = body[position]
                position += 1
                if size > 127:
                    size, position = self._varint(position - 1)
                start, position = position, position + size
                if position > end:
                    refuse_malformed("a length in it leads beyond its end")
                yield tag >> 3, begin, start, position
            elif kind == 0:
                _, position = self._varint(position)
            elif kind == 1:
                position += 8
            elif kind == 5:
                position += 4
            else:
                refuse_malformed(f"it holds the unknown wire type {kind}")
        if position > end:
            refuse_malformed("a field in it leads beyond its end")

    def _varint(self, position: int) -> tuple[int, int]:
        """The number that begins at `position`, and where the next thing begins."""
        value = shift = 0
        while True:
            byte = self._body[position]
            position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, position
            shift += 7
            if shift > 63:
                refuse_malformed("a number in it is longer than 64 bits")


def _prefix(number: int, size: int) -> bytes:
    """What stands before the content of a length-delimited field."""
    return _varint_of(number << 3 | _LENGTH_DELIMITED) + _varint_of(size)


def _varint_of(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes((*encoded, value))
