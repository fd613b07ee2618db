"""A request in JSON as objects, of a large one never more than one span at a time."""

import json
import re
from typing import Any, Final

from image_tracing_viewer.otlp.limits import FIELDS_MAX, refuse_fields, refuse_malformed
from image_tracing_viewer.otlp.texts import LEAN_SPAN_BYTES, TextRoom, marked

Json = dict[str, Any]

# Up to here objects are made of the whole request at once, which is faster.
_WHOLE_BYTES: Final = 8 * 1024 * 1024
# Texts are looked at one by one in pieces beyond this.
_UNCUT_BYTES: Final = 1024 * 1024
# A text, also one without an end, in one go.
_TEXT: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_VALUES: Final = re.compile(_TEXT + rb"|[\[{,]", re.DOTALL)
_BRACKETS: Final = re.compile(_TEXT + rb"|[\[\]{}]", re.DOTALL)
_TEXTS: Final = re.compile(_TEXT, re.DOTALL)
_QUOTE: Final = 0x22
_OPENING: Final = b"[{"
# What opens around a span and at its beginning, and the names of the lists.
_PATH: Final = b"{[{[{[{"
_NAMES: Final = {1: b'"resourceSpans"', 3: b'"scopeSpans"', 5: b'"spans"'}
_NAME_LENGTH: Final = max(map(len, _NAMES.values()))
# At the end of a text that was cut.
_HALF_ESCAPE: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z")


class Document:
    """A request; `tree` is what it says, the spans of one over `whole_bytes` left out: `span` gives these.

    Raises RequestError: 400, it is no JSON; 413, it has more values than a parser should make objects of.
    """

    def __init__(self, body: bytes | bytearray, *, whole_bytes: int = _WHOLE_BYTES) -> None:
        if body.count(b"{") + body.count(b"[") + body.count(b",") > FIELDS_MAX:
            _count_values(body)
        self._body = memoryview(body)
        self._spans: dict[int, tuple[int, int]] = {}
        if len(body) > whole_bytes:
            self._spans = dict(enumerate(_spans_in(body)))
            body = self._without_spans()
        self.tree = _tree_of(body)

    def span(self, found: Any) -> Any:
        """The object of what a list of spans holds; anything else than an object for what is none."""
        # Once only, since the number may be the sender's own.
        place = self._spans.pop(found, None) if type(found) is int else None
        if place is None:
            return found
        piece = _lean(self._body[slice(*place)], TextRoom())
        try:
            return json.loads(piece.decode()) if len(piece) <= LEAN_SPAN_BYTES else found
        except (ValueError, RecursionError):
            return found

    def _without_spans(self) -> bytearray:
        """The request with a number in the place of each span."""
        room, rest, place = TextRoom(), bytearray(), 0
        for number, (start, end) in self._spans.items():
            rest += _lean(self._body[place:start], room)
            rest += b"%d" % number
            place = end
            if len(rest) > LEAN_SPAN_BYTES:
                refuse_fields()
        rest += _lean(self._body[place:], room)
        if len(rest) > LEAN_SPAN_BYTES:
            refuse_fields()
        return rest


def _tree_of(text: bytes | bytearray) -> Json:
    try:
        tree = json.loads(text.decode())
    except UnicodeDecodeError:
        refuse_malformed("it is not in UTF-8")
    except RecursionError:
        refuse_malformed("its values are nested too deep")
    except ValueError:
        refuse_malformed("it is no JSON")
    if not isinstance(tree, dict):
        refuse_malformed("it is no JSON object")
    return tree


def _count_values(body: bytes | bytearray) -> None:
    """Refuse more than FIELDS_MAX values; what stands in texts is none."""
    values = 0
    for count, token in enumerate(_VALUES.finditer(body)):
        values += body[token.start()] != _QUOTE
        # Texts in a row are no JSON, and are not counted for long.
        if values > FIELDS_MAX or count > 4 * FIELDS_MAX:
            refuse_fields()


def _spans_in(body: bytes | bytearray) -> list[tuple[int, int]]:
    """Where the objects in the lists of spans begin and end."""
    places = []
    depth = matched = begin = 0
    name = b""
    for count, token in enumerate(_BRACKETS.finditer(body)):
        start, end = token.span()
        kind = body[start]
        if kind == _QUOTE:
            if depth == matched and end - start <= _NAME_LENGTH:
                name = bytes(body[start:end])
        elif kind in _OPENING:
            if depth == matched < len(_PATH) and kind == _PATH[depth]:
                matched += depth not in _NAMES or name == _NAMES[depth]
                begin = start
            depth += 1
        else:
            if depth == matched == len(_PATH):
                places.append((begin, end))
            depth -= 1
            matched = min(matched, depth)
        if depth < 0:
            refuse_malformed("it is no JSON")
        if count > 4 * FIELDS_MAX:
            refuse_fields()
    return places


def _lean(text: memoryview, room: TextRoom) -> bytes:
    """A piece of JSON that begins and ends outside of texts, the long ones in it cut.

    Over LEAN_SPAN_BYTES it is given up, and may end anywhere.
    """
    if len(text) <= _UNCUT_BYTES:
        return bytes(text)
    lean, place = bytearray(), 0
    for token in _TEXTS.finditer(text):
        start, end = token.start() + 1, token.end() - 1
        head = room.kept(text[start:end])
        if head is not None:
            lean += text[place:start]
            lean += marked(_HALF_ESCAPE.sub(rb"\1", head), end - start)
            place = end
            if len(lean) > LEAN_SPAN_BYTES:
                return bytes(lean)
    lean += text[place:]
    return bytes(lean)
