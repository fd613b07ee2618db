"""JSON texts in attributes, and attributes that a list or a tree was flattened into."""

import json
from collections.abc import Mapping
from typing import Any, Final

_PICTURES_MOST: Final = 100


def parsed(value: object) -> Any:
    """What a JSON text says; None for what is none. A value that is no text is itself."""
    if not isinstance(value, str):
        return value
    if value[:1] not in ("{", "["):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def numbered(attributes: Mapping[str, Any], prefix: str, suffix: str = "") -> list[Any]:
    """The values of `<prefix>0<suffix>`, `<prefix>1<suffix>` … up to the first that is missing."""
    found = []
    for index in range(_PICTURES_MOST):
        value = attributes.get(f"{prefix}{index}{suffix}")
        if value is None:
            break
        found.append(value)
    return found


def first(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """The first value that says something: not None, not an empty text or list."""
    for key in keys:
        value = attributes.get(key)
        if value is not None and value != "" and value != () and value != []:
            return value
    return None
