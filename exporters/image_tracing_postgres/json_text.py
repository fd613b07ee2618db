"""JSON text that Postgres can store and Python cannot decode: any depth, and numbers of any length."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

# A string as a whole, or a sign that structures; possessive, so that time stays linear in the text.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]')

# Python refuses longer whole numbers, to keep the time in bounds.
_DIGITS_MAX: Final = 4_000
# As deep as a document's own fields go; what a caller put deeper than Python decodes stays text below this.
_LEVELS: Final = 8


def decoded(text: str) -> Any:
    """What the well-formed JSON text means to Python.

    Whole numbers of thousands of digits, and arrays and objects nested too deep, stay the text they are.
    """
    try:
        return json.loads(text)
    except RecursionError:
        return _decoded_down(text, _LEVELS)
    except ValueError:
        return json.loads(text, parse_int=_whole_number)


def members(text: str) -> dict[str, str]:
    """Name to JSON text of each member of a well-formed JSON object, in its order."""
    found: dict[str, str] = {}
    for part in _parts(text):
        name = _TOKEN.match(part)
        if name is not None:
            found[json.loads(name[0])] = part[name.end() :].lstrip()[1:].strip()
    return found


def elements(text: str) -> list[str]:
    """The JSON text of each element of a well-formed JSON array, in its order."""
    return list(_parts(text))


def _decoded_down(text: str, levels: int) -> Any:
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError:
        if levels == 0:
            return text
    if text.startswith("{"):
        return {name: _decoded_down(part, levels - 1) for name, part in members(text).items()}
    return [_decoded_down(part, levels - 1) for part in elements(text)]


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS_MAX else digits


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas of the outermost object or array."""
    depth = 0
    begin = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
            if depth == 1:
                begin = token.end()
        elif sign in "]}":
            depth -= 1
            if depth == 0 and (part := text[begin : token.start()].strip()):
                yield part
        elif sign == "," and depth == 1:
            yield text[begin : token.start()].strip()
            begin = token.end()
