"""What generations and attempts came to in the last hour, for Prometheus.

Gauges, and named after their hour: rows are deleted, arrive late and change, and a counter may never go down.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.statistics.figures import Durations, Statistics
from image_tracing_postgres.store import Store
from image_tracing_viewer.errors import printable
from image_tracing_viewer.query import ERROR_CLASSES, OUTCOMES

_log = logging.getLogger("image_tracing_viewer")

# Whole five minutes, which the statistics have as sums: the cost is the same at any number of rows.
_WINDOW: Final = timedelta(hours=1)
_STEP: Final = timedelta(minutes=5)
# A scrape is given up after ten, with all its figures.
_SECONDS: Final = 2.5
# With 8 outcomes and 16 error classes, some six hundred lines at most.
MODELS_MAX: Final = 20
OTHER: Final = "other"
_NAME_MAX: Final = 120
# Rows that others wrote may have any error class.
_VALUES: Final = frozenset((*OUTCOMES, *ERROR_CLASSES))
_QUANTILES: Final = (("0.5", "p50"), ("0.9", "p90"), ("0.95", "p95"), ("0.99", "p99"))


def product_figures(store: Store) -> Iterator[Metric]:
    """Of what began in the last hour, up to the end of the five minutes that are running.

    Nothing while the database gives none within some seconds.
    """
    try:
        found = store.stats(bucket="hour", from_=_began(datetime.now(UTC)), seconds=_SECONDS)
    except ImageTracingError as error:
        _log.warning("metrics without the figures of generations: %s", printable(str(error)))
        return
    yield from _generations(found)
    yield from _attempts(found)


def _began(now: datetime) -> datetime:
    into_step = timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond)
    return now - into_step + _STEP - _WINDOW


def _generations(found: Statistics) -> Iterator[Metric]:
    total = found.total
    generations = GaugeMetricFamily(
        "image_tracing_last_hour_generations", "Generations that began in the last hour.", labels=("status",)
    )
    for status, number in (
        ("started", total.started),
        ("completed", total.completed),
        ("failed", total.failed),
    ):
        generations.add_metric((status,), number)
    yield generations
    yield GaugeMetricFamily(
        "image_tracing_last_hour_generations_fallback",
        "Those of them that have ended and tried more than one model.",
        value=total.fallbacks,
    )
    yield GaugeMetricFamily(
        "image_tracing_last_hour_generations_recovered",
        "Those of them that completed and tried more than one model.",
        value=total.recovered,
    )
    times = GaugeMetricFamily(
        "image_tracing_last_hour_time_to_picture_seconds",
        "Duration of the completed ones, by percentile.",
        labels=("quantile",),
    )
    _add(times, (), total.time_to_picture_ms)
    yield times


def _attempts(found: Statistics) -> Iterator[Metric]:
    """The models with the most attempts by name, all others together: the total without those named."""
    outcomes, error_classes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    durations: dict[str, Durations | None] = {}
    _count(outcomes, OTHER, found.total.outcomes)
    _count(error_classes, OTHER, found.total.error_classes)
    for figures in found.by_model[:MODELS_MAX]:
        name = (figures.model or "")[:_NAME_MAX]
        for counts, values in ((outcomes, figures.outcomes), (error_classes, figures.error_classes)):
            _count(counts, name, values)
            _count(counts, OTHER, values, sign=-1)
        # Percentiles of several models cannot be put together.
        if name != OTHER:
            durations.setdefault(name, figures.duration_ms)
    for metric, told, label, counts in (
        ("image_tracing_last_hour_attempts", "Attempts that began in the last hour.", "outcome", outcomes),
        ("image_tracing_last_hour_attempts_failed", "Failed ones of them.", "error_class", error_classes),
    ):
        family = GaugeMetricFamily(metric, told, labels=("model", label))
        for labels, number in counts.items():
            if number:
                family.add_metric(labels, number)
        yield family
    times = GaugeMetricFamily(
        "image_tracing_last_hour_attempt_duration_seconds",
        "Duration of those that have ended, by percentile.",
        labels=("model", "quantile"),
    )
    for name, duration in durations.items():
        _add(times, (name,), duration)
    yield times


def _count(counts: Counter[tuple[str, str]], name: str, found: Mapping[str, int], *, sign: int = 1) -> None:
    for value, number in found.items():
        counts[name, value if value in _VALUES else OTHER] += sign * number


def _add(family: GaugeMetricFamily, labels: tuple[str, ...], durations: Durations | None) -> None:
    if durations is not None:
        for quantile, name in _QUANTILES:
            family.add_metric((*labels, quantile), getattr(durations, name) / 1000)
