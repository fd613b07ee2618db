"""The models side by side, each with how it went over the range."""

from collections.abc import Mapping

from markupsafe import Markup

from image_tracing_postgres.statistics.figures import ModelFigures, Statistics
from image_tracing_viewer.charts.chart import Cell, Chart, Column, Table
from image_tracing_viewer.charts.drawing import sparklines
from image_tracing_viewer.charts.figures import number, percent, was
from image_tracing_viewer.charts.palette import Palette
from image_tracing_viewer.charts.timeline import Target, Timeline
from image_tracing_viewer.formats import NOTHING, counted, duration, size, words

SPARK_HEIGHT = 24
# Who has more models looks at the first ones.
_SPARKS_MOST = 24
_COLUMNS = (
    Column("Model"),
    Column("Attempts"),
    Column("Success rate"),
    Column("over time", is_spark=True),
    Column("p50"),
    Column("p95"),
    Column("over time", is_spark=True),
    Column("Rescues"),
    Column("Pictures"),
    Column("Fails with"),
)


def models(
    statistics: Statistics, before: Statistics | None, timeline: Timeline, palette: Palette, target: Target
) -> Chart:
    """A row for each model, the one with the most attempts first."""
    earlier = {found.model: found for found in before.by_model} if before else {}
    rows = [
        _row(statistics, model, earlier.get(model.model), (rate, time), palette, target)
        for model, rate, time in zip(statistics.by_model, *_sparks(statistics, timeline), strict=True)
    ]
    told = counted(len(rows), "model") if rows else ""
    if statistics.left_out.models:
        told += f" and {number(statistics.left_out.models)} more with fewer attempts"
    return Chart("models", "Models", told, [], [Table("Models", _COLUMNS, rows)])


def _sparks(statistics: Statistics, timeline: Timeline) -> tuple[list[Markup], list[Markup]]:
    """Of each model the lines of its success rate and of its p95; of the last ones of many none."""
    models = statistics.by_model[:_SPARKS_MOST]
    buckets: list[Mapping[str | None, ModelFigures]] = [
        {found.model: found for found in point.by_model} for point in timeline.points
    ]
    over_time = [[bucket.get(model.model) for bucket in buckets] for model in models]
    rates = [[found.attempt_success_rate if found else None for found in row] for row in over_time]
    times = [
        [found.duration_ms.p95 if found and found.duration_ms else None for found in row] for row in over_time
    ]
    none = [Markup()] * (len(statistics.by_model) - len(models))
    return [*sparklines(rates, height=SPARK_HEIGHT), *none], [*sparklines(times, height=SPARK_HEIGHT), *none]


def _row(
    statistics: Statistics,
    model: ModelFigures,
    past: ModelFigures | None,
    sparks: tuple[Markup, Markup],
    palette: Palette,
    target: Target,
) -> list[Cell]:
    def link(**more: str) -> str:
        return target.list_of(statistics.from_, statistics.to, model=model.model, **more)

    style = palette.style(model.model)
    times, past_times = model.duration_ms, past.duration_ms if past else None
    failed_with = next(iter(model.error_classes), None)
    return [
        Cell(palette.name(model.model), link(), style=style, note=model.model or ""),
        Cell(number(model.attempts), note=was(number(past.attempts) if past else "")),
        Cell(
            percent(model.attempt_success_rate),
            note=was(percent(past.attempt_success_rate) if past else ""),
        ),
        Cell("", spark=sparks[0], style=style),
        Cell(
            duration(times.p50 if times else None), note=was(duration(past_times.p50) if past_times else "")
        ),
        Cell(
            duration(times.p95 if times else None), note=was(duration(past_times.p95) if past_times else "")
        ),
        Cell("", spark=sparks[1], style=style),
        Cell(
            f"{number(model.rescues)} of {number(model.chances)}" if model.chances else NOTHING,
            note=percent(model.recovery_rate) if model.chances else "",
        ),
        Cell(number(model.images), note=size(model.bytes) if model.bytes else ""),
        Cell(words(failed_with), link(error_class=failed_with), note=_share(model, failed_with))
        if failed_with
        else Cell(NOTHING),
    ]


def _share(model: ModelFigures, error_class: str) -> str:
    failed = sum(model.error_classes.values())
    return f"{percent(model.error_classes[error_class] / failed)} of {number(failed)}"
