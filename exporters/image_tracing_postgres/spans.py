"""What one span says about a generation or an attempt; each reading is a function of that span alone."""

import json
import re
from collections.abc import Mapping
from hashlib import sha1
from typing import Any, Final, NamedTuple, get_args
from uuid import UUID

from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, StatusCode

from image_tracing import attributes as names
from image_tracing.attributes import SUCCESSFUL_OUTCOMES, ErrorClass, Outcome
from image_tracing_postgres import terms, values
from image_tracing_postgres.foreign.marks import may_be_foreign
from image_tracing_postgres.foreign.names import PARENT, ROLE_WORKFLOW
from image_tracing_postgres.images import images_of

# Our own constant, so that every source of the same spans gives the same ids.
NAMESPACE: Final = UUID("5f6a4c1e-0d0b-5c1b-9f0a-6d1b0f2a7c11")

_OUTCOMES: Final[frozenset[str]] = frozenset(get_args(Outcome))
_ERROR_CLASSES: Final[frozenset[str]] = frozenset(get_args(ErrorClass))
_CLASS_OF_OUTCOME: Final[Mapping[str, str]] = {
    "blank": "bad_image",
    "corrupt": "bad_image",
    "no_image": "no_image",
    "refused": "refused",
}
_INTERRUPTED: Final[ErrorClass] = "interrupted"
_ROLES: Final = (names.ROLE_GENERATION, names.ROLE_ATTEMPT, ROLE_WORKFLOW)
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_PROMPT_KEYS: Final = ("prompt", "prompts", "negative_prompt")
# What other languages may say in plain attributes only.
_OPTIONS: Final[Mapping[str, str]] = {
    names.WIDTH: "width",
    names.HEIGHT: "height",
    names.SIZE: "size",
    names.ASPECT_RATIO: "aspect_ratio",
    names.QUALITY: "quality",
    names.STYLE: "style",
    names.GUIDANCE_SCALE: "guidance_scale",
    names.STEPS: "steps",
    names.STRENGTH: "strength",
    names.SCHEDULER: "scheduler",
    names.OUTPUT_FORMAT: "output_format",
    names.BACKEND: "backend",
    names.REQUEST_SEED: "seed",
    names.REQUEST_CHOICE_COUNT: "n",
}

Attributes = Mapping[str, Any]


class Root(NamedTuple):
    """What the root span said.

    `state` is `started` for a span that has not ended, and `interrupted` if it never will: its process is no
    more. Nobody has said anything yet for `absent`.
    """

    state: str
    started_at: str
    ended_at: str | None
    duration_ms: int | None
    lesson_id: str | None
    name: str | None
    model_used: str | None
    models_tried: list[str]
    request_data: str | None
    response_data: str | None
    error_class: str | None
    error_message: str | None


class AttemptRow(NamedTuple):
    """One row of `image_attempts` without its key; the order is that of the columns."""

    span_id: str
    started_at: str
    ended_at: str
    duration_ms: int
    size_bytes: int
    number: int
    success: bool
    model: str | None
    provider: str | None
    outcome: str
    error_class: str | None
    error: str | None
    prompt: str | None
    negative_prompt: str | None
    options: str | None
    extras: str | None
    images: str | None


def trace_id_of(otel_trace_id: int, root_span_id: int) -> UUID:
    """`image_traces.id` of the generation whose root has these ids: uuid5 of both in hexadecimal."""
    # As uuid.uuid5 does it, in half the time.
    name = f"{otel_trace_id:032x}{root_span_id:016x}".encode()
    return UUID(bytes=sha1(NAMESPACE.bytes + name, usedforsecurity=False).digest()[:16], version=5)


def attributes_of(span: ReadableSpan) -> Attributes:
    """The span's attributes as a plain dictionary, which is many times faster to read than the SDK's own."""
    attributes: Any = span.attributes
    if attributes is None:
        return {}
    copy = getattr(attributes, "copy", None)
    return copy() if copy is not None else dict(attributes)


def told_by(span: ReadableSpan) -> tuple[str | None, ReadableSpan, Attributes]:
    """Role, span and attributes; those of another instrumentation's span under the names of ours.

    The role is that of `role_of`. A span that only announces another one is told as that one, without an end.
    """
    attributes = attributes_of(span)
    role = role_of(span, attributes)
    if role is None and may_be_foreign(attributes) and not _is_ours(span):
        # Late: most programs have no such spans.
        from image_tracing_postgres.foreign import reading

        told = reading.told_by(span, attributes)
        if told is not None:
            return told[1][names.ROLE], told[0], told[1]
    return role, span, attributes


