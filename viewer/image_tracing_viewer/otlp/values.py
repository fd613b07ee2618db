"""Attribute values of any shape as what a span carries: primitives, lists of one kind of them, JSON texts."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing.descriptions import description
from image_tracing.storable import DEPTH_LIMIT, NODE_LIMIT, cut, storable_json

# What lies within lists and maps, all of a request together.
_NODES: Final = 200_000
# More of a text than is stored or looked at for secrets.
_LONG: Final = 96 * 1024
# Of JSON within a text; a row takes a twentieth of it.
_TEXT_VALUES: Final = 100_000
_PRIMITIVES: Final = frozenset({str, bool, int, float})

Tree = Any
"""What a decoder makes of a value: None, a primitive, bytes, or a list or dict of them."""

TOO_DEEP: Final = f"… [cut: deeper than {DEPTH_LIMIT} levels]"


class Budget:
    """How many values within lists and maps a request may still have; what is beyond is left out, visibly."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _NODES

    def taken(self, length: int) -> int:
        """How many of the members of a list or map are looked at."""
        taken = min(length, self._left, NODE_LIMIT)
        self._left -= taken
        return taken


def _within(text: str) -> str:
    """A long text, cut if it could be JSON of very many values: it is read as that further on."""
    if text.count("[") + text.count("{") + text.count(",") <= _TEXT_VALUES:
        return text
    return cut(text, limit_bytes=_LONG)


def cut_mark(left_out: int) -> str:
    """What stands in for members that were left out."""
    return f"… [cut: {left_out} more]"


def attribute(tree: Tree) -> Any:
    """The value of a span's attribute; None for a value that says nothing.

    Lists of one primitive kind become tuples, other lists and maps JSON texts, bytes their size.
    """
    if tree is None or type(tree) in _PRIMITIVES:
        return tree
    if type(tree) is list and len(kinds := set(map(type, tree))) <= 1 and kinds <= _PRIMITIVES:
        return tuple(tree)
    return description(tree) if type(tree) is bytes else storable_json(tree)


def attributes(trees: Mapping[str, Tree]) -> dict[str, Any]:
    """The attributes of a span, an event or a resource; those without a name or a value are left out."""
    return {
        key: attribute(tree) if type(tree) is not str else tree if len(tree) <= _LONG else _within(tree)
        for key, tree in trees.items()
        if key and tree is not None
    }
