"""Statistics as the store gives them, made of what happened in each bucket."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from image_tracing_postgres.statistics.figures import (
    Bucket,
    Depth,
    Durations,
    ErrorClassFigures,
    Flow,
    LeftOut,
    ModelFigures,
    Point,
    Statistics,
    Total,
)
from image_tracing_viewer.charts.timeline import Target, Timeline

BEGAN_AT = datetime(2025, 11, 3, tzinfo=UTC)
LENGTHS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}

Calls = Mapping[str | None, tuple[int, int]]
"""Of each model how many attempts there were, and how many of them succeeded."""
StatisticsFactory = Callable[..., Statistics]


def durations(milliseconds: int) -> Durations:
    return Durations(milliseconds, milliseconds, 2 * milliseconds, 3 * milliseconds, 4 * milliseconds)


def attempt_figures(attempts: int, succeeded: int, error_class: str = "timeout") -> dict[str, Any]:
    failed = attempts - succeeded
    return {
        "attempts": attempts,
        "succeeded": succeeded,
        "attempt_success_rate": succeeded / attempts if attempts else None,
        "duration_ms": durations(1_000) if attempts else None,
        "images": succeeded,
        "bytes": 1_000 * succeeded,
        "outcomes": {"ok": succeeded, "error": failed},
        "error_classes": {error_class: failed} if failed else {},
        "chances": failed,
        "rescues": 0,
        "recovery_rate": 0.0 if failed else None,
    }


def generation_figures(
    completed: int, failed: int = 0, started: int = 0, fallbacks: int = 0
) -> dict[str, Any]:
    ended = completed + failed
    return {
        "generations": ended + started,
        "completed": completed,
        "failed": failed,
        "started": started,
        "success_rate": completed / ended if ended else None,
        "fallbacks": fallbacks,
        "fallback_rate": fallbacks / ended if ended else None,
        "recovered": fallbacks,
        "wasted_ms": 500 * fallbacks,
        "time_to_picture_ms": durations(2_000) if completed else None,
    }


@pytest.fixture(scope="session")
def statistics() -> StatisticsFactory:
    """Statistics of buckets one after the other; an empty mapping is a bucket without anything."""

    def made(
        *buckets: Calls,
        bucket: Bucket = "day",
        tz: str = "UTC",
        flow: Sequence[Flow] = (),
        depths: Sequence[Depth] = (),
        left_out: LeftOut | None = None,
        **fields: int,
    ) -> Statistics:
        length = LENGTHS[bucket]
        points = []
        for number, calls in enumerate(buckets):
            attempts, succeeded = (sum(pair[side] for pair in calls.values()) for side in (0, 1))
            points.append(
                Point(
                    start=BEGAN_AT + number * length,
                    end=BEGAN_AT + (number + 1) * length,
                    by_model=[_model(model, *pair) for model, pair in calls.items()],
                    **generation_figures(succeeded, **fields),
                    **attempt_figures(attempts, succeeded),
                )
            )
        sums: dict[str | None, Counter[int]] = {}
        for calls in buckets:
            for model, pair in calls.items():
                sums.setdefault(model, Counter()).update(dict(enumerate(pair)))
        models = [_model(model, both[0], both[1]) for model, both in sums.items()]
        attempts, succeeded = (sum(both[side] for both in sums.values()) for side in (0, 1))
        classes = Counter({"timeout": attempts - succeeded} if attempts > succeeded else {})
        return Statistics(
            from_=BEGAN_AT,
            to=BEGAN_AT + len(buckets) * length,
            bucket=bucket,
            tz=tz,
            total=Total(**generation_figures(succeeded, **fields), **attempt_figures(attempts, succeeded)),
            by_model=sorted(models, key=lambda found: -found.attempts),
            by_provider=[],
            by_error_class=[ErrorClassFigures(name, count) for name, count in classes.items()],
            over_time=points,
            fallback_depth=depths,
            flow=flow,
            left_out=left_out or LeftOut(0, 0, 0, 0),
        )

    return made


def _model(model: str | None, attempts: int, succeeded: int) -> ModelFigures:
    return ModelFigures(model=model, **attempt_figures(attempts, succeeded))


class _Links:
    """The list at its usual address."""

    def list_with(self, pairs: list[tuple[str, str]]) -> str:
        return "/traceImage?" + "&".join(f"{name}={value}" for name, value in pairs)


@pytest.fixture(scope="session")
def target() -> Target:
    return Target(_Links(), [("provider", "fal")])  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def timeline(target: Target) -> Callable[[Statistics], Timeline]:
    return lambda statistics: Timeline(statistics, target)
