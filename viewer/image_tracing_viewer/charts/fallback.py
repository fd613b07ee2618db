"""How often generations fell back to another model, and how many they tried."""

from image_tracing_postgres.statistics.figures import Statistics
from image_tracing_viewer.charts.axes import Axis, axis_up_to
from image_tracing_viewer.charts.chart import Cell, Chart, Column, Key, Panel, Table
from image_tracing_viewer.charts.drawing import Mark, Series, lines, rows
from image_tracing_viewer.charts.figures import number, percent
from image_tracing_viewer.charts.timeline import Target, Timeline
from image_tracing_viewer.formats import counted

_HEIGHT = 130
_ROW_HEIGHT = 26
# Deeper chains are told together.
_DEPTHS_MOST = 6


def fallback(statistics: Statistics, before: Statistics | None, timeline: Timeline, target: Target) -> Chart:
    """The share of ended generations that tried more than one model, and how many tried how many."""
    total = statistics.total
    panels = []
    rates = [point.fallback_rate for point in timeline.points]
    if any(rate is not None for rate in rates):
        panels.append(_rate_panel(before, timeline, target))
    if statistics.fallback_depth:
        panels.append(_depth_panel(statistics, target))
    told = ""
    if total.fallback_rate is not None:
        told = f"{percent(total.fallback_rate)} of the generations that ended"
        if total.fallbacks:
            told += f"; {percent(total.recovered / total.fallbacks)} of these still got a picture"
    return Chart(
        "fallback", "Fallback", told, panels, [_rates(timeline, target), _depths(statistics, target)]
    )


def _rate_panel(before: Statistics | None, timeline: Timeline, target: Target) -> Panel:
    marks = [
        Mark(
            None if point.fallback_rate is None else 100 * point.fallback_rate,
            timeline.link(index, **target.fallbacks),
            f"{timeline.name(index)}: {percent(point.fallback_rate)} of the generations that ended",
        )
        for index, point in enumerate(timeline.points)
    ]
    past = [
        Mark(None if point.fallback_rate is None else 100 * point.fallback_rate)
        for point in (before.over_time if before else ())
    ][: len(marks)]
    past += [Mark(None)] * (len(marks) - len(past))
    has_past = any(mark.value is not None for mark in past)
    most = max(mark.value or 0 for mark in [*marks, *past])
    axis = Axis(axis_up_to(min(most, 100), str, least_step=1).ticks, lambda value: f"{value:g} %")
    columns = [Mark(None, timeline.link(index), timeline.name(index)) for index in range(len(marks))]
    series = [Series("fallback", "line-of plain", marks)]
    if has_past:
        series.insert(0, Series("before", "before", past, has_dots=False))
    plot = lines(series, axis, height=_HEIGHT, ticks=timeline.ticks, columns=columns)
    keys = [Key("fallback rate", "plain", "", plot.ends[-1])]
    if has_past:
        keys.append(Key("the range before", "before", "", plot.ends[0]))
    return Panel(plot, keys)


def _grouped(statistics: Statistics) -> list[tuple[str, dict[str, str | None], int]]:
    """Of each depth its label, the list's filter for it, and how many generations had it."""
    found: list[tuple[str, dict[str, str | None], int]] = []
    for depth in statistics.fallback_depth[:_DEPTHS_MOST]:
        tried = depth.models_tried
        found.append((counted(tried, "model"), {"models_tried": str(tried)}, depth.generations))
    deeper = statistics.fallback_depth[_DEPTHS_MOST:]
    if deeper:
        least = deeper[0].models_tried
        count = sum(depth.generations for depth in deeper)
        found.append((f"{least} or more", {"least_models_tried": str(least)}, count))
    return found


def _depth_panel(statistics: Statistics, target: Target) -> Panel:
    found = _grouped(statistics)
    ended = sum(generations for _, _, generations in found)
    marks = [
        Mark(
            generations,
            target.list_of(statistics.from_, statistics.to, **filter_),
            f"{label} tried: {counted(generations, 'generation')}, {percent(generations / ended)}",
        )
        for label, filter_, generations in found
    ]
    amounts = [f"{number(generations)} · {percent(generations / ended)}" for _, _, generations in found]
    plot = rows(
        [Series("depth", "plain", marks)], [label for label, _, _ in found], amounts, row_height=_ROW_HEIGHT
    )
    return Panel(plot, title="Models tried by a generation", kind="amounts")


def _rates(timeline: Timeline, target: Target) -> Table:
    columns = [
        Column(timeline.began),
        Column("Fallback rate", "plain"),
        Column("Fell back"),
        Column("Recovered"),
    ]
    return Table(
        "Fallback rate",
        columns,
        [
            [
                Cell(timeline.name(index), timeline.link(index)),
                Cell(percent(point.fallback_rate)),
                Cell(
                    number(point.fallbacks),
                    timeline.link(index, **target.fallbacks) if point.fallbacks else "",
                ),
                Cell(number(point.recovered)),
            ]
            for index, point in enumerate(timeline.points)
        ],
    )


def _depths(statistics: Statistics, target: Target) -> Table:
    return Table(
        "Models tried by a generation",
        [Column("Models tried"), Column("Generations", "plain")],
        [
            [
                Cell(label),
                Cell(
                    number(generations),
                    target.list_of(statistics.from_, statistics.to, **filter_),
                ),
            ]
            for label, filter_, generations in _grouped(statistics)
        ],
    )
