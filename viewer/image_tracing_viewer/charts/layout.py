"""Where pygal puts the marks and axes of a chart: its layout, without its looks.

pygal draws for one width and brings a style sheet and a script, which the content security policy forbids.
Kept of its tree are the places alone, every x as a share of the width.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal
from xml.etree.ElementTree import Element

import pygal  # type: ignore[import-untyped]

from image_tracing_viewer.charts.axes import Axis

# For plugins with maps pygal leaves a finder of modules behind that Python 3.12 asks no more, and of which
# 3.11 warns at every module that is not found.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

WIDTH: Final = 1000
"""What paths are laid out in; a line that is not stretched is this many pixels wide."""

Kind = Literal["Line", "StackedBar", "HorizontalStackedBar"]
Point = tuple[float, float]
"""A place in a plot: in percent of its width, and in pixels from its top."""

_NUMBER: Final = re.compile(r"-?\d+\.\d+")
# pygal takes the height of its labels away from the plot's.
_LABEL_SIZE: Final = 10


class _Untold:
    """Bars without the texts that pygal's script would show: four nodes for each."""

    def _tooltip_and_print_values(self, *_: object) -> None:
        pass


class _StackedBar(_Untold, pygal.StackedBar):  # type: ignore[misc]
    pass


class _HorizontalStackedBar(_Untold, pygal.HorizontalStackedBar):  # type: ignore[misc]
    pass


_KINDS: Final[Mapping[Kind, Any]] = {
    "Line": pygal.Line,
    "StackedBar": _StackedBar,
    "HorizontalStackedBar": _HorizontalStackedBar,
}


class Layout:
    """The layout of a kind of pygal's charts: x in percent of the plot's width, y in pixels from its top.

    `is_bare`: lines over their gaps, of which the paths alone are wanted.
    """

    def __init__(
        self,
        kind: Kind,
        rows: Sequence[Sequence[float | None]],
        axis: Axis,
        height: int,
        *,
        is_bare: bool = False,
    ) -> None:
        chart = _KINDS[kind](
            width=WIDTH,
            height=height + _LABEL_SIZE,
            margin=0,
            spacing=0,
            show_legend=False,
            show_dots=False,
            allow_interruptions=not is_bare,
            range=(axis.ticks[0], axis.ticks[-1]),
            css=(),
            js=(),
            style=pygal.style.Style(label_font_size=_LABEL_SIZE),
            show_minor_x_labels=False,
            show_x_labels=not is_bare,
            show_y_labels=not is_bare,
        )
        self._places = max(map(len, rows), default=0)
        chart.x_labels = [str(index) for index in range(self._places)]
        chart.x_labels_major = [*chart.x_labels[:1], *chart.x_labels[1:][-1:]]
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
        """The places on the axis, at even distances; pygal takes long for each that it is asked for."""
        first, *last = [
            self._share(text.get("x")) for group in self._guides("x") for text in group.iter("text")
        ] or [0.0]
        return [
            first + (last[0] - first) * index / (self._places - 1) if last else first
            for index in range(self._places)
        ]

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
        """Of each series its line as the data of a path over a width of `WIDTH`."""
        stretch = WIDTH / self._width
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
