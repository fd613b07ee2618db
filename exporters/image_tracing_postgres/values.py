"""Attribute values as columns take them, whatever a program in any language put into its spans.

Nothing here raises: a value of the wrong type is read as well as it can be, else it counts as absent.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NoReturn

from image_tracing.storable import SPAN_LIMIT_BYTES, cut, storable_json, without_poison

# Postgres refuses an index entry over some 2,700 bytes; 500 characters have at most 2,000.
KEY_LENGTH: Final = 500

_FIRST: Final = "1970-01-01T00:00:00.000000+00:00"
# A day before the last, since no zone may push it into the year 10,000.
_LAST: Final = "9999-12-30T00:00:00.000000+00:00"
_LAST_SECOND: Final = 253_402_127_999
_INT64: Final = 2**63 - 1
# The most opening brackets for which the depth needs no counting.
_BRACKETS: Final = 32


def text(value: object) -> str | None:
    """A text for a text column, None for none; anything else than a text is written as JSON."""
    if value is None:
        return None
    if type(value) is not str:
        value = str.__str__(value) if isinstance(value, str) else storable_json(value)
    if not value.isascii() or "\0" in value:
        value = without_poison(value)
    return value if len(value) <= SPAN_LIMIT_BYTES // 4 else cut(value, limit_bytes=SPAN_LIMIT_BYTES)


def key(value: object) -> str | None:
    """A text short enough for an index: the first 500 characters. None for an empty one."""
    if value is None:
        return None
    if type(value) is str and value.isascii() and len(value) <= KEY_LENGTH and "\0" not in value:
        return value or None
    found = text(value)
    return found[:KEY_LENGTH] if found else None


def keys(value: object) -> list[str]:
    """The texts of a list, each once, in order."""
    if not isinstance(value, list | tuple):
        value = [value]
    return list(dict.fromkeys(found for item in value if (found := key(item))))


def integer(value: object) -> int | None:
    """An integer from 0 to 2**63 - 1, also from a text of digits, clamped; None for anything else."""
    if type(value) is int:
        return min(max(value, 0), _INT64)
    if isinstance(value, float) and value == value:
        return int(min(max(value, 0.0), 2.0**62))
    if isinstance(value, str) and len(value) < 20 and value.isdecimal():
        return min(int(value), _INT64)
    return None


def time(nanoseconds: int) -> str:
    """A time since 1970 in ISO 8601, UTC, always with microseconds, so that texts compare as times do.

    Clamped to 1970 up to the end of 9999: Postgres stores later ones, Python cannot read them back.
    """
    microseconds = nanoseconds // 1000
    seconds = microseconds // 1_000_000
    if microseconds <= 0:
        return _FIRST
    if seconds > _LAST_SECOND:
        return _LAST
    return f"{_second(seconds)}.{microseconds - seconds * 1_000_000:06}+00:00"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _UnreadableError(ValueError):
    """A number that Postgres refuses, or that it stores and Python cannot read back."""


def _plain_int(digits: str) -> int:
    if len(digits) > 18:
        raise _UnreadableError
    return int(digits)


def _plain_float(digits: str) -> float:
    number = float(digits)
    if len(digits) > 40 or number - number != 0:
        raise _UnreadableError
    return number


def _no_constant(_name: str) -> NoReturn:
    raise _UnreadableError


_decode: Final = json.JSONDecoder(
    parse_int=_plain_int, parse_float=_plain_float, parse_constant=_no_constant
).decode


def document(value: object) -> tuple[str | None, Any]:
    """A JSON text that Postgres stores and Python reads back, and what it says. `(None, None)` for none.

    A text that is no JSON (cut by a length limit, say) is kept as a JSON string.
    """
    if value is None or value == "":
        return None, None
    if not isinstance(value, str):
        return _rewritten(value)
    try:
        parsed = _decode(value)
    except (ValueError, RecursionError):
        return _rewritten(_parsed(value))
    if (
        len(value) <= SPAN_LIMIT_BYTES // 4
        and value.count("[") + value.count("{") <= _BRACKETS
        # NUL and surrogates come as escapes.
        and "\\u" not in value
        and (value.isascii() or without_poison(value) is value)
    ):
        return value, parsed
    return _rewritten(parsed)


def storable(value: object) -> str | None:
    """The text of `document` alone."""
    return document(value)[0]


def trusted(value: object) -> str | None:
    """As `storable`, for a text of our own instrumentation: well made, unless a length limit cut it."""
    if value is None:
        return None
    if (
        type(value) is str
        and value[:1] + value[-1:] in ("{}", "[]")
        and len(value) <= SPAN_LIMIT_BYTES // 4
        and "\\u" not in value
        and (value.isascii() or without_poison(value) is value)
    ):
        return value
    return storable(value)


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _rewritten(value: object) -> tuple[str | None, Any]:
    written = storable_json(value, limit_bytes=SPAN_LIMIT_BYTES)
    return written, json.loads(written)


def array(items: Sequence[str]) -> str:
    """The text of a Postgres text[]."""
    if not items:
        return "{}"
    quoted = (item.replace("\\", "\\\\").replace('"', '\\"') for item in items)
    return '{"' + '","'.join(quoted) + '"}'
