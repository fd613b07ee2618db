"""The weeks before the demo began: what its models would have answered, told without calling them.

Statistics of a minute say nothing. So the demo's first start also records two months of lessons, with what
dashboards are for: a model that was taken away, one whose credits ran out, one that becomes slower.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import cycle
from random import Random
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Status, StatusCode, Tracer, set_span_in_context

from image_tracing import attributes as names
from image_tracing.attributes import ErrorClass, Outcome
from image_tracing_postgres.rows import rows_from
from image_tracing_postgres.store import Store

from .answers import Kind, answer_to
from .generator import MODELS
from .lessons import Lesson, lessons
from .model_server import ERRORS
from .process import SERVICE

DAYS: Final = 61
# As long as real models take.
_PACE: Final = 10.0
_TIMEOUT_MS: Final = 20_000
_BETWEEN: Final = timedelta(milliseconds=300)
_AT_ONCE: Final = 200
_FLUX, _STABLE, _QWEN, _TAKEN_AWAY, _LIGHTNING = (model for model, _ in MODELS)
_PROVIDERS: Final = dict(MODELS)

_RESULTS: Final[dict[Kind, tuple[Outcome, ErrorClass | None]]] = {
    "picture": ("ok", None),
    "small": ("mismatch", None),
    "cached": ("duplicate", None),
    "black": ("blank", "bad_image"),
    "truncated": ("corrupt", "bad_image"),
    "page": ("error", "bad_image"),
    "loading": ("error", "model_loading"),
    "rate_limited": ("error", "rate_limited"),
    "quota": ("error", "quota"),
    "unauthorized": ("error", "auth"),
    "not_found": ("error", "not_found"),
    "invalid": ("error", "invalid_request"),
    "out_of_memory": ("error", "out_of_memory"),
    "broken": ("error", "server_error"),
    "refused": ("error", "refused"),
    "slow": ("error", "timeout"),
    "dropped": ("error", "connection"),
}
_MESSAGES: Final[dict[Kind, str]] = {
    "black": "the picture is black",
    "truncated": "the picture is cut off",
    "page": "the answer is a page, not a picture",
    "slow": "no picture after 20 s",
    "dropped": "the connection was closed before the answer was whole",
}


@dataclass(frozen=True, slots=True)
class _Call:
    model: str
    prompt: str
    kind: Kind
    duration: timedelta
    size_bytes: int

    @property
    def outcome(self) -> Outcome:
        return _RESULTS[self.kind][0]

    @property
    def error_class(self) -> ErrorClass | None:
        return _RESULTS[self.kind][1]

    @property
    def message(self) -> str:
        known = _MESSAGES.get(self.kind)
        return known if known is not None else ERRORS[self.kind][1].format(model=self.model)


def remember(store: Store, now: datetime, *, days: int = DAYS) -> None:
    """Store what was made on so many days up to yesterday; statistics of them are ready then."""
    spans = spans_of(now, days=days)
    for at in range(0, len(spans), _AT_ONCE):
        store.save(rows_from(spans[at : at + _AT_ONCE]))
    store.refresh_stats(seconds=20)


def spans_of(now: datetime, *, days: int = DAYS) -> Sequence[ReadableSpan]:
    """The ended spans of the days before that of `now`, the same at each call of a day but for their ids."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer(names.SCOPE)
    topics = cycle(lessons())
    for days_ago in range(days, 0, -1):
        day = (now - timedelta(days=days_ago)).astimezone(UTC).date()
        for began_at in _times(datetime.combine(day, time(), UTC)):
            _record(tracer, next(topics), began_at, days_ago)
    return kept.get_finished_spans()


def _times(day: datetime) -> Iterator[datetime]:
    """When lessons were asked for: some at a time, more in the mornings, few at weekends."""
    random = Random(day.isoformat())  # noqa: S311 - a story, not a secret
    is_weekend = day.weekday() >= 5
    for hour in (10,) if is_weekend else (8, 11, 15):
        began_at = day + timedelta(hours=hour, minutes=random.randrange(50))
        for _ in range(random.randint(2, 5) if is_weekend else random.randint(3, 8)):
            yield began_at
            began_at += timedelta(seconds=random.randint(20, 70))


