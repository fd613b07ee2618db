"""Bars and lines as SVG that fits any width, under our content policy.

Every x is a share of the width, so that a chart can be 300 or 1,500 pixels wide while its texts keep their
size; lines go into an inner drawing that is stretched, with strokes that are not. Looks come from
static/charts.css.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup, escape

from image_tracing_viewer.charts.axes import Axis, Tick
from image_tracing_viewer.charts.layout import WIDTH, Layout, Point

AXIS_HEIGHT: Final = 22
"""Pixels below a plot for the labels of its axis."""

# One failure among thousands is what a reader looks for: pixels of a bar that is nearly nothing.
_LEAST: Final = 2.0


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
class Plot:
    """A drawn chart, without the `<svg>` around it. `height` in pixels, the labels of the axis included.

    `xs`: the places on the axis in percent of the width, left to right. `ends`: for each series the pixels
    from the top at which its line ends, None without one.
    """

    markup: Markup
    height: int
    xs: Sequence[float]
    ends: Sequence[float | None] = ()


def bars(
    series: Sequence[Series],
    axis: Axis,
    *,
    height: int,
    ticks: Iterable[Tick],
    before: Sequence[float | None] = (),
) -> Plot:
    """Stacked bars, the first series at the bottom; `before` are the heights of a faint line of steps."""
    layout = Layout("StackedBar", [_filled(each.marks) for each in series], axis, height)
    parts = [_grid(layout, axis)]
    for each, rects in zip(series, layout.rects, strict=True):
        parts.append(f'<g class="{each.style}">')
        parts += [
            _link(
                mark,
                f'<rect x="{x:.3f}%" y="{min(y, y + tall - _LEAST):.1f}" width="{width:.3f}%" '
                f'height="{max(tall, _LEAST):.1f}"/>',
            )
            for (x, y, width, tall), mark in zip(rects, each.marks, strict=True)
            if mark.value
        ]
        parts.append("</g>")
    if any(before):
        steps = _steps(layout.xs, [point[1] if point else height for point in layout.points(before)])
        drawn = f"{_path('halo', steps)}{_path('line', steps)}"
        parts.append(f'<g class="before">{_stretched(drawn, height)}</g>')
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
    layout = Layout("Line", values, axis, height)
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
    layout = Layout("HorizontalStackedBar", values, axis, height)
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
    layout = Layout("Line", shares, Axis([0, 1], str), height, is_bare=True)
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


def _grid(layout: Layout, axis: Axis) -> str:
    parts = ['<g class="ticks">']
    for y, value in zip(layout.ys, axis.ticks, strict=True):
        parts.append(f'<line x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="value" x="-8" y="{y + 4:.1f}">{escape(axis.label(value))}</text>')
    parts.append("</g>")
    return "".join(parts)


def _labels(layout: Layout, ticks: Iterable[Tick], height: int) -> str:
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
        f"M{x * WIDTH / 100:.1f} {y:.1f}L{x_after * WIDTH / 100:.1f} {y_after:.1f}"
        for (place, (x, y)), (after, (x_after, y_after)) in pairwise(places)
        if after > place + 1
    )


def _steps(xs: Sequence[float], ys: Sequence[float]) -> str:
    """A line that is level around each place, as the data of a path."""
    half = (xs[1] - xs[0] if len(xs) > 1 else 100.0) * WIDTH / 200
    levels = (
        f"{x * WIDTH / 100 - half:.1f} {y:.1f}L{x * WIDTH / 100 + half:.1f} {y:.1f}"
        for x, y in zip(xs, ys, strict=True)
    )
    return f"M{'L'.join(levels)}"


def _path(style: str, data: str) -> str:
    return f'<path class="{style}" d="{data}"/>' if data else ""


def _stretched(paths: str, height: int) -> str:
    """A drawing of the width of what it is in."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="100%" height="{height}" preserveAspectRatio="none">'
        f"{paths}</svg>"
    )


def _markup(parts: Iterable[str]) -> Markup:
    return Markup("".join(parts))  # noqa: S704 - numbers, our own classes, and texts that were escaped
