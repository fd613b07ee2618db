import re
from collections.abc import Sequence

import pytest

from image_tracing_viewer.charts.axes import Axis, Tick, axis_up_to, duration_axis
from image_tracing_viewer.charts.drawing import Mark, Plot, Series, bars, lines, rows, sparklines

PERCENT = Axis([0, 50, 100], lambda value: f"{value:g} %")


def series(*values: float | None, style: str = "m0", has_dots: bool = True) -> Series:
    return Series(
        "one", style, [Mark(value, f"/list?{value}", f"told {value}") for value in values], has_dots
    )


def circles(plot: Plot) -> list[tuple[float, float]]:
    found = re.findall(r'<circle[^>]* cx="([\d.]+)%" cy="([\d.]+)"', plot.markup)
    return [(float(x), float(y)) for x, y in found]


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (12, [0, 5, 10, 15]),
        (95, [0, 20, 40, 60, 80, 100]),
        (100, [0, 20, 40, 60, 80, 100]),
        (1_263, [0, 500, 1_000, 1_500]),
        (4e9, [0, 1e9, 2e9, 3e9, 4e9]),
    ],
)
def test_an_axis_has_a_few_round_steps_and_reaches_the_greatest(most: float, ticks: Sequence[float]) -> None:
    assert axis_up_to(most, str, least_step=1).ticks == ticks


@pytest.mark.parametrize(
    ("most_ms", "labels"),
    [
        (0, ["0", "1 ms"]),
        (900, ["0", "200 ms", "400 ms", "600 ms", "800 ms", "1 s"]),
        (31_000, ["0", "10 s", "20 s", "30 s", "40 s"]),
        (200_000, ["0", "1 min", "2 min", "3 min", "4 min"]),
        (9 * 3_600_000, ["0", "2 h", "4 h", "6 h", "8 h", "10 h"]),
    ],
)
def test_an_axis_of_durations_has_the_steps_of_a_clock(most_ms: int, labels: list[str]) -> None:
    axis = duration_axis(most_ms)

    assert [axis.label(tick) for tick in axis.ticks] == labels


def test_bars_stand_on_each_other_and_lead_to_their_lists() -> None:
    plot = bars([series(20, 40), series(30, 0, style="m1")], PERCENT, height=100, ticks=[])

    found = re.findall(r'href="([^"]*)".*?y="([\d.]+)".*?height="([\d.]+)"', plot.markup)
    assert [href for href, _, _ in found] == ["/list?20", "/list?40", "/list?30"]
    (_, low_y, _), _, (_, high_y, high_height) = found
    assert float(high_y) + float(high_height) == pytest.approx(float(low_y), abs=0.11)


def test_the_range_before_is_a_line_of_steps_over_the_bars() -> None:
    plot = bars([series(20, 40)], PERCENT, height=100, ticks=[], before=[50, None])

    assert plot.markup.index('class="before"') > plot.markup.index('class="m0"')
    assert plot.markup.count("<rect") == 2
    [path] = re.findall(r'class="line" d="([^"]*)"', plot.markup)
    assert [float(y) for y in re.findall(r" ([\d.]+)", path)] == pytest.approx([50, 50, 100, 100], abs=1)


def test_one_failure_among_thousands_can_be_seen() -> None:
    plot = bars([series(10_000), series(1, style="bad")], Axis([0, 20_000], str), height=100, ticks=[])

    heights = [float(height) for height in re.findall(r'<rect[^>]* height="([\d.]+)"', plot.markup)]
    assert heights[0] > 40
    assert heights[1] == 2


def test_points_lie_on_the_scale_of_the_axis() -> None:
    plot = lines([series(0, 50, 100)], PERCENT, height=100, ticks=[])

    ticks = [float(y) for y in re.findall(r'<line x2="100%" y1="([\d.]+)"', plot.markup)]
    assert [y for _, y in circles(plot)] == pytest.approx(ticks, abs=0.11)
    assert [x for x, _ in circles(plot)] == pytest.approx(plot.xs, abs=0.001)
    assert plot.ends[0] == pytest.approx(ticks[-1], abs=0.11)


def test_a_line_is_interrupted_at_a_gap_and_bridged_faintly() -> None:
    plot = lines([series(10, 20, None, None, 30, 40)], PERCENT, height=100, ticks=[])

    [whole] = re.findall(r'<path class="line" d="([^"]*)"', plot.markup)
    [bridge] = re.findall(r'<path class="line gaps" d="([^"]*)"', plot.markup)
    assert (whole.count("M"), bridge.count("M")) == (2, 1)


def test_a_value_between_two_gaps_is_seen_without_dots_too() -> None:
    plot = lines([series(10, 20, None, 30, None, has_dots=False)], PERCENT, height=100, ticks=[])

    assert plot.markup.count("<circle") == 1
    assert '<circle class="alone"' in plot.markup


@pytest.mark.parametrize("values", [(), (None, None), (5,), (None, 5, None)])
def test_next_to_nothing_can_be_drawn(values: tuple[float | None, ...]) -> None:
    marks = lines([series(*values)], PERCENT, height=100, ticks=[])

    assert len(circles(marks)) == sum(value is not None for value in values)
    assert len(bars([series(*values)], PERCENT, height=100, ticks=[]).xs) == len(values)


def test_rows_come_from_the_top_with_their_amounts_at_the_end() -> None:
    plot = rows(
        [series(30, 10), series(10, 0, style="m1")], ["timeout", "quota"], ["40", "10"], row_height=20
    )

    texts = re.findall(r'<text class="(\w+)"[^>]*? y="([\d.]+)">([^<]*)<', plot.markup)
    heights = {text: float(y) for _, y, text in texts}
    assert heights["timeout"] == heights["40"] < heights["quota"] == heights["10"]


def test_labels_titles_and_addresses_are_escaped() -> None:
    evil = "<script>alert(1)</script>\"'&"
    mark = Mark(5, f"/list?{evil}", evil)
    axis = Axis([0, 10], lambda _: evil)

    plots = [
        bars([Series(evil, "m0", [mark])], axis, height=50, ticks=[Tick(0, evil)]),
        lines([Series(evil, "m0", [mark])], axis, height=50, ticks=[Tick(0, evil)], columns=[mark]),
        rows([Series(evil, "m0", [mark])], [evil], [evil], row_height=20),
    ]

    for plot in plots:
        assert "<script" not in plot.markup
        assert not re.search(r'="[^"]*<', plot.markup)


def test_nothing_that_the_content_policy_forbids_is_drawn() -> None:
    plots = [
        bars([series(1, 2)], PERCENT, height=50, ticks=[Tick(0, "Mon")], before=[1, 1]),
        lines([series(1, 2)], PERCENT, height=50, ticks=[Tick(0, "Mon")]),
        rows([series(1)], ["a"], ["1"], row_height=20),
    ]

    for plot in plots:
        assert not re.search(r"<style|<script|style=|\bon\w+=|http", plot.markup)


def test_sparklines_have_each_its_own_scale_and_none_without_two_values() -> None:
    [low, high, lone, none] = sparklines(
        [[1, 2, None, 1], [1_000, 2_000, None, 1_000], [None, 5, None, None], [None] * 4], height=24
    )

    assert low == high
    assert low.count("<path") == 1
    assert (lone, none) == ("", "")


def test_importing_the_charts_leaves_no_finder_of_modules_behind() -> None:
    # pygal's warned at every missing module, and warnings are errors in many a test run.
    import sys

    assert not [finder for finder in sys.meta_path if type(finder).__module__.startswith("pygal")]
