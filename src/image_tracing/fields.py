"""The fields of foreign objects, read without running their code."""

import enum
from collections.abc import Mapping
from types import MemberDescriptorType
from typing import Any, Final, TypeAlias

_MISSING: Final = object()
_PYDANTIC_EXTRA: Final = "__pydantic_extra__"


class Fields:
    """The fields of an object, read like a mapping: those of its `__dict__` and its slots.

    Of properties only `url` (Replicate's): any other may log, download or decode. What a model of pydantic
    does not declare, as an SDK older than a field of its API, is in a slot of its own.
    """

    __slots__ = ("_own", "_value")

    def __init__(self, value: object) -> None:
        self._value = value
        own = vars(value) if hasattr(value, "__dict__") else None
        self._own: Mapping[str, Any] = own if isinstance(own, dict) else {}
        if type(getattr(type(value), _PYDANTIC_EXTRA, None)) is MemberDescriptorType:
            extra = getattr(value, _PYDANTIC_EXTRA, None)
            if type(extra) is dict and extra:
                self._own = {**extra, **self._own}

    def __contains__(self, name: str) -> bool:
        return name in self._own or type(getattr(type(self._value), name, None)) is MemberDescriptorType

    def get(self, name: str) -> Any:
        found = self._own.get(name, _MISSING)
        if found is not _MISSING:
            return found
        declared = getattr(type(self._value), name, None)
        if type(declared) is MemberDescriptorType or (name == "url" and isinstance(declared, property)):
            return getattr(self._value, name, None)
        return None

    def items(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in list(self._own.items()) if not name.startswith("_")]

    @classmethod
    def of(cls, value: Any) -> "AnyFields":
        """The fields of `value`: itself if it is a dict."""
        return value if isinstance(value, dict) else cls(value)


AnyFields: TypeAlias = Mapping[Any, Any] | Fields


def first(fields: AnyFields, names: tuple[str, ...]) -> Any:
    for name in names:
        value = fields.get(name)
        if value is not None:
            return value
    return None


def text_of(value: object) -> str | None:
    return str.__str__(value) if isinstance(value, str) and value else None


def name_of(value: Any) -> str | None:
    """The name of an enumeration's member (Google's), or a text."""
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str) else value.name
    return str.__str__(value) if isinstance(value, str) else None


def count_of(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None
