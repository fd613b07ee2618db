"""What the list shows of a generation, made ready in Python so that the template's loop stays cheap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from image_tracing_postgres.records import Attempt, Trace
from image_tracing_viewer import formats

_MOST_STEPS = 4
_PROMPT_LENGTH = 180
_TITLE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Step:
    """One model of the fallback chain, with all calls of it. `kind`: `served`, `gave`, `failed` or `none`."""

    model: str
    short: str
    succeeded: int
    failed: int
    kind: str
    told: str


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of the list; empty texts have nothing to show. `hidden_steps` belong before the last step.

    `elapsed` is how long a generation has run that has no end yet.
    """

    id: str
    state: str
    title: str
    name: str
    prompt: str
    prompt_count: int
    steps: Sequence[Step]
    hidden_steps: Sequence[Step]
    note: str
    pictures: str
    picture_size: str
    duration: str
    elapsed: str
    failed_path: str
    succeeded_path: str
    created_iso: str
    created_title: str
    created_ago: str
    service: str


def state_of(trace: Trace) -> str:
    """`completed`, `failed`, `started` or `stalled`: the status as a reader takes it."""
    return "stalled" if trace.is_stalled else trace.status


def is_interrupted(trace: Trace) -> bool:
    """Whether the generation's process ended before it did, so that nobody knows when."""
    return trace.status == "failed" and trace.error_class == "interrupted" and trace.completed_at is None


def elapsed_of(trace: Trace, now: datetime) -> str:
    """How long a generation has run that has no end yet; empty for others."""
    return formats.elapsed((now - trace.created_at).total_seconds()) if trace.status == "started" else ""


def title_of(trace: Trace) -> str:
    """What a person would call the generation: its lesson, else its name, else the start of its id."""
    return trace.lesson_id or trace.name or f"Generation {str(trace.id)[:8]}"


def prompts_of(trace: Trace) -> list[str]:
    """Each different prompt in order of first use; those of the request while no attempt has ended."""
    prompts = dict.fromkeys(attempt.prompt for attempt in trace.attempts if attempt.prompt)
    return list(prompts) or _asked_prompts(trace.request_data)


def summary_of(trace: Trace, *, now: datetime) -> Summary:
    """The row of one generation, relative times as of `now`."""
    attempts = trace.attempts
    kinds = [_kind(attempt) for attempt in attempts]
    steps = _steps(trace, kinds)
    pictures = [image for attempt in attempts if attempt.success for image in attempt.images]
    sizes = [image.size_bytes for image in pictures if image.size_bytes is not None]
    prompts = prompts_of(trace)
    failed_path, succeeded_path = _paths(attempts, trace.total_duration_ms)
    title = title_of(trace)
    return Summary(
        id=str(trace.id),
        state=state_of(trace),
        title=formats.shortened(title, _TITLE_LENGTH),
        name=formats.shortened(trace.name, 60) if trace.name and trace.name != title else "",
        prompt=formats.shortened(prompts[0], _PROMPT_LENGTH) if prompts else "",
        prompt_count=len(prompts),
        steps=steps if len(steps) <= _MOST_STEPS else [*steps[:2], steps[-1]],
        hidden_steps=() if len(steps) <= _MOST_STEPS else steps[2:-1],
        note=_note(trace, kinds),
        pictures=str(len(pictures)) if pictures else "",
        picture_size=formats.size(sum(sizes)) if sizes else "",
        duration="" if trace.total_duration_ms is None else formats.duration(trace.total_duration_ms),
        elapsed=elapsed_of(trace, now),
        failed_path=failed_path,
        succeeded_path=succeeded_path,
        created_iso=formats.iso(trace.created_at),
        created_title=formats.instant(trace.created_at),
        created_ago=formats.ago(trace.created_at, now),
        service=formats.shortened(trace.service_name, 40),
    )


