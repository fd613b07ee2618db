"""Where bars, gaps, wasted time and axis marks stand."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tracing_postgres.records import Attempt, Trace
from image_tracing_viewer.waterfall import waterfall_of

Make = Callable[..., Attempt]
MakeTrace = Callable[..., Trace]


def test_a_bar_is_as_wide_as_its_share_of_the_time(attempt: Make, trace: MakeTrace) -> None:
    chart = waterfall_of(trace(attempt(at_ms=1000, duration_ms=3000)))

    [bar] = chart.bars
    assert (bar.span.x, bar.span.width) == (25.0, 75.0)
    assert (bar.span.start_ms, bar.span.duration_ms) == (1000, 3000)


def test_waiting_before_and_between_attempts_is_a_gap(attempt: Make, trace: MakeTrace) -> None:
    first = attempt(at_ms=500, duration_ms=1000, error_class="timeout")
    second = attempt(number=2, at_ms=3500, duration_ms=500)

    chart = waterfall_of(trace(first, second))

    gaps = [bar.gap for bar in chart.bars]
    assert [(gap.start_ms, gap.duration_ms) for gap in gaps if gap] == [(0, 500), (1500, 2000)]
    assert chart.waiting_ms == 2500


def test_a_pause_too_short_to_see_is_no_gap_but_counts(attempt: Make, trace: MakeTrace) -> None:
    chart = waterfall_of(trace(attempt(at_ms=10, duration_ms=3990)))

    assert not chart.has_gaps
    assert chart.waiting_ms == 10


def test_wasted_time_is_that_of_failed_attempts(attempt: Make, trace: MakeTrace) -> None:
    first = attempt(at_ms=0, duration_ms=1000, error_class="timeout")
    second = attempt(number=2, at_ms=1000, duration_ms=3000)

    chart = waterfall_of(trace(first, second))

    assert chart.wasted_ms == 1000
    assert [(span.x, span.width) for span in chart.wasted] == [(0.0, 25.0)]
    assert chart.time_to_picture_ms == 4000


def test_failed_time_beside_a_success_is_not_shaded(attempt: Make, trace: MakeTrace) -> None:
    good = attempt(at_ms=1000, duration_ms=1000)
    failed = attempt(number=2, at_ms=0, duration_ms=4000, error_class="timeout")

    chart = waterfall_of(trace(good, failed))

    assert [(span.start_ms, span.duration_ms) for span in chart.wasted] == [(0, 1000), (2000, 2000)]


def test_side_by_side_attempts_have_no_gap_between_them(attempt: Make, trace: MakeTrace) -> None:
    chart = waterfall_of(
        trace(attempt(at_ms=0, duration_ms=3000), attempt(number=2, at_ms=1000, duration_ms=500))
    )

    assert [bar.gap for bar in chart.bars] == [None, None]
    assert [bar.position for bar in chart.bars] == [1, 2]


def test_time_after_the_last_attempt_is_the_tail(attempt: Make, trace: MakeTrace) -> None:
    chart = waterfall_of(trace(attempt(duration_ms=3000)))

    assert chart.tail is not None
    assert (chart.tail.x, chart.tail.width) == (75.0, 25.0)


def test_an_attempt_that_seems_to_begin_before_its_generation_stays_on_the_axis(
    attempt: Make, trace: MakeTrace
) -> None:
    chart = waterfall_of(trace(attempt(at_ms=-1000, duration_ms=500)))

    assert chart.bars[0].span.x == 0.0
    assert chart.length_ms == 5000


def test_a_generation_without_attempts_or_length_has_an_axis(trace: MakeTrace) -> None:
    chart = waterfall_of(trace(total_duration_ms=None, status="started"))

    assert chart.bars == []
    assert chart.length_ms == 1
    assert chart.time_to_picture_ms is None


@pytest.mark.parametrize(
    ("length_ms", "labels"),
    [
        (1, ["0", "1 ms"]),
        (950, ["0", "200 ms", "400 ms", "600 ms", "800 ms"]),
        (12_000, ["0", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s"]),
        (100_000, ["0", "20 s", "40 s", "1 min", "1 min 20 s", "1 min 40 s"]),
        (4_000_000, ["0", "15 min", "30 min", "45 min", "1 h"]),
        (10_000_000_000, ["0", "20 d 00 h", "40 d 00 h", "60 d 00 h", "80 d 00 h", "100 d 00 h"]),
    ],
)
def test_the_axis_is_marked_at_round_times(length_ms: int, labels: list[str], trace: MakeTrace) -> None:
    chart = waterfall_of(trace(total_duration_ms=length_ms))

    assert [tick.label for tick in chart.ticks] == labels


@given(
    bounds=st.lists(
        st.tuples(st.integers(-10_000, 10**9), st.integers(0, 10**9), st.booleans()), min_size=0, max_size=12
    ),
    total_ms=st.none() | st.integers(0, 10**9),
)
def test_everything_stays_on_the_axis(
    bounds: list[tuple[int, int, bool]], total_ms: int | None, attempt: Make, trace: MakeTrace
) -> None:
    attempts = [
        attempt(number=number, at_ms=at_ms, duration_ms=duration, success=success)
        for number, (at_ms, duration, success) in enumerate(bounds, start=1)
    ]

    chart = waterfall_of(trace(*attempts, total_duration_ms=total_ms))

    spans = [bar.span for bar in chart.bars] + [bar.gap for bar in chart.bars if bar.gap] + list(chart.wasted)
    assert all(span.x >= 0 and span.x + span.width <= 100.01 for span in spans)
    assert all(
        left.start_ms + left.duration_ms <= right.start_ms
        for left, right in zip(chart.wasted, chart.wasted[1:], strict=False)
    )
    assert len(chart.ticks) <= 7
