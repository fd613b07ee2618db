"""Values that OTLP, JSON and Postgres all take: no NUL, no lone surrogate, no NaN, bounded in depth and size.

Limits: 64 kB a field, 256 kB a span; what is cut tells its original size.
"""

import enum
import json
import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from image_tracing.descriptions import description, standard_text

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

FIELD_LIMIT_BYTES: Final = 65_536
SPAN_LIMIT_BYTES: Final = 262_144
# Far below the depth at which Postgres (some 10,000) and json.loads (some 1,000) give up.
DEPTH_LIMIT: Final = 32
# A container of a million numbers costs the host milliseconds, not seconds.
NODE_LIMIT: Final = 5_000

_INT64: Final = 2**63
# Python refuses to print an integer beyond 4,300 digits; long before that it is no number anybody reads.
_PRINTABLE_BITS: Final = 1_024
_MARK: Final = re.compile(r"… \[cut: ([0-9]{1,20}) bytes in all\]\Z")
_SHORTENINGS: Final = ((16_384, 1_000), (4_096, 500), (1_024, 200), (256, 100), (64, 20), (32, 5))
encoded: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False
).encode


def storable_text(text: str, *, limit_bytes: int = FIELD_LIMIT_BYTES) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD, at most `limit_bytes` long in UTF-8.

    A cut text ends in `… [cut: N bytes in all]`, N being its original size.
    """
    return cut(without_poison(text), limit_bytes=limit_bytes)


def storable_value(value: object, *, limit_bytes: int = FIELD_LIMIT_BYTES) -> Json:
    """`value` as a tree of plain JSON values whose compact text has at most `limit_bytes` bytes in UTF-8.

    NaN and infinities become the texts `NaN`, `Infinity`, `-Infinity`; integers beyond 64 bits texts of
    digits; keys texts; bytes, pictures and foreign objects their type and size. What is too deep, too wide or
    too long says so in its place.
    """
    return shortened(plain(value), limit_bytes=limit_bytes)[0]


def storable_json(value: object, *, limit_bytes: int = FIELD_LIMIT_BYTES) -> str:
    """The compact JSON text of `storable_value(value)`."""
    return shortened(plain(value), limit_bytes=limit_bytes)[1]


def without_poison(text: str) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD; the same object when it has none."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # Pairs of surrogates become the character they stand for, lone ones U+FFFD.
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def size_bytes(text: str) -> int:
    """The length of `text` in UTF-8, lone surrogates included."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def original_size_bytes(text: str) -> int:
    """The length in UTF-8 that `text` has, or that it had before it was cut."""
    found = _MARK.search(text, max(0, len(text) - 50))
    return size_bytes(text) if found is None else int(found[1])


def cut_mark(original_bytes: int) -> str:
    """How a text ends that was cut."""
    return f"… [cut: {original_bytes} bytes in all]"


def cut(text: str, *, limit_bytes: int, original_bytes: int | None = None) -> str:
    """`text` within `limit_bytes` of UTF-8, its end a mark of its size if cut; the same object if it fits."""
    if original_bytes is None:
        if len(text) * 4 <= limit_bytes or size_bytes(text) <= limit_bytes:
            return text
        original_bytes = original_size_bytes(text)
    if original_bytes <= limit_bytes:
        return text
    mark = cut_mark(original_bytes)
    room = max(0, limit_bytes - len(mark.encode()))
    return text[:room].encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + mark


def plain(
    value: object,
    *,
    clean: Callable[[str], str] | None = None,
    clean_name: Callable[[str], str] | None = None,
    is_secret_name: Callable[[str], bool] | None = None,
) -> Json:
    """`value` as a tree of plain JSON values, bounded in depth and count but not in the length of texts.

    Every text goes through `clean`, every name through `clean_name`; without them they only lose what
    cannot be stored. Under a name for which `is_secret_name` is true, `[redacted]` stands for all but
    None, booleans and "".
    """
    return _Walk(clean or without_poison, clean_name or without_poison, is_secret_name).plain(value, 0)


def shortened(tree: Json, *, limit_bytes: int = FIELD_LIMIT_BYTES) -> tuple[Json, str, bool]:
    """A plain tree and its JSON text within `limit_bytes`, and whether anything was cut for that."""
    text = encoded(tree)
    if len(text) * 4 <= limit_bytes or size_bytes(text) <= limit_bytes:
        return tree, text, False
    original_bytes = size_bytes(text)
    for text_limit_bytes, length_limit in _SHORTENINGS:
        if text_limit_bytes >= limit_bytes:
            continue
        smaller = _smaller(tree, text_limit_bytes, length_limit)
        text = encoded(smaller)
        if size_bytes(text) <= limit_bytes:
            return smaller, text, True
    mark: Json = cut_mark(original_bytes)
    return mark, encoded(mark), True


