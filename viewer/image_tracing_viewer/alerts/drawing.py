"""The chart of an alert, for channels that take pictures."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from typing import Final

from starlette.datastructures import QueryParams

from image_tracing_postgres.alerting import HistoryEntry, Rule
from image_tracing_postgres.alerting.rules import Kind
from image_tracing_postgres.store import Store
from image_tracing_viewer.alerts.channels import Picture
from image_tracing_viewer.charts.dashboard import Figures, chart_query_from
from image_tracing_viewer.charts.picture import png_of, svg_of
from image_tracing_viewer.charts.view import told_of
from image_tracing_viewer.formats import iso
from image_tracing_viewer.links import Links

_CHARTS: Final[Mapping[Kind, str]] = {
    "failures_in_a_row": "success-rate",
    "failure_rate": "success-rate",
    "failed_generations": "volume",
    "fallback_rate": "fallback",
    "p95_duration": "latency",
    "silence": "volume",
    "time_to_picture": "volume",
}
# What says which failures count would leave nothing but these in the chart.
_NARROWING: Final = frozenset({"status", "error_class", "outcome"})
_LEAST: Final = timedelta(hours=6)
_WINDOWS: Final = 4
_FILTERED_MOST: Final = timedelta(hours=3)
# The text waits for it.
_SECONDS: Final = 2.5
# As wide as a chat shows it.
_WIDTH: Final = 640


class Drawing:
    """Draws what led to an alert, of all models: whether one alone is in trouble is half of the answer.

    From four windows of its rule before, six hours at least; one to three hours where the rule has filters.
    Raises DatabaseUnavailableError where the figures are not there within some seconds.
    """

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links
        self._can_draw = find_spec("resvg_py") is not None

    def __call__(self, entry: HistoryEntry, rule: Rule) -> Picture | None:
        """The name and bytes of a PNG; None without the extra `png`."""
        if not self._can_draw:
            return None
        pairs = {name: str(value) for name, value in rule.filters.items() if name not in _NARROWING}
        length = max(_LEAST, _WINDOWS * rule.window)
        if pairs:
            # Counted row by row, while the text waits.
            length = min(max(timedelta(hours=1), rule.window), _FILTERED_MOST)
        began_at = entry.at - length
        pairs["from"] = iso(began_at.replace(minute=0, second=0, microsecond=0))
        pairs["to"] = iso(entry.at)
        name = _CHARTS[rule.kind]
        query = chart_query_from(QueryParams(pairs), entry.at)
        figures = Figures(self._store, query, self._links, seconds=_SECONDS)
        told = f"{told_of(figures.period)} {figures.statistics.tz}, by {figures.statistics.bucket}"
        svg = svg_of(figures.chart(name), told, theme="light", width=_WIDTH)
        return f"{name}.png", png_of(svg)
