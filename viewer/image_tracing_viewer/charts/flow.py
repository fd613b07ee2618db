"""The way of generations from the model that was tried first to the one that served.

No charting library that works on a server without a browser draws such a diagram, so its boxes and bands are
laid out here: two columns whose boxes are as high as their generations are many.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from markupsafe import Markup, escape

from image_tracing_postgres.statistics.figures import Statistics
from image_tracing_viewer.charts.chart import Cell, Chart, Column, Panel, Table
from image_tracing_viewer.charts.drawing import Plot
from image_tracing_viewer.charts.figures import isolated, number, percent
from image_tracing_viewer.charts.labels import fitted
from image_tracing_viewer.charts.palette import COLOURS, Palette
from image_tracing_viewer.charts.timeline import Target
from image_tracing_viewer.formats import counted

_HEIGHT_LEAST: Final = 180
_HEIGHT_OF_BOX: Final = 34
_GAP: Final = 16
# So that the text of a thin box at the edge is whole.
_EDGE: Final = 8
_BOX_WIDTH: Final = 1
# In sizes of its font; two of them have room beside each other on a phone.
_NAME_WIDTH: Final = 11.5
# Stands for all models that have no colour of their own; no model can be called so.
_FURTHER: Final = "\0further"

Node = str | None


def flow(statistics: Statistics, palette: Palette, target: Target) -> Chart:
    """Bands from first to serving model; what no model served ends in a box of its own."""
    panels = [Panel(_Diagram(statistics, palette, target).plot, kind="flow")] if statistics.flow else []
    told = _told(statistics) if statistics.flow else ""
    return Chart("flow", "From first to serving model", told, panels, [_table(statistics, palette, target)])


def _ended(statistics: Statistics) -> int:
    """The generations of all ways, also of those that are too rare to be listed."""
    return statistics.total.completed + statistics.total.failed


def _told(statistics: Statistics) -> str:
    ended = _ended(statistics)
    straight = sum(each.generations for each in statistics.flow if each.first_model == each.served_by)
    told = f"{percent(straight / ended)} were served by the model that was tried first"
    if not statistics.left_out.flow:
        return told
    rest = ended - sum(each.generations for each in statistics.flow)
    ways = counted(statistics.left_out.flow, "rarer way")
    return f"at least {told}; {ways}, of {counted(rest, 'generation')}, not shown"


def _link(statistics: Statistics, target: Target, first: Node, served: Node) -> str:
    """The nearest that the list can be asked for; of the further models it shows all generations."""
    # The list takes one model: if the page is about one, its own.
    is_open = first != _FURTHER and "model" not in dict(target.filters)
    more: dict[str, str | None] = {"model": first if is_open else None}
    if served is None:
        more["status"] = "failed"
    elif served != _FURTHER:
        more["served_by"] = served
    return target.list_of(statistics.from_, statistics.to, **more)


class _Diagram:
    def __init__(self, statistics: Statistics, palette: Palette, target: Target) -> None:
        self._statistics, self._palette, self._target = statistics, palette, target
        known = palette.models[:COLOURS]
        self._order: dict[Node, int] = {model: place for place, model in enumerate([*known, _FURTHER])}
        self._bands: Counter[tuple[Node, Node]] = Counter()
        for each in statistics.flow:
            first = each.first_model if each.first_model in self._order else _FURTHER
            served = each.served_by
            if served is not None and served not in self._order:
                served = _FURTHER
            self._bands[first, served] += each.generations
        self._firsts: Counter[Node] = Counter()
        self._serveds: Counter[Node] = Counter()
        for (first, served), count in self._bands.items():
            self._firsts[first] += count
            self._serveds[served] += count
        boxes = max(len(self._firsts), len(self._serveds))
        self._ended = _ended(statistics)
        self._height = max(_HEIGHT_LEAST, boxes * _HEIGHT_OF_BOX)
        self._unit = (self._height - 2 * _EDGE - _GAP * (boxes - 1)) / self._firsts.total()

    @property
    def plot(self) -> Plot:
        """The diagram."""
        lefts, rights = self._tops(self._firsts, self._order), self._tops(self._serveds, self._places)
        parts = [*self._drawn_bands(dict(lefts), dict(rights))]
        for node, y in lefts.items():
            parts.append(
                self._box(y, self._firsts[node], 0, self._palette.style(node), self._name(node), "first")
            )
        for node, y in rights.items():
            style = "bad hatched" if node is None else self._palette.style(node)
            name = "no picture" if node is None else self._name(node)
            parts.append(self._box(y, self._serveds[node], 100 - _BOX_WIDTH, style, name, "served"))
        return Plot(Markup("".join(parts)), self._height, ())  # noqa: S704 - numbers, our classes, escaped texts

    @property
    def _places(self) -> Mapping[Node, int]:
        return {**self._order, None: len(self._order)}

    def _tops(self, sums: Mapping[Node, int], places: Mapping[Node, int]) -> dict[Node, float]:
        """Where each box of a column begins, the column in the middle of the height."""
        used = sum(sums.values()) * self._unit + _GAP * (len(sums) - 1)
        y = (self._height - used) / 2
        tops = {}
        for node in sorted(sums, key=places.__getitem__):
            tops[node] = y
            y += sums[node] * self._unit + _GAP
        return tops

    def _drawn_bands(self, lefts: dict[Node, float], rights: dict[Node, float]) -> Iterable[str]:
        places = self._places
        for first, served in sorted(self._bands, key=lambda band: (places[band[0]], places[band[1]])):
            count = self._bands[first, served]
            thick = count * self._unit
            y, end = lefts[first], rights[served]
            lefts[first] += thick
            rights[served] += thick
            path = (
                f"M0 {y:.1f}C500 {y:.1f} 500 {end:.1f} 1000 {end:.1f}v{thick:.1f}"
                f"C500 {end + thick:.1f} 500 {y + thick:.1f} 0 {y + thick:.1f}z"
            )
            to = "no picture" if served is None else self._name(served)
            told = (
                f"{self._name(first)} to {to}: {counted(count, 'generation')}, {percent(count / self._ended)}"
            )
            href = _link(self._statistics, self._target, first, served)
            yield (
                f'<a href="{escape(href)}" tabindex="-1" class="ribbon {self._palette.style(first)}">'
                f"<title>{escape(told)}</title>"
                f'<svg viewBox="0 0 1000 {self._height}" width="100%" height="{self._height}" '
                f'preserveAspectRatio="none"><path d="{path}"/></svg></a>'
            )

    def _box(self, y: float, count: int, x: float, style: str, name: str, side: str) -> str:
        tall = max(1.0, count * self._unit)
        text_x, offset = (_BOX_WIDTH, 7) if side == "first" else (x, -7)
        text_y = y + tall / 2 + 4
        return (
            f'<rect class="{style}" x="{x}%" y="{y:.1f}" width="{_BOX_WIDTH}%" height="{tall:.1f}"/>'
            f'<text class="{side}" x="{text_x}%" dx="{offset}" y="{text_y:.1f}">{escape(isolated(name))} '
            f'<tspan class="amount">{percent(count / self._ended)}</tspan></text>'
        )

    def _name(self, node: Node) -> str:
        return "further models" if node == _FURTHER else fitted(self._palette.name(node), _NAME_WIDTH)


def _table(statistics: Statistics, palette: Palette, target: Target) -> Table:
    ended = _ended(statistics)
    return Table(
        "Generations from first to serving model",
        [Column("First model"), Column("Served by"), Column("Generations"), Column("Share")],
        [
            [
                Cell(palette.name(each.first_model)),
                Cell("no picture" if each.served_by is None else palette.name(each.served_by)),
                Cell(
                    number(each.generations),
                    _link(statistics, target, each.first_model, each.served_by),
                ),
                Cell(percent(each.generations / ended)),
            ]
            for each in statistics.flow
        ],
    )
