"""Misuse of the decorators, told at decoration."""

from collections.abc import Iterable, Mapping
from typing import Final

from image_tracing.errors import UsageError

_SHOWN_LIMIT: Final = 100


def names_to_ignore(kind: str, ignore: str | Iterable[str]) -> frozenset[str]:
    """The names given as `ignore`, one or several."""
    if isinstance(ignore, str):
        return frozenset({ignore})
    names = frozenset(ignore) if isinstance(ignore, Iterable) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"{kind} wants names of parameters in ignore; found {shown(ignore)}; "
            'write ignore="name" or ignore=["name", "other"]'
        )
    return names


def require_text_or_function(kind: str, name: str, value: object) -> None:
    """Refuse a value that can be neither a text nor tell one."""
    if not (value is None or isinstance(value, str) or callable(value)):
        raise UsageError(
            f"{kind} wants a text or a function for {name}; found {shown(value)}; "
            f'write {name}="..." or {name}=lambda arguments: ...'
        )


def require_mapping_or_function(kind: str, name: str, value: object) -> None:
    """Refuse a value that can be neither a mapping nor tell one."""
    if not (value is None or isinstance(value, Mapping) or callable(value)):
        raise UsageError(
            f"{kind} wants a mapping or a function for {name}; found {shown(value)}; "
            f"write {name}={{...}} or {name}=lambda arguments: {{...}}"
        )


def shown(value: object) -> str:
    """A wrong value as a message quotes it."""
    try:
        return repr(value)[:_SHOWN_LIMIT]
    except Exception:  # noqa: BLE001 - the message about a wrong value must not fail because of it
        return f"a {type(value).__name__}"