def role_of(span: ReadableSpan, attributes: Attributes) -> str | None:
    """`generation`, `attempt`, `workflow`, or None for a span that is not about pictures.

    Samplers and limits can take attributes away, but not the name or the scope. A workflow is another
    instrumentation's, and may be about anything.
    """
    role = attributes.get(names.ROLE)
    if role in _ROLES:
        return str(role)
    if not _is_ours(span):
        return None
    operation = attributes.get(names.OPERATION_NAME) or span.name.partition(" ")[0]
    if operation == names.INVOKE_WORKFLOW:
        return names.ROLE_GENERATION
    return names.ROLE_ATTEMPT if operation == names.GENERATE_CONTENT else None


def root_span_id_of(context: SpanContext, attributes: Attributes) -> int:
    """The span id of the attempt's generation: the one it names, else its own."""
    named = attributes.get(names.GENERATION_ID)
    if isinstance(named, str) and _SPAN_ID.fullmatch(named):
        return int(named, 16) or context.span_id
    return context.span_id


def parent_id_of(attributes: Attributes) -> str | None:
    """The span right above one of another instrumentation, 16 hexadecimal digits; None for ours."""
    parent = attributes.get(PARENT)
    return parent if isinstance(parent, str) and _SPAN_ID.fullmatch(parent) else None


class Reading:
    """Reads spans. With `is_trusting`, JSON that our own instrumentation wrote is not looked into.

    What is read here once a span is the exporter's cost, hence the plain style.
    """

    def __init__(self, *, is_trusting: bool) -> None:
        self._is_trusting = is_trusting
        self._services: dict[int, str | None] = {}

    def service_of(self, span: ReadableSpan) -> str | None:
        """The name of the service, asked once for each resource: spans of one process share theirs."""
        resource = span.resource
        identity = id(resource)
        if identity not in self._services:
            self._services[identity] = values.key(resource.attributes.get(SERVICE_NAME))
        return self._services[identity]

    def root(self, span: ReadableSpan, attributes: Attributes, found: terms.Terms) -> Root:
        """What a generation's root span says; its search terms are added to `found`."""
        get = attributes.get
        started, ended = span.start_time or 0, span.end_time
        document = values.trusted if self._is_trusting and _is_ours(span) else values.storable
        request_data = document(get(names.REQUEST))
        if request_data is not None:
            _add_prompts(request_data, found)
        state, error_class, error_message = "completed", None, None
        if ended is None:
            state, error_class, error_message = _unended(span, found)
        elif span.status.status_code is StatusCode.ERROR or get(names.ERROR_TYPE) is not None:
            state = "failed"
            error_class = _error_class(get(names.ERROR_CATEGORY), "unknown")
            error_message = _error_message(span, attributes) or "failed without a message"
            found.others.add(terms.term(terms.ERROR_CLASS, error_class))
        model_used = values.key(get(names.MODEL_USED))
        if model_used is not None:
            found.others.add(terms.term(terms.SERVED_BY, model_used))
        models_tried = values.keys(get(names.MODELS_TRIED))
        for model in models_tried:
            found.others.add(terms.term(terms.MODEL, model))
        return Root(
            state,
            values.time(started),
            None if ended is None else values.time(max(started, ended)),
            None if ended is None else max(0, ended - started) // 1_000_000,
            values.key(get(names.LESSON_ID)),
            values.key(get(names.WORKFLOW_NAME)),
            model_used,
            models_tried,
            request_data,
            document(get(names.RESPONSE)),
            error_class,
            error_message,
        )

    def begun_attempt(self, span: ReadableSpan, attributes: Attributes, found: terms.Terms) -> Root:
        """What an attempt that has not ended says about the generation that it is itself."""
        get = attributes.get
        state, error_class, error_message = _unended(span, found)
        model = values.key(get(names.REQUEST_MODEL))
        if model is not None:
            found.others.add(terms.term(terms.MODEL, model))
        return Root(
            state,
            values.time(span.start_time or 0),
            None,
            None,
            values.key(get(names.LESSON_ID)),
            values.key(get(names.WORKFLOW_NAME)),
            None,
            [] if model is None else [model],
            None,
            None,
            error_class,
            error_message,
        )

    def attempt(
        self, span: ReadableSpan, span_id: int, attributes: Attributes, found: terms.Terms
    ) -> AttemptRow:
        """What an attempt's ended span says; its search terms are added to `found`."""
        get = attributes.get
        started, ended = span.start_time or 0, span.end_time or 0
        is_trusted = self._is_trusting and _is_ours(span)
        images, count, size_bytes = images_of(attributes, is_trusted=is_trusted)
        outcome = get(names.OUTCOME)
        if type(outcome) is not str or outcome not in _OUTCOMES:
            outcome = _outcome(span, attributes, count)
        error = error_class = None
        if outcome not in SUCCESSFUL_OUTCOMES:
            error_class = _error_class(get(names.ERROR_CATEGORY), _CLASS_OF_OUTCOME.get(outcome, "unknown"))
            error = _error_message(span, attributes) or outcome
        model = values.key(get(names.REQUEST_MODEL) or get(names.RESPONSE_MODEL))
        provider = values.key(get(names.PROVIDER_NAME))
        found.others |= terms.attempt_terms(model, provider, outcome, error_class)
        prompt = values.text(get(names.PROMPT))
        if prompt:
            found.add_words(prompt)
        negative_prompt = values.text(get(names.NEGATIVE_PROMPT))
        if negative_prompt:
            found.add_words(negative_prompt)
        options = get(names.REQUEST)
        options = values.trusted(options) if is_trusted else values.storable(options)
        return AttemptRow(
            f"{span_id:016x}",
            values.time(started),
            values.time(max(started, ended)),
            max(0, ended - started) // 1_000_000,
            size_bytes,
            min(values.integer(get(names.ATTEMPT_NUMBER)) or 1, 2**31 - 1),
            error_class is None,
            model,
            provider,
            outcome,
            error_class,
            error,
            prompt,
            negative_prompt,
            options or _plain_options(attributes),
            _extras(get(names.RESPONSE)),
            images,
        )