def _record(tracer: Tracer, lesson: Lesson, began_at: datetime, days_ago: int) -> None:
    prompts = [f"{prompt}, {lesson.style}" for prompt in lesson.prompts[:2]]
    chains = [list(_chain(prompt, _order(lesson, days_ago), days_ago)) for prompt in prompts]
    calls = [call for chain in chains for call in chain]
    served = [chain[-1] for chain in chains if chain[-1].error_class is None]
    is_whole = len(served) == len(chains)
    lesson_id = f"course-{began_at:%m%d-%H%M%S}-{lesson.lesson_id[11:]}"
    root = tracer.start_span(
        f"{names.INVOKE_WORKFLOW} illustrate_lesson",
        start_time=_nanoseconds(began_at),
        attributes={
            names.OPERATION_NAME: names.INVOKE_WORKFLOW,
            names.WORKFLOW_NAME: "illustrate_lesson",
            names.ROLE: names.ROLE_GENERATION,
            names.LESSON_ID: lesson_id,
            names.REQUEST: json.dumps({"prompts": list(lesson.prompts[:2]), "style": lesson.style}),
            names.MODELS_TRIED: list(dict.fromkeys(call.model for call in calls)),
        },
    )
    at = began_at
    for number, call in enumerate(calls, start=1):
        span = tracer.start_span(
            f"{names.GENERATE_CONTENT} {call.model}",
            context=set_span_in_context(root),
            start_time=_nanoseconds(at),
            attributes={
                names.OPERATION_NAME: names.GENERATE_CONTENT,
                names.ROLE: names.ROLE_ATTEMPT,
                names.GENERATION_ID: f"{root.get_span_context().span_id:016x}",
                names.LESSON_ID: lesson_id,
                names.ATTEMPT_NUMBER: number,
                names.PROVIDER_NAME: _PROVIDERS[call.model],
                names.REQUEST_MODEL: call.model,
                names.PROMPT: call.prompt,
                names.OUTCOME: call.outcome,
            },
        )
        if call.error_class is None:
            image = {"index": 0, "mime_type": "image/png", "width": 640, "height": 640}
            span.set_attribute(names.IMAGES, json.dumps([{**image, "dataSize": call.size_bytes}]))
        else:
            span.set_attribute(names.ERROR_CATEGORY, call.error_class)
            span.set_attribute(names.ERROR_MESSAGE, call.message)
            span.set_status(Status(StatusCode.ERROR, call.message))
        at += call.duration
        span.end(_nanoseconds(at))
        at += _BETWEEN
    if is_whole:
        root.set_attribute(names.MODEL_USED, served[-1].model)
    else:
        message = f"none of {len(MODELS)} models gave a picture"
        root.set_attribute(names.ERROR_CATEGORY, calls[-1].error_class or "unknown")
        root.set_attribute(names.ERROR_MESSAGE, message)
        root.set_status(Status(StatusCode.ERROR, message))
    root.set_attribute(names.RESPONSE, json.dumps({"generatedImagesCount": len(served)}))
    root.end(_nanoseconds(at))


def _order(lesson: Lesson, days_ago: int) -> Sequence[str]:
    """Which model was tried first was changed once, and posters have always begun with another one."""
    first = _STABLE if days_ago > 24 else _FLUX
    if lesson.style.startswith("photorealistic"):
        first = _QWEN
    return [first, *(model for model, _ in MODELS if model != first)]


def _chain(prompt: str, order: Sequence[str], days_ago: int) -> Iterator[_Call]:
    """The calls for one picture, up to the first that gave one."""
    for model in order:
        answer = answer_to(model, prompt, seed=days_ago)
        random = Random(answer.seed)  # noqa: S311 - a story, not a secret
        kind = _kind(model, answer.kind, days_ago, chance=random.random())
        duration_ms = 300 + int(answer.delay_seconds * 1_000 * _PACE * random.uniform(0.8, 1.3))
        if model == _QWEN:
            duration_ms = int(duration_ms * (1 + 0.9 * max(0, 30 - days_ago) / 30))
        duration = timedelta(milliseconds=_TIMEOUT_MS if kind == "slow" else duration_ms)
        call = _Call(model, prompt, kind, duration, random.randint(150_000, 900_000))
        yield call
        if call.error_class is None:
            return


def _kind(model: str, kind: Kind, days_ago: int, *, chance: float) -> Kind:
    if model == _TAKEN_AWAY and days_ago > 17:
        return "picture" if chance < 0.85 else "loading"
    if model == _STABLE and 5 <= days_ago <= 8 and chance < 0.85:
        return "quota"
    if model == _FLUX and 12 <= days_ago <= 13 and chance < 0.7:
        return "rate_limited"
    # The demo's models fail often, so that few lessons show every failure; on other days they do better.
    return kind if model == _TAKEN_AWAY or chance < 0.45 else "picture"


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000) * 1_000_000
