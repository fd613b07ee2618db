"""How many generations there were, by status."""

from image_tracing_postgres.statistics.figures import Statistics
from image_tracing_viewer.charts.axes import axis_up_to
from image_tracing_viewer.charts.chart import Cell, Chart, Column, Key, Panel, Table
from image_tracing_viewer.charts.drawing import Mark, Series, bars
from image_tracing_viewer.charts.figures import number, short_number
from image_tracing_viewer.charts.timeline import Timeline

_HEIGHT = 190
_STATUSES = (("completed", "good"), ("failed", "bad hatched"), ("started", "open"))
_WORDS = {"completed": "completed", "failed": "failed", "started": "still running"}


def volume(statistics: Statistics, before: Statistics | None, timeline: Timeline) -> Chart:
    """Bars of generations by status for each bucket, with the number of the range before as a line."""
    total = statistics.total
    earlier = [point.generations for point in before.over_time] if before else []
    # The range before can have a bucket more or less: months differ, and clocks are put forward.
    earlier = (earlier + [0] * len(timeline.points))[: len(timeline.points)]
    shown = [(status, style) for status, style in _STATUSES if getattr(total, status)] or _STATUSES[:1]
    series = [
        Series(
            _WORDS[status],
            style,
            [
                Mark(
                    count := getattr(point, status),
                    timeline.link(index, status=status),
                    f"{timeline.name(index)}: {number(count)} {_WORDS[status]}",
                )
                for index, point in enumerate(timeline.points)
            ],
        )
        for status, style in shown
    ]
    most = max([point.generations for point in timeline.points] + earlier, default=0)
    plot = bars(
        series,
        axis_up_to(most, short_number, least_step=1),
        height=_HEIGHT,
        ticks=timeline.ticks,
        before=earlier if any(earlier) else (),
    )
    keys = [Key(_WORDS[status], style) for status, style in shown]
    if any(earlier):
        keys.append(Key("the range before", "before"))
    told = ", ".join(f"{number(getattr(total, status))} {_WORDS[status]}" for status, _ in shown)
    return Chart(
        "volume",
        "Generations",
        told,
        [Panel(plot, keys)] if total.generations or any(earlier) else [],
        [_table(timeline, earlier)],
    )


def _table(timeline: Timeline, earlier: list[int]) -> Table:
    columns = [Column("Generations")]
    columns += [Column(_WORDS[status].capitalize(), style) for status, style in _STATUSES]
    if any(earlier):
        columns.append(Column("In the range before", "before"))
    rows = []
    for index, point in enumerate(timeline.points):
        row = [
            Cell(timeline.name(index), timeline.link(index)),
            Cell(number(point.generations)),
            *(
                Cell(
                    number(getattr(point, status)),
                    timeline.link(index, status=status) if getattr(point, status) else "",
                )
                for status, _ in _STATUSES
            ),
        ]
        rows.append([*row, Cell(number(earlier[index]))] if any(earlier) else row)
    return Table("Generations by status", [Column(timeline.began), *columns], rows)
