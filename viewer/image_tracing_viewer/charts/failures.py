"""Why attempts failed, and at which models."""

from collections.abc import Sequence

from image_tracing_postgres.statistics.figures import ModelFigures, Statistics
from image_tracing_viewer.charts.chart import Cell, Chart, Column, Key, Panel, Table
from image_tracing_viewer.charts.drawing import Mark, Series, rows
from image_tracing_viewer.charts.figures import isolated, number, percent
from image_tracing_viewer.charts.labels import fitted
from image_tracing_viewer.charts.palette import REST, Palette
from image_tracing_viewer.charts.timeline import Target
from image_tracing_viewer.formats import NOTHING, counted, words

_ROW_HEIGHT = 28
# In sizes of its font: what stands left of the bars.
_LABEL_WIDTH = 8


def error_classes(statistics: Statistics, palette: Palette, target: Target) -> Chart:
    """Failed attempts by error class, each bar divided by model."""
    failed = [model for model in statistics.by_model if model.error_classes]
    classes = [found.error_class for found in statistics.by_error_class]
    total = sum(statistics.total.error_classes.values())
    told = ""
    panels = []
    if total:
        first = statistics.by_error_class[0]
        told = f"{counted(total, 'attempt')} failed; most often: {words(first.error_class)}, "
        told += percent(first.attempts / total)
        if statistics.left_out.error_classes:
            told += f"; {number(statistics.left_out.error_classes)} rarer not shown"
        panels.append(_panel(statistics, failed, classes, total, palette, target))
    table = _table(statistics, failed, classes, palette, target)
    return Chart("error-classes", "Why attempts failed", told, panels, [table])


def _panel(
    statistics: Statistics,
    failed: Sequence[ModelFigures],
    classes: Sequence[str],
    total: int,
    palette: Palette,
    target: Target,
) -> Panel:
    series = [
        Series(
            palette.name(model.model),
            palette.style(model.model),
            [
                Mark(
                    count := model.error_classes.get(name, 0),
                    target.list_of(statistics.from_, statistics.to, model=model.model, error_class=name),
                    f"{words(name)}, {isolated(palette.name(model.model))}: {counted(count, 'attempt')}",
                )
                for name in classes
            ],
        )
        for model in failed
    ]
    amounts = [
        f"{number(found.attempts)} · {percent(found.attempts / total)}" for found in statistics.by_error_class
    ]
    plot = rows(
        series,
        [fitted(words(name), _LABEL_WIDTH) for name in classes],
        amounts,
        row_height=_ROW_HEIGHT,
    )
    keys = [
        Key(palette.name(model.model), palette.style(model.model), model.model or "")
        for model in failed
        if palette.style(model.model) != REST
    ]
    if len(keys) < len(failed):
        keys.append(Key(counted(len(failed) - len(keys), "further model"), REST))
    return Panel(plot, keys, kind="amounts")


def _table(
    statistics: Statistics,
    failed: Sequence[ModelFigures],
    classes: Sequence[str],
    palette: Palette,
    target: Target,
) -> Table:
    def link(model: ModelFigures, name: str) -> str:
        return target.list_of(statistics.from_, statistics.to, model=model.model, error_class=name)

    columns = [
        Column(palette.name(model.model), palette.style(model.model), model.model or "") for model in failed
    ]
    numbers = {found.error_class: found.attempts for found in statistics.by_error_class}
    return Table(
        "Failed attempts by error class and model",
        [Column("Error class"), Column("All"), *columns],
        [
            [
                Cell(words(name), target.list_of(statistics.from_, statistics.to, error_class=name)),
                Cell(number(numbers[name])),
                *(
                    Cell(number(count), link(model, name))
                    if (count := model.error_classes.get(name, 0))
                    else Cell(NOTHING)
                    for model in failed
                ),
            ]
            for name in classes
        ],
    )
