"""Bars and lines: pygal lays them out, and what it drew becomes SVG that fits any width under our policy.

pygal draws for one width and brings a style sheet and a script, which the content security policy forbids.
Kept of its tree are the places of the marks and of the axes. Every x becomes a share of the width, so that
a chart can be 300 or 1,500 pixels wide while its texts keep their size; lines go into an inner drawing that
is stretched, with strokes that are not. Looks come from static/charts.css.
"""

import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]
from markupsafe import Markup, escape

from image_tracing_viewer.formats import duration

AXIS_HEIGHT: Final = 22
"""Pixels below a plot for the labels of its axis."""

# For plugins with maps pygal leaves a finder of modules behind that Python 3.12 asks no more, and of which
# 3.11 warns at every module that is not found.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

# What pygal lays out; a line that is not stretched is this many pixels wide.
_WIDTH: Final = 1000
_NUMBER: Final = re.compile(r"-?\d+\.\d+")
# pygal takes the height of its labels away from the plot's.
_LABEL_SIZE: Final = 10


Point = tuple[float, float]
"""A place in a plot: in percent of its width, and in pixels from its top."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One bar or point. `value` None leaves a gap; without `href` it is no link; `title` tells what it is."""

    value: float | None
    href: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Marks of one kind, one for each place on the axis. `style`: classes that give its colour in the CSS."""

    name: str
    style: str
    marks: Sequence[Mark]
    has_dots: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """A label below the plot. `index` counts the axis's places; narrow plots leave the minor ones out."""

    index: int
    label: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """The values' axis from its least to its greatest tick; each is labelled and has a line."""

    ticks: Sequence[float]
    label: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn chart, without the `<svg>` around it. `height` in pixels, the labels of the axis included.

    `xs`: the places on the axis in percent of the width, left to right. `ends`: for each series the pixels
    from the top at which its line ends, None without one.
    """

    markup: Markup
    height: int
    xs: Sequence[float]
    ends: Sequence[float | None] = ()


def duration_axis(most_ms: float) -> Axis:
    """An axis of milliseconds from 0, in three to six steps as clocks have them."""
    steps = (power * factor for power in (1, 10, 100, 1000) for factor in (1, 2, 5))
    longer = (seconds * 1000 for seconds in (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600))
    step = next((step for step in (*steps, *longer) if most_ms / step <= 5), 0)
    if not step:
        step = math.ceil(most_ms / 5 / 7_200_000) * 7_200_000
    return Axis([step * number for number in range(max(1, math.ceil(most_ms / step)) + 1)], duration_label)


def duration_label(milliseconds: float) -> str:
    """A round length of time as short as it can be: `5 s`, not `5.0 s`."""
    told = duration(milliseconds) if milliseconds else "0"
    return told.replace(".0 s", " s").replace("min 00 s", "min").replace("h 00 min", "h")


def axis_up_to(most: float, label: Callable[[float], str], *, least_step: float = 0.0) -> Axis:
    """An axis from 0 to `most` or a little more, in three to six round steps of at least `least_step`."""
    wanted = max(most / 5, least_step, 1e-6)
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted * 0.999)
    return Axis([step * number for number in range(max(1, math.ceil(most / step)) + 1)], label)


def bars(
    series: Sequence[Series],
    axis: Axis,
    *,
    height: int,
    ticks: Iterable[Tick],
    before: Sequence[float | None] = (),
) -> Plot:
    """Stacked bars, the first series at the bottom; `before` are the heights of faint ones behind them."""
    layout = _Layout(pygal.StackedBar, [_filled(each.marks) for each in series], axis, height)
    parts = [_grid(layout, axis)]
    if any(before):
        outline = _Layout(pygal.StackedBar, [[value or 0 for value in before]], axis, height)
        slot = layout.xs[1] - layout.xs[0] if len(layout.xs) > 1 else 100.0
        parts.append('<g class="past">')
        parts += [
            f'<rect x="{middle - slot / 2:.3f}%" y="{y:.1f}" width="{slot:.3f}%" height="{tall:.1f}"/>'
            for middle, (_, y, _, tall), value in zip(layout.xs, outline.rects[0], before, strict=True)
            if value
        ]
        parts.append("</g>")
    for each, rects in zip(series, layout.rects, strict=True):
        parts.append(f'<g class="{each.style}">')
        parts += [
            _link(mark, f'<rect x="{x:.3f}%" y="{y:.1f}" width="{width:.3f}%" height="{tall:.1f}"/>')
            for (x, y, width, tall), mark in zip(rects, each.marks, strict=True)
            if mark.value
        ]
        parts.append("</g>")
    parts.append(_labels(layout, ticks, height))
    return Plot(_markup(parts), height + AXIS_HEIGHT, layout.xs)


def lines(
    series: Sequence[Series],
    axis: Axis,
    *,
    height: int,
    ticks: Iterable[Tick],
    columns: Sequence[Mark] = (),
) -> Plot:
    """Lines over the axis, faint where they bridge a gap; the last series lies on top.

    `columns`: for each place on the axis a link behind the lines that takes its whole height.
    """
    values = [[mark.value for mark in each.marks] for each in series]
    layout = _Layout(pygal.Line, values, axis, height)
    width = layout.xs[1] - layout.xs[0] if len(layout.xs) > 1 else 100
    parts = [_grid(layout, axis)]
    parts += [
        _link(mark, f'<rect class="column" x="{x - width / 2:.3f}%" width="{width:.3f}%" height="{height}"/>')
        for x, mark in zip(layout.xs, columns, strict=False)
    ]
    points = [layout.points(row) for row in values]
    for each, path, found in zip(series, layout.paths, points, strict=True):
        drawn = [_path("line gaps", _bridges(found)), _path("line", path)]
        if any(drawn):
            parts.append(f'<g class="{each.style}">{_stretched("".join(drawn), height)}</g>')
    for each, found in zip(series, points, strict=True):
        parts.append(f'<g class="{each.style}">{"".join(_dots(each, found))}</g>')
    parts.append(_labels(layout, ticks, height))
    ends = [next((point[1] for point in reversed(found) if point), None) for found in points]
    return Plot(_markup(parts), height + AXIS_HEIGHT, layout.xs, ends)


def rows(series: Sequence[Series], labels: Sequence[str], amounts: Sequence[str], *, row_height: int) -> Plot:
    """Stacked bars from left to right, one row for each label from the top, its amount written at its end."""
    height = row_height * len(labels)
    # pygal begins at the bottom.
    values = [_filled(reversed(each.marks)) for each in series]
    totals = [sum(column) for column in zip(*values, strict=True)]
    axis = Axis([0, max(totals)], str)
    layout = _Layout(pygal.HorizontalStackedBar, values, axis, height)
    parts = []
    ends = [0.0] * len(labels)
    middles = [0.0] * len(labels)
    for each, rects in zip(series, layout.rects, strict=True):
        parts.append(f'<g class="{each.style}">')
        for index, (rect, mark) in enumerate(zip(reversed(rects), each.marks, strict=True)):
            x, y, width, tall = rect
            ends[index] = max(ends[index], x + width)
            middles[index] = y + tall / 2
            if mark.value:
                shape = f'<rect x="{x:.3f}%" y="{y:.1f}" width="{width:.3f}%" height="{tall:.1f}"/>'
                parts.append(_link(mark, shape))
        parts.append("</g>")
    for label, amount, end, middle in zip(labels, amounts, ends, middles, strict=True):
        parts.append(f'<text class="value" x="-8" y="{middle + 4:.1f}">{escape(label)}</text>')
        parts.append(
            f'<text class="amount" x="{end:.3f}%" dx="6" y="{middle + 4:.1f}">{escape(amount)}</text>'
        )
    return Plot(_markup(parts), height, ())


def sparklines(rows: Sequence[Sequence[float | None]], *, height: int) -> list[Markup]:
    """Of each row a line without axes, for a cell of a table: from 0 to its own most, and over its gaps.

    Empty where there are not two values.
    """
    if not rows:
        return []
    greatest = [max((value for value in row if value is not None), default=0) or 1 for row in rows]
    shares = [
        [None if value is None else value / most for value in row]
        for row, most in zip(rows, greatest, strict=True)
    ]
    layout = _Layout(pygal.Line, shares, Axis([0, 1], str), height, has_gaps=False)
    return [_markup([_stretched(_path("line", path), height)]) if path else Markup() for path in layout.paths]


def _filled(marks: Iterable[Mark]) -> list[float | None]:
    return [mark.value or 0 for mark in marks]


def _dots(series: Series, points: Sequence[Point | None]) -> Iterable[str]:
    """A dot for each point, or only for those between two gaps, which no line shows."""
    around = [None, *points, None]
    for index, (mark, point) in enumerate(zip(series.marks, points, strict=True)):
        is_alone = around[index] is None and around[index + 2] is None
        if point is not None and (is_alone or series.has_dots):
            x, y = point
            style = ' class="alone"' if is_alone else ""
            yield _link(mark, f'<circle{style} cx="{x:.3f}%" cy="{y:.1f}" r="2.5"/>')


def _grid(layout: "_Layout", axis: Axis) -> str:
    parts = ['<g class="ticks">']
    for y, value in zip(layout.ys, axis.ticks, strict=True):
        parts.append(f'<line x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="value" x="-8" y="{y + 4:.1f}">{escape(axis.label(value))}</text>')
    parts.append("</g>")
    return "".join(parts)


def _labels(layout: "_Layout", ticks: Iterable[Tick], height: int) -> str:
    texts = [
        f'<text class="place{" minor" if tick.is_minor else ""}" x="{layout.xs[tick.index]:.3f}%" '
        f'y="{height + 16}">{escape(tick.label)}</text>'
        for tick in ticks
    ]
    return f'<g class="places">{"".join(texts)}</g>'


def _link(mark: Mark, shape: str) -> str:
    """The shape with its title, and as a link if it leads anywhere; the keyboard finds links in the table."""
    title = f"<title>{escape(mark.title)}</title>" if mark.title else ""
    if not mark.href:
        return f"<g>{title}{shape}</g>" if title else shape
    return f'<a href="{escape(mark.href)}" tabindex="-1">{title}{shape}</a>'


def _bridges(points: Sequence[Point | None]) -> str:
    """Lines over the gaps, as the data of a path."""
    places = [(index, point) for index, point in enumerate(points) if point is not None]
    return "".join(
        f"M{x * _WIDTH / 100:.1f} {y:.1f}L{x_after * _WIDTH / 100:.1f} {y_after:.1f}"
        for (place, (x, y)), (after, (x_after, y_after)) in pairwise(places)
        if after > place + 1
    )


def _path(style: str, data: str) -> str:
    return f'<path class="{style}" d="{data}"/>' if data else ""


def _stretched(paths: str, height: int) -> str:
    """A drawing of the width of what it is in."""
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="100%" height="{height}" preserveAspectRatio="none">'
        f"{paths}</svg>"
    )


def _markup(parts: Iterable[str]) -> Markup:
    return Markup("".join(parts))  # noqa: S704 - numbers, our own classes, and texts that were escaped


class _Layout:
    """Where pygal puts things: x in percent of the plot's width, y in pixels from its top."""

    def __init__(
        self,
        kind: type[Any],
        rows: Sequence[Sequence[float | None]],
        axis: Axis,
        height: int,
        *,
        has_gaps: bool = True,
    ) -> None:
        chart = kind(
            width=_WIDTH,
            height=height + _LABEL_SIZE,
            margin=0,
            spacing=0,
            show_legend=False,
            show_dots=False,
            allow_interruptions=has_gaps,
            range=(axis.ticks[0], axis.ticks[-1]),
            css=(),
            js=(),
            style=pygal.style.Style(label_font_size=_LABEL_SIZE),
        )
        chart.x_labels = [str(index) for index in range(max(map(len, rows), default=0))]
        chart.y_labels = list(axis.ticks)
        for row in rows:
            chart.add("", list(row))
        graph = next(group for group in chart.render_tree() if "graph" in _classes(group))
        self._plot = next(group for group in graph if _classes(group) == ("plot",))
        self._ticks = axis.ticks
        self._rows = len(rows)
        self._width = float(next(iter(self._plot)).get("width"))

    @cached_property
    def xs(self) -> list[float]:
        """The places on the axis."""
        return [self._share(text.get("x")) for group in self._guides("x") for text in group.iter("text")]

    @cached_property
    def ys(self) -> list[float]:
        """The ticks of the values' axis."""
        return [
            float(_NUMBER.findall(path.get("d"))[1])
            for group in self._guides("y")
            for path in group.iter("path")
        ]

    @cached_property
    def rects(self) -> list[list[tuple[float, float, float, float]]]:
        """Of each series its bars: x, y, width, height."""
        return [
            [
                (
                    # Turned on its side, pygal leaves out what is 0.
                    self._share(rect.get("x", "0")),
                    float(rect.get("y", "0")),
                    self._share(rect.get("width", "0")),
                    float(rect.get("height", "0")),
                )
                for rect in group.iter("rect")
            ]
            for group in self._series(self._plot)
        ]

    def points(self, row: Sequence[float | None]) -> list[Point | None]:
        """Where the values of a row of lines are; its dots cost pygal ten times as long as its line."""
        (low, *_, high), (bottom, *_, top) = self._ticks, self.ys
        scale = (top - bottom) / (high - low)
        return [
            None if value is None else (x, bottom + scale * (value - low))
            for x, value in zip(self.xs, row, strict=True)
        ]

    @cached_property
    def paths(self) -> list[str]:
        """Of each series its line as the data of a path over a width of `_WIDTH`."""
        stretch = _WIDTH / self._width
        return [
            "".join(_widened(path.get("d"), stretch) for path in group.iter("path"))
            for group in self._series(self._plot)
        ]

    def _share(self, x: str) -> float:
        return 100 * float(x) / self._width

    def _guides(self, axis: str) -> list[Any]:
        found = next((group for group in self._plot if _classes(group)[:2] == ("axis", axis)), ())
        return [group for group in found if "guides" in _classes(group)]

    def _series(self, layer: Any) -> list[Any]:
        """The group of each series; empty ones if pygal found nothing to draw."""
        found = [group for group in layer if "series" in _classes(group)]
        return found or [Element("g")] * self._rows


def _classes(element: Any) -> tuple[str, ...]:
    return tuple((element.get("class") or "").split())


def _widened(path: str, stretch: float) -> str:
    """`M1.0 2.0 L3.0 4.0` with its x's stretched, and as many digits as can be seen."""
    numbers = [float(number) for number in _NUMBER.findall(path)]
    points = [f"{x * stretch:.1f} {y:.1f}" for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    return f"M{points[0]}L{' '.join(points[1:])}"
