"""What attempts at each model were like over time: how often they succeeded, and how long they took."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, get_args

from image_tracing_postgres.statistics.figures import AttemptFigures, ModelFigures, Statistics
from image_tracing_viewer.charts.axes import Axis, duration_axis
from image_tracing_viewer.charts.chart import Cell, Chart, Column, Key, Panel, Table
from image_tracing_viewer.charts.drawing import Mark, Plot, Series, lines
from image_tracing_viewer.charts.figures import isolated, percent
from image_tracing_viewer.charts.palette import COLOURS, Palette
from image_tracing_viewer.charts.timeline import Timeline
from image_tracing_viewer.formats import NOTHING, counted, duration

Percentile = Literal["p50", "p90", "p95", "p99"]
PERCENTILES: Final[tuple[Percentile, ...]] = get_args(Percentile)

_HEIGHT: Final = 220
# Beyond that, lines are a tangle; the table of the chart has them all.
_LINES_MOST: Final = 20
# With more, dots touch each other and none can be hit, and they would be half of the page.
_DOTS_MOST: Final = 500
# Each line with its own past is readable only for a few.
_OWN_PAST_MOST: Final = 2

Figure = Callable[[AttemptFigures], float | None]


def success_rate(
    statistics: Statistics, before: Statistics | None, timeline: Timeline, palette: Palette
) -> Chart:
    """The share of each model's attempts that succeeded."""

    def rate(figures: AttemptFigures) -> float | None:
        return None if figures.attempt_success_rate is None else 100 * figures.attempt_success_rate

    ended = [model for model in statistics.by_model if model.attempt_success_rate is not None]
    told = ""
    if ended:
        worst = min(ended, key=lambda model: model.attempt_success_rate or 0)
        total = statistics.total
        told = f"{percent(total.attempt_success_rate)} of {counted(total.attempts, 'attempt')}"
        if len(ended) > 1:
            told += f"; lowest: {isolated(palette.name(worst.model))}, {percent(worst.attempt_success_rate)}"
    drawing = _Drawing(before, timeline, palette, rate)
    least = min(drawing.values, default=0)
    bottom = next(bottom for bottom in (90, 80, 60, 50, 0) if bottom <= least)
    step = {90: 5, 80: 5, 60: 10, 50: 10, 0: 25}[bottom]
    ticks = [bottom + step * number for number in range(round((100 - bottom) / step) + 1)]
    axis = Axis(ticks, lambda value: f"{value:g} %")
    return drawing.chart(
        "success-rate",
        "Success rate by model",
        told,
        axis,
        lambda value, figures: f"{percent(value / 100)} of {counted(figures.attempts, 'attempt')}",
        lambda value: percent(value / 100),
    )


def latency(
    statistics: Statistics,
    before: Statistics | None,
    timeline: Timeline,
    palette: Palette,
    *,
    percentile: Percentile,
) -> Chart:
    """A percentile of how long each model's attempts took."""

    def figure(figures: AttemptFigures) -> float | None:
        found = figures.duration_ms
        return None if found is None else getattr(found, percentile)

    told = ""
    timed = [model for model in statistics.by_model if model.duration_ms is not None]
    if timed:
        slowest = max(timed, key=lambda model: figure(model) or 0)
        told = f"{percentile} of all attempts {duration(figure(statistics.total))}"
        if len(timed) > 1:
            told += f"; slowest: {isolated(palette.name(slowest.model))}, {duration(figure(slowest))}"
    drawing = _Drawing(before, timeline, palette, figure)
    return drawing.chart(
        "latency",
        "Duration of attempts by model",
        told,
        duration_axis(max(drawing.values, default=1)),
        lambda value, figures: f"{percentile} {duration(value)}, {counted(figures.attempts, 'attempt')}",
        duration,
    )


class _Drawing:
    """One figure of each model's attempts as lines, and a faint one of all attempts in the range before."""

    def __init__(
        self,
        before: Statistics | None,
        timeline: Timeline,
        palette: Palette,
        figure: Figure,
    ) -> None:
        self._timeline = timeline
        self._palette = palette
        self._figure = figure
        self._of_bucket: list[dict[str | None, ModelFigures]] = [
            {found.model: found for found in point.by_model} for point in timeline.points
        ]
        self._models = palette.models[:_LINES_MOST]
        past = before.over_time if before else ()
        self._past = [figure(point) for point in past][: len(timeline.points)]
        self._past += [None] * (len(timeline.points) - len(self._past))
        self.values = [
            value
            for bucket in self._of_bucket
            for model in self._models
            if model in bucket and (value := figure(bucket[model])) is not None
        ] + [value for value in self._past if value is not None]

    def chart(
        self,
        name: str,
        title: str,
        told: str,
        axis: Axis,
        told_of: Callable[[float, AttemptFigures], str],
        text: Callable[[float], str],
    ) -> Chart:
        """The chart; `told_of` words a point, `text` a cell of the table."""
        models, palette, timeline = self._models, self._palette, self._timeline
        has_dots = min(len(models), COLOURS) * len(timeline.points) <= _DOTS_MOST
        series = []
        for model in models:
            style = palette.style(model)
            marks = []
            for index, bucket in enumerate(self._of_bucket):
                found = bucket.get(model)
                value = self._figure(found) if found else None
                marks.append(
                    Mark(
                        value,
                        timeline.link(index, model=model),
                        f"{timeline.name(index)}, {isolated(palette.name(model))}: {told_of(value, found)}",
                    )
                    if found and value is not None
                    else Mark(None)
                )
            series.append(
                Series(palette.name(model), f"line-of {style}", marks, has_dots=has_dots and style != "rest")
            )
        past = [Series("before", "before", [Mark(value) for value in self._past], has_dots=False)]
        columns = [
            Mark(None, timeline.link(index), timeline.name(index)) for index in range(len(timeline.points))
        ]
        # What matters most is drawn last, and so lies on top.
        drawn = [*(past if any(value is not None for value in self._past) else []), *reversed(series)]
        panels = []
        if self.values:
            plot = lines(drawn, axis, height=_HEIGHT, ticks=timeline.ticks, columns=columns)
            panels.append(Panel(plot, self._keys(plot, drawn, series)))
        return Chart(name, title, told, panels, [self._table(title, text)])

    def _keys(self, plot: Plot, drawn: Sequence[Series], series: Sequence[Series]) -> list[Key]:
        ends = {id(each): end for each, end in zip(drawn, plot.ends, strict=True)}
        keys = [
            Key(self._palette.name(model), self._palette.style(model), model or "", ends[id(each)])
            for model, each in zip(self._models, series, strict=True)
        ]
        if drawn and drawn[0].style == "before":
            keys.append(Key("all, the range before", "before", "", ends[id(drawn[0])]))
        return keys

    def _table(self, title: str, text: Callable[[float], str]) -> Table:
        models = self._palette.models
        columns = [
            Column(self._palette.name(model), self._palette.style(model), model or "") for model in models
        ]
        has_past = any(value is not None for value in self._past)
        rows = []
        for index, bucket in enumerate(self._of_bucket):
            cells = [Cell(self._timeline.name(index), self._timeline.link(index))]
            for model in models:
                value = self._figure(bucket[model]) if model in bucket else None
                cells.append(
                    Cell(NOTHING)
                    if value is None
                    else Cell(text(value), self._timeline.link(index, model=model))
                )
            past = self._past[index]
            rows.append([*cells, Cell(NOTHING if past is None else text(past))] if has_past else cells)
        if has_past:
            columns.append(Column("All, in the range before", "before"))
        return Table(title, [Column(self._timeline.began), *columns], rows)