def _asked_prompts(request: Any) -> list[str]:
    if not isinstance(request, dict):
        return []
    asked = request.get("prompts")
    found = [prompt for prompt in asked if isinstance(prompt, str)] if isinstance(asked, list) else []
    single = request.get("prompt")
    return found or ([single] if isinstance(single, str) and single else [])


def _steps(trace: Trace, kinds: Sequence[str]) -> list[Step]:
    calls: dict[str, list[tuple[bool, str]]] = {model: [] for model in trace.models_tried}
    for attempt, kind in zip(trace.attempts, kinds, strict=True):
        calls.setdefault(attempt.model or "", []).append((attempt.success, kind))
    steps = []
    for model, results in calls.items():
        succeeded = sum([success for success, _ in results])
        served = succeeded > 0 and model == (trace.model_used or "")
        told = _tallied([kind for _, kind in results]) or "no attempt recorded"
        steps.append(
            Step(
                model=model or "unknown model",
                short=formats.shortened(formats.model_name(model), 48),
                succeeded=succeeded,
                failed=len(results) - succeeded,
                kind="served" if served else "gave" if succeeded else "failed" if results else "none",
                told=f"{told}; served" if served else told,
            )
        )
    return steps


def _kind(attempt: Attempt) -> str:
    """What became of the attempt, in a word or two."""
    if attempt.success:
        return "ok" if attempt.outcome == "ok" else f"ok ({formats.words(attempt.outcome)})"
    return formats.words(attempt.error_class or attempt.outcome)


def _tallied(kinds: Sequence[str]) -> str:
    """Each kind once, in order of first appearance, with its number if it repeats; at most three of them."""
    if len(kinds) == 1:
        return kinds[0]
    numbers: dict[str, int] = {}
    for kind in kinds:
        numbers[kind] = numbers.get(kind, 0) + 1
    told = [kind if number == 1 else f"{kind} ×{number}" for kind, number in numbers.items()]  # noqa: RUF001
    return ", ".join(told) if len(told) <= 3 else f"{', '.join(told[:3])} and {len(told) - 3} more"


def _note(trace: Trace, kinds: Sequence[str]) -> str:
    """The line under the chain: why attempts failed and what that cost, or who served at once."""
    attempts = trace.attempts
    failed = [kind for attempt, kind in zip(attempts, kinds, strict=True) if not attempt.success]
    if failed:
        lost_ms = sum([attempt.duration_ms or 0 for attempt in attempts if not attempt.success])
        told = f"{_tallied(failed)} · {formats.duration(lost_ms)} wasted"
        return f"{told} · its process ended" if is_interrupted(trace) else told
    if is_interrupted(trace):
        return "its process ended before the generation did"
    if trace.is_stalled:
        return "no end was ever recorded"
    if trace.status == "started":
        return "still running" if attempts else "waiting for the first attempt"
    if trace.status == "failed":
        return formats.shortened(trace.error_message, 80)
    providers = ", ".join(dict.fromkeys([attempt.provider for attempt in attempts if attempt.provider]))
    odd = dict.fromkeys([formats.words(attempt.outcome) for attempt in attempts if attempt.outcome != "ok"])
    return " · ".join([formats.shortened(providers, 60), *odd] if providers else odd)


def _paths(attempts: Sequence[Attempt], total_ms: int | None) -> tuple[str, str]:
    """SVG paths over a width of 100: when failed and when successful attempts ran."""
    if not attempts or total_ms is None:
        return "", ""
    origin = min(attempt.started_at for attempt in attempts)
    ranges = [
        ((attempt.started_at - origin).total_seconds() * 1000, attempt.duration_ms or 0, attempt.success)
        for attempt in attempts
    ]
    length = max(total_ms, *(start + duration for start, duration, _ in ranges), 1)
    paths = {False: "", True: ""}
    for start, duration, success in ranges:
        width = max(1.0, 100 * duration / length)
        paths[success] += f"M{min(99.0, 100 * start / length):.1f} 0h{width:.1f}v4h-{width:.1f}z"
    return paths[False], paths[True]
