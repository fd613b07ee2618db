"""What the statistics give back, as plain frozen dataclasses; docs/statistics.md defines each figure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Bucket = Literal["minute", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Durations:
    """Mean and nearest-rank percentiles in milliseconds, each at most 1 % below the exact one."""

    mean: float
    p50: int
    p90: int
    p95: int
    p99: int

    def as_json(self) -> dict[str, Any]:
        return {"mean": self.mean, "p50": self.p50, "p90": self.p90, "p95": self.p95, "p99": self.p99}


@dataclass(frozen=True, kw_only=True)
class GenerationFigures:
    """Generations by their `created_at`. Rates from 0.0 to 1.0, None of nothing.

    `fallbacks` tried more than one model and have ended, `recovered` completed among them. `wasted_ms` is the
    time of failed attempts, `time_to_picture_ms` that of completed generations.
    """

    generations: int
    completed: int
    failed: int
    started: int
    success_rate: float | None
    fallbacks: int
    fallback_rate: float | None
    recovered: int
    wasted_ms: int
    time_to_picture_ms: Durations | None

    def generation_json(self) -> dict[str, Any]:
        return {
            "generations": self.generations,
            "completed": self.completed,
            "failed": self.failed,
            "started": self.started,
            "success_rate": self.success_rate,
            "fallbacks": self.fallbacks,
            "fallback_rate": self.fallback_rate,
            "recovered": self.recovered,
            "wasted_ms": self.wasted_ms,
            "time_to_picture_ms": _durations_json(self.time_to_picture_ms),
        }


@dataclass(frozen=True, kw_only=True)
class AttemptFigures:
    """Attempts by their own start. `outcomes` and `error_classes` hold how often each occurred.

    `chances` came after another model had failed in the same generation and none had succeeded, `rescues`
    succeeded among them; `recovery_rate` is their quotient.
    """

    attempts: int
    succeeded: int
    attempt_success_rate: float | None
    duration_ms: Durations | None
    images: int
    bytes: int
    outcomes: Mapping[str, int]
    error_classes: Mapping[str, int]
    chances: int
    rescues: int
    recovery_rate: float | None

    def attempt_json(self) -> dict[str, Any]:
        return {
            "attempts": self.attempts,
            "succeeded": self.succeeded,
            "attempt_success_rate": self.attempt_success_rate,
            "duration_ms": _durations_json(self.duration_ms),
            "images": self.images,
            "bytes": self.bytes,
            "outcomes": dict(self.outcomes),
            "error_classes": dict(self.error_classes),
            "chances": self.chances,
            "rescues": self.rescues,
            "recovery_rate": self.recovery_rate,
        }


@dataclass(frozen=True, kw_only=True)
class ModelFigures(AttemptFigures):
    """The attempts at one model; `model` is None for attempts that named none."""

    model: str | None

    def as_json(self) -> dict[str, Any]:
        return {"model": self.model, **self.attempt_json()}


@dataclass(frozen=True, kw_only=True)
class ProviderFigures(AttemptFigures):
    """The attempts at one provider; `provider` is None for attempts that named none."""

    provider: str | None

    def as_json(self) -> dict[str, Any]:
        return {"provider": self.provider, **self.attempt_json()}


@dataclass(frozen=True, kw_only=True)
class Total(GenerationFigures, AttemptFigures):
    """All figures of a range."""

    def as_json(self) -> dict[str, Any]:
        return {**self.generation_json(), **self.attempt_json()}


@dataclass(frozen=True, kw_only=True)
class Point(GenerationFigures, AttemptFigures):
    """All figures of one bucket, from `start` up to but without `end`; models by their name."""

    start: datetime
    end: datetime
    by_model: Sequence[ModelFigures]

    def as_json(self) -> dict[str, Any]:
        return {
            "start": time_text(self.start),
            "end": time_text(self.end),
            **self.generation_json(),
            **self.attempt_json(),
            "by_model": [model.as_json() for model in self.by_model],
        }


@dataclass(frozen=True, slots=True)
class ErrorClassFigures:
    """How many attempts failed with one error class."""

    error_class: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How many ended generations tried so many models."""

    models_tried: int
    generations: int


@dataclass(frozen=True, slots=True)
class Flow:
    """How many ended generations tried this model first and were served by that one; None for none."""

    first_model: str | None
    served_by: str | None
    generations: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many rarer ones there are beside those listed."""

    models: int
    providers: int
    error_classes: int
    flow: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of a range, in total, by what they are about, and over time.

    `from_` is inclusive, `to` exclusive, `bucket` the length of the points of `over_time` and `tz` the IANA
    name of the zone that they are cut in; there is a point for each bucket, also for those without anything,
    the first and the last cut at the range. `by_model`, `by_provider`, `by_error_class` and `flow` begin with
    the most frequent and have at most 200; `left_out` tells how many more there are, which still count in the
    total. `fallback_depth` begins with the least depth.
    """

    from_: datetime
    to: datetime
    bucket: Bucket
    tz: str
    total: Total
    by_model: Sequence[ModelFigures]
    by_provider: Sequence[ProviderFigures]
    by_error_class: Sequence[ErrorClassFigures]
    over_time: Sequence[Point]
    fallback_depth: Sequence[Depth]
    flow: Sequence[Flow]
    left_out: LeftOut

    def as_json(self) -> dict[str, Any]:
        """The document of `GET /api/traceImage/stats`, ready for `json.dumps`."""
        return {
            "from": time_text(self.from_),
            "to": time_text(self.to),
            "bucket": self.bucket,
            "tz": self.tz,
            "total": self.total.as_json(),
            "by_model": [model.as_json() for model in self.by_model],
            "by_provider": [provider.as_json() for provider in self.by_provider],
            "by_error_class": [asdict(found) for found in self.by_error_class],
            "over_time": [point.as_json() for point in self.over_time],
            "fallback_depth": [asdict(depth) for depth in self.fallback_depth],
            "flow": [asdict(flow) for flow in self.flow],
            "left_out": asdict(self.left_out),
        }


def time_text(time: datetime) -> str:
    """ISO 8601 in UTC with `Z`, as the API writes times."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _durations_json(durations: Durations | None) -> dict[str, Any] | None:
    return None if durations is None else durations.as_json()
