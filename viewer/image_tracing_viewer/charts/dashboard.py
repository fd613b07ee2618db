"""The dashboard: what it was asked for, the figures of that range and of the one before, and its charts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from starlette.datastructures import QueryParams

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.records import Filters
from image_tracing_postgres.statistics.figures import Statistics
from image_tracing_postgres.statistics.zones import zone_of
from image_tracing_postgres.store import Store
from image_tracing_viewer import formats
from image_tracing_viewer.charts import period as periods
from image_tracing_viewer.charts.by_model import PERCENTILES, Percentile, latency, success_rate
from image_tracing_viewer.charts.chart import Chart
from image_tracing_viewer.charts.failures import error_classes
from image_tracing_viewer.charts.fallback import fallback
from image_tracing_viewer.charts.figures import change, number, percent, was
from image_tracing_viewer.charts.flow import flow
from image_tracing_viewer.charts.models import models
from image_tracing_viewer.charts.palette import Palette
from image_tracing_viewer.charts.period import Period, coarser, localized, period_from
from image_tracing_viewer.charts.timeline import Target, Timeline
from image_tracing_viewer.charts.volume import volume
from image_tracing_viewer.links import Links
from image_tracing_viewer.query import FILTER_NAMES, filters_from, shown, single_values

PARAMETERS: Final = (*periods.PARAMETERS, "percentile")
"""The parameters that the charts take beside the list's filters."""

_PERCENTILE_DEFAULT: Final = "p95"
# With fewer attempts to a bucket, rates leap between all and nothing.
_ATTEMPTS_WANTED: Final = 5
_LEAST_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ChartQuery:
    """What the charts are asked for. `filters` are without the range, `kept` the same as they were given."""

    period: Period
    filters: Filters
    percentile: Percentile
    kept: Sequence[tuple[str, str]]


def chart_query_from(params: QueryParams, now: datetime, *, also: Sequence[str] = ()) -> ChartQuery:
    """The query of the charts: the list's filters and `PARAMETERS`; `also` is for the caller to read.

    Raises:
        InvalidFilterError: a name is unknown or given twice, a value is outside its set or range.
    """
    accepted = (*FILTER_NAMES, *(name for name in PARAMETERS if name not in FILTER_NAMES), *also)
    values = single_values(params, accepted=accepted)
    local = localized(QueryParams(values), zone_of(values.get("tz", "UTC")))
    period = period_from(dict(local), now)
    kept = [(name, values[name]) for name in FILTER_NAMES if name in values and name not in ("from", "to")]
    return ChartQuery(period, filters_from(QueryParams(kept)), _percentile(values.get("percentile")), kept)


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure above the charts: what it is, how much, and a note on how it came about or was before."""

    label: str
    value: str
    note: str


class Figures:
    """The figures of a range and of the range before it, and the charts that are drawn of them.

    `period` is the query's, cut into longer buckets if hardly anything would be in each. `seconds`: about how
    long all of it may take; None leaves it to the store.
    """

    def __init__(
        self, store: Store, query: ChartQuery, links: Links, *, seconds: float | None = None
    ) -> None:
        period = query.period
        until = None if seconds is None else monotonic() + seconds

        def over(from_: datetime, to: datetime) -> Statistics:
            filters: Filters = {**query.filters, "from_": from_, "to": to}
            left = None if until is None else max(_LEAST_SECONDS, until - monotonic())
            return store.stats(bucket=period.bucket, tz=period.zone.key, seconds=left, **filters)

        self.statistics = over(period.from_, period.to)
        if self.statistics.total.attempts < _ATTEMPTS_WANTED * len(self.statistics.over_time):
            longer = coarser(period)
            if longer is not None:
                period = longer
                self.statistics = over(period.from_, period.to)
        self.period = period
        before = over(*period.before)
        self.before = before if _has_any(before) else None
        self._percentile = query.percentile
        self._target = Target(links, query.kept)
        self._timeline = Timeline(self.statistics, self._target)
        self._palette = Palette([model.model for model in self.statistics.by_model])

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the range itself."""
        return not _has_any(self.statistics)

    @property
    def moments(self) -> str:
        """The beginnings of the buckets and the end of the last one, in ISO 8601, parted by spaces."""
        points = self.statistics.over_time
        return " ".join(formats.iso(moment) for moment in [*(p.start for p in points), self.statistics.to])

    def chart(self, name: str) -> Chart:
        """One of `CHARTS`."""
        return _CHARTS[name](self)

    @property
    def headlines(self) -> list[Headline]:
        """The figures that are read first."""
        total, past = self.statistics.total, self.before.total if self.before else None
        picture, was_picture = total.time_to_picture_ms, past.time_to_picture_ms if past else None
        generations = number(past.generations) if past else ""
        if past and (moved := change(total.generations, past.generations)):
            generations += f", {moved}"
        return [
            Headline("Generations", number(total.generations), was(generations)),
            Headline(
                "Got a picture", percent(total.success_rate), was(percent(past.success_rate) if past else "")
            ),
            Headline(
                "Fell back", percent(total.fallback_rate), was(percent(past.fallback_rate) if past else "")
            ),
            Headline(
                "Time to picture, p50",
                formats.duration(picture.p50 if picture else None),
                was(formats.duration(was_picture.p50) if was_picture else ""),
            ),
            Headline(
                "Time to picture, p95",
                formats.duration(picture.p95 if picture else None),
                was(formats.duration(was_picture.p95) if was_picture else ""),
            ),
            Headline(
                "Wasted in failed attempts",
                formats.duration(total.wasted_ms),
                was(formats.duration(past.wasted_ms) if past else ""),
            ),
            Headline("Pictures", number(total.images), formats.size(total.bytes) if total.bytes else ""),
        ]


_CHARTS: Final[Mapping[str, Callable[[Figures], Chart]]] = {
    "volume": lambda of: volume(of.statistics, of.before, of._timeline),
    "models": lambda of: models(of.statistics, of.before, of._timeline, of._palette, of._target),
    "success-rate": lambda of: success_rate(of.statistics, of.before, of._timeline, of._palette),
    "latency": lambda of: latency(
        of.statistics, of.before, of._timeline, of._palette, percentile=of._percentile
    ),
    "fallback": lambda of: fallback(of.statistics, of.before, of._timeline, of._target),
    "error-classes": lambda of: error_classes(of.statistics, of._palette, of._target),
    "flow": lambda of: flow(of.statistics, of._palette, of._target),
}
CHARTS: Final = tuple(_CHARTS)
"""The names of the charts, in the order of the page."""


def _has_any(statistics: Statistics) -> bool:
    return bool(statistics.total.generations or statistics.total.attempts)


def _percentile(value: str | None) -> Percentile:
    for percentile in PERCENTILES:
        if percentile == (value or _PERCENTILE_DEFAULT):
            return percentile
    raise InvalidFilterError(
        f"percentile must be one of {', '.join(PERCENTILES)}; found {shown(value or '')}"
    )
