"""The page of one generation, made ready for its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from image_tracing_postgres.records import Attempt, Trace
from image_tracing_viewer import formats
from image_tracing_viewer.summaries import elapsed_of, is_interrupted, state_of, title_of
from image_tracing_viewer.waterfall import Waterfall, waterfall_of


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt. `anchor` is its place on the page; `same_prompt_as` an earlier one."""

    record: Attempt
    anchor: str
    icon: str
    reason: str
    negative_prompt: str
    same_prompt_as: "AttemptView | None"
    parameters: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TraceView:
    """One generation and its neighbours. `wasted_share` and `elapsed` may be empty."""

    trace: Trace
    title: str
    state: str
    is_interrupted: bool
    elapsed: str
    waterfall: Waterfall
    attempts: Sequence[AttemptView]
    served_note: str
    wasted_share: str
    picture_count: int
    picture_bytes: int
    identity: Sequence[tuple[str, str]]
    newer: UUID | None
    older: UUID | None
    now: datetime


def trace_view_of(trace: Trace, *, newer: UUID | None, older: UUID | None, now: datetime) -> TraceView:
    """The page of one generation, relative times as of `now`."""
    waterfall = waterfall_of(trace)
    pictures = [image for attempt in trace.attempts if attempt.success for image in attempt.images]
    identity = [
        ("Generation id", str(trace.id)),
        ("Lesson", trace.lesson_id),
        ("Name", trace.name),
        ("Service", trace.service_name),
        ("OpenTelemetry trace id", trace.otel_trace_id),
        ("OpenTelemetry span id", trace.otel_span_id),
    ]
    return TraceView(
        trace=trace,
        title=title_of(trace),
        state=state_of(trace),
        is_interrupted=is_interrupted(trace),
        elapsed=elapsed_of(trace, now),
        waterfall=waterfall,
        attempts=_attempt_views(trace.attempts),
        served_note=_served_note(trace),
        wasted_share=_share(waterfall.wasted_ms, trace.total_duration_ms),
        picture_count=len(pictures),
        picture_bytes=sum(image.size_bytes or 0 for image in pictures),
        identity=[(name, value) for name, value in identity if value],
        newer=newer,
        older=older,
        now=now,
    )


def _attempt_views(attempts: Sequence[Attempt]) -> list[AttemptView]:
    views: list[AttemptView] = []
    first_with: dict[tuple[str, str], AttemptView] = {}
    for position, attempt in enumerate(attempts, start=1):
        negative = attempt.request.get("negative_prompt")
        prompts = (attempt.prompt or "", formats.plain(negative) if negative else "")
        options = attempt.request.get("options")
        view = AttemptView(
            record=attempt,
            anchor=f"attempt-{position}",
            icon="failed" if not attempt.success else "completed" if attempt.outcome == "ok" else "caveat",
            reason="" if attempt.outcome == "ok" else formats.words(attempt.error_class or attempt.outcome),
            negative_prompt=prompts[1],
            same_prompt_as=first_with.get(prompts) if any(prompts) else None,
            parameters=_parameters(options),
        )
        first_with.setdefault(prompts, view)
        views.append(view)
    return views


def _parameters(options: Any) -> list[tuple[str, str]]:
    if isinstance(options, Mapping):
        return [(str(name), formats.plain(value)) for name, value in options.items()]
    return [("options", formats.plain(options))] if options else []


def _served_note(trace: Trace) -> str:
    number = len(trace.attempts)
    if not number:
        return ""
    for position, attempt in enumerate(trace.attempts, start=1):
        if attempt.success and attempt.model == trace.model_used:
            return "at the first attempt" if position == 1 else f"at attempt {position} of {number}"
    return f"in {formats.counted(number, 'attempt')}"


def _share(part_ms: int, whole_ms: int | None) -> str:
    """A percentage; attempts that ran side by side can waste more time than passed."""
    if not part_ms or not whole_ms:
        return ""
    percent = 100 * part_ms / whole_ms
    return "less than 1 %" if percent < 1 else f"{percent:.0f} %"
