"""What the database gives back: traces, their attempts and images, as plain frozen dataclasses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from image_tracing.attributes import ErrorClass, Outcome

Status = Literal["started", "completed", "failed"]


class Filters(TypedDict, total=False):
    """Which traces are meant; an absent key or None does not narrow.

    `model`: tried in the generation. `served_by`: the model used. `provider`, `error_class`, `outcome`: of
    any attempt. `models_tried`: exactly so many of them; `least_models_tried`: so many or more, 2 for a
    fallback. `from_` (inclusive) and `to` (exclusive) bound `created_at`; both are time-zone aware.
    `q`: every word occurs in a prompt of the generation, upper and lower case alike.
    """

    status: Status | None
    model: str | None
    provider: str | None
    lesson_id: str | None
    service: str | None
    error_class: ErrorClass | None
    outcome: Outcome | None
    from_: datetime | None
    to: datetime | None
    served_by: str | None
    models_tried: int | None
    least_models_tried: int | None
    q: str | None
    id: UUID | None


@dataclass(frozen=True, slots=True)
class Image:
    """One picture of an attempt, by its headers; None where they did not tell."""

    index: int
    mime_type: str | None
    width: int | None
    height: int | None
    size_bytes: int | None
    sha256: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of one model. `number` counts from 1 within the generation, in order of first try."""

    number: int
    model: str | None
    provider: str | None
    prompt: str | None
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    duration_ms: int | None
    success: bool
    error: str | None
    error_class: ErrorClass | None
    outcome: Outcome
    started_at: datetime
    otel_span_id: str
    images: Sequence[Image]


@dataclass(frozen=True, slots=True)
class Trace:
    """One generation with its attempts in order of first try."""

    id: UUID
    lesson_id: str | None
    status: Status
    model_used: str | None
    models_tried: Sequence[str]
    total_duration_ms: int | None
    request_data: Any
    response_data: Any
    error_message: str | None
    error_class: ErrorClass | None
    created_at: datetime
    completed_at: datetime | None
    name: str | None
    service_name: str | None
    otel_trace_id: str
    otel_span_id: str
    is_stalled: bool
    attempts: Sequence[Attempt]


class Page(list[Trace]):
    """Traces, newest first; `next_cursor` leads to the older ones and is None on the last page."""

    def __init__(self, traces: Iterable[Trace] = (), *, next_cursor: str | None = None) -> None:
        super().__init__(traces)
        self.next_cursor = next_cursor
