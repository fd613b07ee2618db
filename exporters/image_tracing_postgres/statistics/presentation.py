"""Figures from sums."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from image_tracing_postgres.statistics.figures import (
    Depth,
    ErrorClassFigures,
    Flow,
    ModelFigures,
    Point,
    ProviderFigures,
    Total,
)
from image_tracing_postgres.statistics.tallies import AttemptTally, FlowKey, GenerationTally, Tally


def total_of(tally: Tally) -> Total:
    """All figures of a range."""
    return Total(**_generations(tally.generations), **_attempts(tally.attempts))


def point_of(tally: Tally, *, start: datetime, end: datetime, models: Container[str | None]) -> Point:
    """All figures of a bucket; those of a model only if it is among `models`."""
    of_models = {model: attempts for model, attempts in tally.by_model.items() if model in models}
    return Point(
        start=start,
        end=end,
        by_model=sorted(models_of(of_models), key=lambda found: _name(found.model)),
        **_generations(tally.generations),
        **_attempts(tally.attempts),
    )


def models_of(tallies: Mapping[str | None, AttemptTally]) -> Sequence[ModelFigures]:
    """Each model, the one with the most attempts first."""
    found = [ModelFigures(model=model, **_attempts(tally)) for model, tally in tallies.items()]
    return sorted(found, key=lambda figures: (-figures.attempts, _name(figures.model)))


def providers_of(tallies: Mapping[str | None, AttemptTally]) -> Sequence[ProviderFigures]:
    """Each provider, the one with the most attempts first."""
    found = [ProviderFigures(provider=name, **_attempts(tally)) for name, tally in tallies.items()]
    return sorted(found, key=lambda figures: (-figures.attempts, _name(figures.provider)))


def error_classes_of(tallies: Iterable[AttemptTally]) -> Sequence[ErrorClassFigures]:
    """Each error class, the most frequent first."""
    numbers: Counter[str] = Counter()
    for tally in tallies:
        numbers.update(tally.error_classes)
    return [ErrorClassFigures(name, number) for name, number in _most_frequent(numbers)]


def depths_of(flows: Mapping[FlowKey, int]) -> Sequence[Depth]:
    """Each number of models tried, the least first."""
    numbers: Counter[int] = Counter()
    for (depth, _, _), number in flows.items():
        numbers[depth] += number
    return [Depth(depth, number) for depth, number in sorted(numbers.items())]


def flow_of(flows: Mapping[FlowKey, int]) -> Sequence[Flow]:
    """Each pair of first and serving model, the most frequent first."""
    numbers: Counter[tuple[str | None, str | None]] = Counter()
    for (_, first, served), number in flows.items():
        numbers[first, served] += number
    found = [Flow(first, served, number) for (first, served), number in numbers.items()]
    return sorted(found, key=lambda flow: (-flow.generations, _name(flow.first_model), _name(flow.served_by)))


def _generations(tally: GenerationTally) -> dict[str, Any]:
    ended = tally.completed + tally.failed
    fallbacks = tally.fallbacks
    return {
        "generations": ended + tally.started,
        "completed": tally.completed,
        "failed": tally.failed,
        "started": tally.started,
        "success_rate": _rate(tally.completed, ended),
        "fallbacks": fallbacks,
        "fallback_rate": _rate(fallbacks, ended),
        "recovered": tally.recovered,
        "wasted_ms": tally.wasted_ms,
        "time_to_picture_ms": tally.sketch.durations,
    }


def _attempts(tally: AttemptTally) -> dict[str, Any]:
    return {
        "attempts": tally.attempts,
        "succeeded": tally.succeeded,
        "attempt_success_rate": _rate(tally.succeeded, tally.attempts),
        "duration_ms": tally.sketch.durations,
        "images": tally.images,
        "bytes": tally.size_bytes,
        "outcomes": dict(_most_frequent(tally.outcomes)),
        "error_classes": dict(_most_frequent(tally.error_classes)),
        "chances": tally.chances,
        "rescues": tally.rescues,
        "recovery_rate": _rate(tally.rescues, tally.chances),
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _most_frequent(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))


def _name(name: str | None) -> str:
    return name or ""
