"""Contents on their way into attributes: redacted, storable, bounded, or kept out altogether."""

import re
from functools import lru_cache
from typing import Final

from image_tracing.redaction import is_secret_name, redacted, without_data_urls
from image_tracing.storable import FIELD_LIMIT_BYTES, Json, cut, original_size_bytes, plain, without_poison

NOT_CAPTURED: Final = "[not captured]"

# Below this no text can exceed a field's limit, four bytes a character.
_SHORT: Final = FIELD_LIMIT_BYTES // 4
# A secret that begins before the limit is seen whole if the text looked at goes on for so long after it.
_SLACK: Final = 16_384
_PICTURE_BASE64: Final = ("iVBORw0KGgo", "/9j/", "UklGR", "R0lGOD")
_NUMBERS: Final = re.compile(r"[0-9.:xX*]{1,30}")


def clean_text(text: str) -> str:
    """`text` without secrets, pictures and what cannot be stored, cut to a field's limit after that."""
    length = len(text)
    if length < 64:
        return _clean_short_text(text)
    if length < 256:
        return without_poison(redacted(text))
    if text.startswith(_PICTURE_BASE64) and " " not in text[:256]:
        return f"<base64 image: {length * 3 // 4} bytes>"
    if length <= _SHORT:
        return without_poison(redacted(text))
    return _clean_long_text(without_data_urls(text))


@lru_cache(maxsize=1024)
def _clean_short_text(text: str) -> str:
    """Names of models, providers, schedulers: the same few come by again and again."""
    return without_poison(redacted(text))


def _clean_long_text(text: str) -> str:
    original_bytes = original_size_bytes(text)
    window = text[: FIELD_LIMIT_BYTES + _SLACK]
    cleaned = without_poison(redacted(window))
    if len(window) < len(text):
        # What is cut off here may be the head of a secret that was too long to be recognised.
        cleaned = cleaned[: max(0, len(cleaned) - _SLACK)]
        return cut(cleaned, limit_bytes=FIELD_LIMIT_BYTES, original_bytes=original_bytes)
    return cut(cleaned, limit_bytes=FIELD_LIMIT_BYTES)


def clean_tree(value: object) -> Json:
    """Any value as a tree of JSON values with every text and name clean."""
    return plain(value, clean=clean_text, clean_name=_clean_name, is_secret_name=is_secret_name)


def hidden_tree(value: object) -> Json:
    """Any value as a tree of JSON values whose texts are kept out: numbers, booleans and plain names stay."""
    return plain(value, clean=_hidden, clean_name=_hidden_name, is_secret_name=is_secret_name)


def captured(value: object, *, has_content: bool) -> Json:
    """A JSON tree of `value`, with its texts or without."""
    return clean_tree(value) if has_content else hidden_tree(value)


class Cleaner:
    """`clean_text` that remembers: a generation's prompt comes by with every attempt."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        if len(text) < 64:
            return clean_text(text)
        known = self._known.get(text)
        if known is None:
            known = clean_text(text)
            if len(self._known) < 64 and len(text) <= _SHORT:
                self._known[text] = known
        return known

    def tree(self, value: object) -> Json:
        """`clean_tree` with this memory."""
        return plain(value, clean=self.text, clean_name=_clean_name, is_secret_name=is_secret_name)


def is_only_numbers(text: str) -> bool:
    """Whether `text` tells nothing but numbers: `1024x768`, `16:9`."""
    return _NUMBERS.fullmatch(text) is not None


def _clean_name(name: str) -> str:
    return clean_text(name)


def _hidden(_: str) -> str:
    return NOT_CAPTURED


def _hidden_name(name: str) -> str:
    return name if len(name) <= 64 and name.isidentifier() and name.isascii() else NOT_CAPTURED
