"""Sums that are added up, and percentiles of them."""

import random
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tracing_postgres.statistics.tallies import Sketch

_MS = st.one_of(st.integers(0, 300), st.integers(0, 2**31 - 1))


def _sketch(values: list[int]) -> Sketch:
    sketch = Sketch()
    sketch.add(values, [1] * len(values), sum(values))
    return sketch


@given(st.lists(_MS, min_size=1, max_size=300))
def test_a_percentile_occurred_and_is_at_most_one_percent_below_the_nearest_rank(values: list[int]) -> None:
    found = _sketch(values).durations

    assert found is not None
    for percentile, value in ((50, found.p50), (90, found.p90), (95, found.p95), (99, found.p99)):
        exact = sorted(values)[ceil(len(values) * percentile / 100) - 1]
        assert value in values
        assert exact - exact * 0.01 <= value <= exact


@given(st.lists(st.lists(_MS, max_size=60), max_size=6), st.randoms())
def test_the_pieces_and_their_order_do_not_matter(pieces: list[list[int]], chance: random.Random) -> None:
    at_once = _sketch([value for piece in pieces for value in piece]).durations
    added = Sketch()
    for piece in chance.sample(pieces, len(pieces)):
        one = _sketch(piece)
        thinned = Sketch()
        thinned.add(*one.thinned(), one.sum_ms)
        added.merge(chance.choice([one, thinned]))

    assert added.durations == at_once


@pytest.mark.parametrize("count", [1, 10, 20, 100, 1_000])
def test_ranks_are_those_of_whole_numbers(count: int) -> None:
    found = _sketch([1] * (count - count // 10) + [100] * (count // 10)).durations

    assert found is not None
    assert found.p90 == 1


def test_nothing_has_no_durations() -> None:
    assert Sketch().durations is None
