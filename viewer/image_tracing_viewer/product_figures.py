"""What generations and attempts came to in the last hour, for Prometheus."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.statistics.figures import Durations, ModelFigures, Statistics
from image_tracing_postgres.store import Store
from image_tracing_viewer.errors import printable

_log = logging.getLogger("image_tracing_viewer")

# Whole five minutes, which the statistics have as sums: the cost is the same at any number of rows.
_WINDOW: Final = timedelta(hours=1)
_STEP: Final = timedelta(minutes=5)
# With 8 outcomes and 16 error classes, some six hundred lines at most.
MODELS_MAX: Final = 20
OTHER: Final = "other"
_NAME_MAX: Final = 120
_QUANTILES: Final = (("0.5", "p50"), ("0.9", "p90"), ("0.95", "p95"), ("0.99", "p99"))


def product_figures(store: Store) -> Iterator[Metric]:
    """Of what began in the last hour, up to the end of the five minutes that are running.

    Nothing while the database gives none.
    """
    try:
        found = store.stats(bucket="hour", from_=_began(datetime.now(UTC)))
    except ImageTracingError as error:
        _log.warning("metrics without the figures of generations: %s", printable(str(error)))
        return
    yield from _generations(found)
    yield from _attempts(found.by_model)


def _began(now: datetime) -> datetime:
    into_step = timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond)
    return now - into_step + _STEP - _WINDOW


def _generations(found: Statistics) -> Iterator[Metric]:
    total = found.total
    generations = GaugeMetricFamily(
        "image_tracing_generations", "Generations that began in the last hour.", labels=("status",)
    )
    for status, number in (
        ("started", total.started),
        ("completed", total.completed),
        ("failed", total.failed),
    ):
        generations.add_metric((status,), number)
    yield generations
    yield GaugeMetricFamily(
        "image_tracing_generations_fallback",
        "Those of them that have ended and tried more than one model.",
        value=total.fallbacks,
    )
    yield GaugeMetricFamily(
        "image_tracing_generations_recovered",
        "Those of them that completed and tried more than one model.",
        value=total.recovered,
    )
    times = GaugeMetricFamily(
        "image_tracing_time_to_picture_seconds",
        "Duration of the completed ones, by percentile.",
        labels=("quantile",),
    )
    _add(times, (), total.time_to_picture_ms)
    yield times


def _attempts(by_model: Sequence[ModelFigures]) -> Iterator[Metric]:
    """The models with the most attempts by name, all others together."""
    outcomes: Counter[tuple[str, str]] = Counter()
    error_classes: Counter[tuple[str, str]] = Counter()
    durations: dict[str, Durations | None] = {}
    for place, figures in enumerate(by_model):
        name = (figures.model or "")[:_NAME_MAX] if place < MODELS_MAX else OTHER
        _count(outcomes, name, figures.outcomes)
        _count(error_classes, name, figures.error_classes)
        # Percentiles of several models cannot be put together.
        if place < MODELS_MAX and name != OTHER:
            durations.setdefault(name, figures.duration_ms)
    for metric, told, label, counts in (
        ("image_tracing_attempts", "Attempts that began in the last hour.", "outcome", outcomes),
        ("image_tracing_attempts_failed", "Failed ones of them.", "error_class", error_classes),
    ):
        family = GaugeMetricFamily(metric, told, labels=("model", label))
        for labels, number in counts.items():
            family.add_metric(labels, number)
        yield family
    times = GaugeMetricFamily(
        "image_tracing_attempt_duration_seconds",
        "Duration of those that have ended, by percentile.",
        labels=("model", "quantile"),
    )
    for name, duration in durations.items():
        _add(times, (name,), duration)
    yield times


def _count(counts: Counter[tuple[str, str]], name: str, found: Mapping[str, int]) -> None:
    for value, number in found.items():
        counts[name, value] += number


def _add(family: GaugeMetricFamily, labels: tuple[str, ...], durations: Durations | None) -> None:
    if durations is not None:
        for quantile, name in _QUANTILES:
            family.add_metric((*labels, quantile), getattr(durations, name) / 1000)
