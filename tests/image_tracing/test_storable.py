"""Any value becomes something that OTLP, JSON and Postgres take."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_tracing.storable import (
    DEPTH_LIMIT,
    FIELD_LIMIT_BYTES,
    storable_json,
    storable_text,
    storable_value,
)


class Hostile:
    """Raises at whatever is done with it."""

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __str__(self) -> str:
        raise RuntimeError("str")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    __hash__ = object.__hash__


TEXTS = st.text(st.characters(), max_size=50) | st.text(st.characters(categories=["Cs", "Cc"]), max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**90)
    | st.floats()
    | TEXTS
    | st.binary(max_size=50)
    | st.builds(Hostile)
    | st.datetimes()
    | st.uuids()
    | st.decimals()
)
KEYS = (
    TEXTS
    | st.integers()
    | st.none()
    | st.booleans()
    | st.floats()
    | st.binary(max_size=4)
    | st.tuples(st.integers())
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.frozensets(st.integers() | TEXTS, max_size=5)
    ),
    max_leaves=30,
)


def is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text and "\\u0000" not in text.replace("\\\\", "")


def refuse(constant: str) -> None:
    raise AssertionError(constant)


@settings(max_examples=400)
@given(VALUES)
def test_every_value_becomes_strict_json(value: object) -> None:
    text = storable_json(value)

    assert is_storable(text)
    assert json.loads(text, parse_constant=refuse) == storable_value(value)
    assert len(text.encode()) <= FIELD_LIMIT_BYTES


@given(TEXTS, st.integers(min_value=64, max_value=200))
def test_every_text_fits_its_limit(text: str, limit_bytes: int) -> None:
    stored = storable_text(text * 20, limit_bytes=limit_bytes)

    assert is_storable(stored)
    assert len(stored.encode()) <= limit_bytes


@settings(max_examples=25)
@given(VALUES)
def test_what_is_too_long_is_cut_to_valid_json(value: object) -> None:
    text = storable_json([value] * 300, limit_bytes=2_000)

    json.loads(text)
    assert len(text.encode()) <= 2_000


def test_a_plain_value_stays_as_it_is() -> None:
    value = {"a": 1, "b": [1.5, None, True, "é"], "c": {"d": ""}}

    assert storable_value(value) == value


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (2**70, str(2**70)),
        (-(2**63), -(2**63)),
        (2**16610 - 1, "<int: 16610 bits>"),
        ("a\0b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        (b"\x89PNG", "<bytes: 4 bytes>"),
        (bytearray(7), "<bytearray: 7 bytes>"),
        ({1: "a", "1": "b"}, {"1 (int)": "a", "1": "b"}),
        ({(1, 2): 3}, {"<tuple>": 3}),
        ({"b", "a"}, ["a", "b"]),
        (Hostile(), "<Hostile>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_no_store_takes_becomes_a_text(value: object, stored: object) -> None:
    assert storable_value(value) == stored


def test_a_cut_text_tells_its_original_size() -> None:
    stored = storable_text("é" * 100_000)

    assert stored.endswith("… [cut: 200000 bytes in all]")
    assert len(stored.encode()) <= FIELD_LIMIT_BYTES


def test_a_text_that_is_cut_again_tells_the_same_size() -> None:
    once = storable_text("é" * 1_000, limit_bytes=500)

    assert storable_text(once, limit_bytes=100).endswith("… [cut: 2000 bytes in all]")


def test_a_long_list_tells_how_much_is_missing() -> None:
    stored = storable_value(list(range(1_000_000)))

    assert isinstance(stored, list)
    assert isinstance(stored[-1], str)
    assert stored[-1].startswith("… [cut: ")


def test_a_tree_too_deep_says_so_where_it_ends() -> None:
    tree: list[Any] = []
    for _ in range(5_000):
        tree = [tree]

    text = storable_json(tree)

    assert text.count("[") == DEPTH_LIMIT + 1
    assert "deeper than" in text


def test_a_tree_that_holds_itself_ends() -> None:
    tree: dict[str, Any] = {}
    tree["self"] = tree

    assert "deeper than" in storable_json(tree)


def test_many_wide_levels_cost_no_more_than_the_limit() -> None:
    tree: Any = "leaf"
    for _ in range(20):
        tree = [tree] * 50

    assert len(storable_json(tree)) <= FIELD_LIMIT_BYTES


def test_no_iterator_is_consumed() -> None:
    items = iter([1, 2, 3])

    assert storable_value({"items": items}) == {"items": "<list_iterator>"}
    assert list(items) == [1, 2, 3]