def _unended(span: ReadableSpan, found: terms.Terms) -> tuple[str, str | None, str | None]:
    """State, error class and error message of a generation whose root has not ended."""
    if not getattr(span, "is_interrupted", False):
        return "started", None, None
    found.others.add(terms.term(terms.ERROR_CLASS, _INTERRUPTED))
    return "interrupted", _INTERRUPTED, "process ended"


def _is_ours(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == names.SCOPE


def _outcome(span: ReadableSpan, attributes: Attributes, count: int | None) -> Outcome:
    """The outcome of an attempt that does not name one."""
    if span.status.status_code is StatusCode.ERROR or attributes.get(names.ERROR_TYPE) is not None:
        return "error"
    generated = values.integer(attributes.get(names.IMAGES_GENERATED))
    return "no_image" if (count if generated is None else generated) == 0 else "ok"


def _error_class(value: object, otherwise: str) -> str:
    return value if isinstance(value, str) and value in _ERROR_CLASSES else otherwise


def _error_message(span: ReadableSpan, attributes: Attributes) -> str | None:
    message = attributes.get(names.ERROR_MESSAGE) or span.status.description
    if not message:
        for event in reversed(span.events):
            message = (event.attributes or {}).get("exception.message")
            if message:
                break
    return values.text(message or attributes.get(names.ERROR_TYPE) or None)


def _plain_options(attributes: Attributes) -> str | None:
    plain = {name: attributes[key] for key, name in _OPTIONS.items() if key in attributes}
    return values.storable(plain or None)


def _extras(value: object) -> str | None:
    if value is None:
        return None
    written, extras = values.document(value)
    if written is None or extras == {}:
        return None
    return written if isinstance(extras, dict) else f'{{"value": {written}}}'


def _add_prompts(request_data: str, found: terms.Terms) -> None:
    if "prompt" not in request_data:
        return
    try:
        request = json.loads(request_data)
    except (ValueError, RecursionError):
        # Postgres will refuse it as well, and then it is read anew.
        return
    if isinstance(request, dict):
        for name in _PROMPT_KEYS:
            given = request.get(name)
            for prompt in given if isinstance(given, list) else (given,):
                if isinstance(prompt, str):
                    found.add_words(prompt)