def _smaller(tree: Json, text_limit_bytes: int, length_limit: int) -> Json:
    if isinstance(tree, str):
        return cut(tree, limit_bytes=text_limit_bytes)
    if isinstance(tree, list):
        items = [_smaller(item, text_limit_bytes, length_limit) for item in tree[:length_limit]]
        if len(tree) > length_limit:
            items.append(_more(len(tree) - length_limit))
        return items
    if isinstance(tree, dict):
        entries: dict[str, Json] = {}
        for key, item in tree.items():
            if len(entries) >= length_limit:
                entries["…"] = _more(len(tree) - length_limit)
                break
            entries[cut(key, limit_bytes=text_limit_bytes)] = _smaller(item, text_limit_bytes, length_limit)
        return entries
    return tree


def _more(count: int) -> str:
    return f"… [cut: {count} more]"


class _Walk:
    """One pass over a value; counts what it has seen."""

    def __init__(
        self,
        clean: Callable[[str], str],
        clean_name: Callable[[str], str],
        is_secret_name: Callable[[str], bool] | None,
    ) -> None:
        self._clean = clean
        self._clean_name = clean_name
        self._is_secret_name = is_secret_name
        self._nodes = 0

    def plain(self, value: Any, depth: int) -> Json:
        kind = type(value)
        if kind is str:
            return self._clean(value)
        if value is None or value is True or value is False:
            return value
        if kind is int:
            return value if -_INT64 <= value < _INT64 else _digits(value)
        if kind is float:
            return value if math.isfinite(value) else _not_finite(value)
        try:
            return self._other(value, depth)
        except Exception:  # noqa: BLE001 - a hostile subclass must not hurt the host
            return description(value)

    def _other(self, value: Any, depth: int) -> Json:
        if isinstance(value, dict):
            return self._mapping(value, dict.items(value), dict.__len__(value), depth)
        if isinstance(value, list):
            return self._sequence(list.__iter__(value), list.__len__(value), depth)
        if isinstance(value, tuple):
            return self._sequence(tuple.__iter__(value), tuple.__len__(value), depth)
        if isinstance(value, enum.Enum):
            return self.plain(value.value, depth + 1) if depth < DEPTH_LIMIT else description(value)
        if isinstance(value, str):
            return self._clean(str.__str__(value))
        if isinstance(value, int):
            return self.plain(int.__int__(value), depth)
        if isinstance(value, float):
            return self.plain(float.__float__(value), depth)
        if isinstance(value, MappingProxyType):
            return self._mapping(value, value.items(), len(value), depth)
        if isinstance(value, (set, frozenset)):
            items = [self.plain(item, depth + 1) for item in list(value)[:NODE_LIMIT]]
            return sorted(items, key=encoded)
        text = standard_text(value)
        return description(value) if text is None else self._clean(text)

    def _sequence(self, items: Any, length: int, depth: int) -> Json:
        if depth >= DEPTH_LIMIT:
            return f"… [cut: deeper than {DEPTH_LIMIT} levels]"
        result: list[Json] = []
        for item in items:
            self._nodes += 1
            if self._nodes > NODE_LIMIT:
                result.append(_more(length - len(result)))
                break
            result.append(self.plain(item, depth + 1))
        return result

    def _mapping(self, mapping: Mapping[Any, Any], items: Any, length: int, depth: int) -> Json:
        if depth >= DEPTH_LIMIT:
            return f"… [cut: deeper than {DEPTH_LIMIT} levels]"
        is_secret_name = self._is_secret_name
        result: dict[str, Json] = {}
        for key, item in list(items) if length <= NODE_LIMIT else items:
            self._nodes += 1
            if self._nodes > NODE_LIMIT:
                result["…"] = _more(length - len(result))
                break
            name = self._clean_name(key) if type(key) is str else self._name(key, mapping)
            if is_secret_name is not None and is_secret_name(name) and not _is_harmless(item):
                result[name] = "[redacted]"
            else:
                result[name] = self.plain(item, depth + 1)
        return result

    def _name(self, key: Any, mapping: Mapping[Any, Any]) -> str:
        """A text for any key; one that would hide a text key of the same spelling tells its type."""
        if isinstance(key, str):
            return self._clean_name(str.__str__(key))
        if key is None or isinstance(key, (bool, int, float)):
            name = self.plain(key, DEPTH_LIMIT)
            text = name if isinstance(name, str) else encoded(name)
        else:
            text = self._clean_name(standard_text(key) or description(key))
        return f"{text} ({type(key).__name__})" if text in mapping else text


def _is_harmless(value: object) -> bool:
    return value is None or value is True or value is False or (type(value) is str and not value)


def _digits(value: int) -> str:
    bits = value.bit_length()
    return str(value) if bits <= _PRINTABLE_BITS else f"<int: {bits} bits>"


def _not_finite(value: float) -> str:
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
