"""Attribute values of any shape as what a span carries: primitives, lists of one kind of them, JSON texts."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing.descriptions import description
from image_tracing.storable import DEPTH_LIMIT, NODE_LIMIT, storable_json

# What lies within lists and maps, all of a request together.
_NODES: Final = 200_000
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
        key: tree if type(tree) is str else attribute(tree)
        for key, tree in trees.items()
        if key and tree is not None
    }
