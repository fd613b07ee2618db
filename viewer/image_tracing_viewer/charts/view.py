"""What the dashboard's page shows around its charts: the form, the presets, the ways to other ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from image_tracing_viewer import formats
from image_tracing_viewer.charts.by_model import PERCENTILES
from image_tracing_viewer.charts.dashboard import PARAMETERS, ChartQuery
from image_tracing_viewer.charts.period import LENGTHS, PRESETS, Period
from image_tracing_viewer.links import Links
from image_tracing_viewer.listing import LABELS, SPOKEN, Chip
from image_tracing_viewer.query import FILTER_NAMES

_ASKED: Final = ("model", "provider", "service")
"""The filters that the form has a field for; the others show as chips, and stay."""


@dataclass(frozen=True, slots=True)
class Way:
    """A link to another view of the same dashboard."""

    label: str
    href: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class DashboardView:
    """The page around the charts. `is_asked`: its form is in use. `later` is None in the future."""

    presets: Sequence[Way]
    percentiles: Sequence[Way]
    earlier: str | None
    later: str | None
    wider: str | None
    chips: Sequence[Chip]
    form: Mapping[str, Any]
    hidden: Sequence[tuple[str, str]]
    query_string: str
    told: str
    is_live: bool
    is_asked: bool


def view_of(params: QueryParams, query: ChartQuery | None, links: Links) -> DashboardView:
    """What stands around the charts of this query; None if the parameters cannot be used."""
    pairs = [
        (name, value)
        for name, value in params.multi_items()
        if value and name in (*FILTER_NAMES, *PARAMETERS)
    ]

    def with_(**changed: str | None) -> str:
        kept = [pair for pair in pairs if pair[0] not in changed]
        return links.stats_with([*kept, *((name, value) for name, value in changed.items() if value)])

    def over(range_: tuple[datetime, datetime] | None) -> str | None:
        if range_ is None:
            return None
        from_, to = (moment.isoformat(timespec="seconds") for moment in range_)
        return with_(**{"range": None, "bucket": None, "from": from_, "to": to})

    period = query.period if query else None
    presets = [
        Way(
            label,
            with_(**{"range": name, "from": None, "to": None, "bucket": None}),
            name == (period and period.preset),
        )
        for name, (label, _, _) in PRESETS.items()
    ]
    percentiles = [
        Way(name, with_(percentile=name), name == (query and query.percentile)) for name in PERCENTILES
    ]
    chips = [
        Chip(
            LABELS[name],
            formats.shortened(formats.words(value) if name in SPOKEN else value, 60),
            "",
            with_(**{name: None}),
        )
        for name, value in pairs
        if name in LABELS and name not in ("from", "to")
    ]
    return DashboardView(
        presets=presets,
        percentiles=percentiles,
        earlier=over(period.earlier) if period else None,
        later=over(period.later) if period else None,
        wider=over(period.wider) if period else None,
        chips=chips,
        form=_form(params, period),
        hidden=[
            (name, value) for name, value in pairs if name not in (*_ASKED, "from", "to", "bucket", "tz")
        ],
        query_string=urlencode(pairs),
        told=told_of(period) if period else "",
        is_live=period is not None and period.goes_on,
        is_asked=any(name in (*_ASKED, "from", "to", "bucket") for name, _ in pairs),
    )


def _form(params: QueryParams, period: Period | None) -> dict[str, Any]:
    form: dict[str, Any] = {name: params.get(name, "") for name in _ASKED}
    is_own = period is not None and period.preset is None
    form["from"] = f"{period.from_:%Y-%m-%dT%H:%M}" if period and is_own else ""
    form["to"] = f"{period.to:%Y-%m-%dT%H:%M}" if period and is_own else ""
    form["tz"] = period.zone.key if period else "UTC"
    form["zones"] = sorted({"UTC", form["tz"]})
    form["bucket"] = "" if period is None or period.is_automatic else period.bucket
    form["automatic"] = period.bucket if period and period.is_automatic else ""
    form["buckets"] = list(period.buckets) if period else list(LENGTHS)
    return form


def told_of(period: Period) -> str:
    """The range in words: `2025-10-25 to 2025-11-23`, with times where it is not of whole days."""
    is_whole = period.from_.time() == period.to.time() == time.min
    if is_whole:
        last = period.to - timedelta(days=1)
        days = f"{period.from_:%Y-%m-%d}"
        return days if last.date() == period.from_.date() else f"{days} to {last:%Y-%m-%d}"
    return f"{period.from_:%Y-%m-%d %H:%M} to {period.to:%Y-%m-%d %H:%M}"
