"""A span as the bytes of a record, and back.

Only what a row is made of goes to disk: ids, times, status, service and the attributes that rows read.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from image_tracing import attributes as names
from image_tracing.attributes import SUCCESSFUL_OUTCOMES
from image_tracing.content import clean_text, clean_tree
from image_tracing.storable import SPAN_LIMIT_BYTES, cut, plain, shortened, storable_json, without_poison
from image_tracing_postgres.foreign.names import PARENT, ROLE_WORKFLOW
from image_tracing_postgres.spans import root_span_id_of, told_by
from image_tracing_postgres.values import storable

STARTED: Final = "started"
# In another process: when ours dies, that one may still end.
BEGUN: Final = "begun"
ENDED: Final = "ended"

_encoded: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False
).encode
_IDENTITY: Final = re.compile(rb'\["(started|begun|ended)","([0-9a-f]{32})","([0-9a-f]{16})",')
_STATUS: Final = {code.value: Status(code) for code in StatusCode}
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
# Rows read these; what a program adds beside them stays out of the spool.
READ: Final = frozenset(
    {
        names.ASPECT_RATIO,
        names.ATTEMPT_NUMBER,
        names.BACKEND,
        names.ERROR_CATEGORY,
        names.ERROR_MESSAGE,
        names.ERROR_TYPE,
        names.GENERATION_ID,
        names.GUIDANCE_SCALE,
        names.HEIGHT,
        names.IMAGES,
        names.IMAGES_GENERATED,
        names.IMAGE_BYTES,
        names.IMAGE_MIME_TYPES,
        names.IMAGE_URLS,
        names.LESSON_ID,
        names.MODELS_TRIED,
        names.MODEL_USED,
        names.NEGATIVE_PROMPT,
        names.OPERATION_NAME,
        names.OUTCOME,
        names.OUTPUT_FORMAT,
        PARENT,
        names.PROMPT,
        names.PROVIDER_NAME,
        names.QUALITY,
        names.REQUEST,
        names.REQUEST_CHOICE_COUNT,
        names.REQUEST_MODEL,
        names.REQUEST_SEED,
        names.RESPONSE,
        names.RESPONSE_MODEL,
        names.ROLE,
        names.SCHEDULER,
        names.SIZE,
        names.STEPS,
        names.STRENGTH,
        names.STYLE,
        names.WIDTH,
        names.WORKFLOW_NAME,
    }
)
# JSON texts.
_DOCUMENTS: Final = frozenset({names.IMAGES, names.REQUEST, names.RESPONSE})
# What is given up first when the spool is full: the texts, never the facts.
_CONTENT: Final = frozenset(
    {
        names.IMAGES,
        names.IMAGE_URLS,
        names.NEGATIVE_PROMPT,
        names.PROMPT,
        names.REQUEST,
        names.RESPONSE,
    }
)
_STRIPPED_TEXT_BYTES: Final = 500
# Spans are within their limit already; JSON within JSON takes more room.
_PAYLOAD_BYTES: Final = 4 * SPAN_LIMIT_BYTES
_SHORT: Final = SPAN_LIMIT_BYTES // 4
_FACT_BYTES: Final = 4_096
_NAME_LENGTH: Final = 100
_AS_THEY_ARE: Final = frozenset({bool, list, tuple})
# Beyond 64 bits a number is told by its digits.
_LARGE: Final = 2**63


class SpooledSpan(ReadableSpan):
    """A span that was read back. Without an end it began; `is_interrupted` if it will never end."""

    is_interrupted: bool = False


class Identity(NamedTuple):
    """What a payload is about, told without reading all of it."""

    kind: str
    trace_id: str
    span_id: str


def payload_of(span: ReadableSpan, *, is_trusted: bool) -> bytes | None:
    """The record of a span that has ended, or, without an end time, of one that began.

    None for spans that are not about pictures. `is_trusted` says that the span comes from this process:
    what our own instrumentation wrote is redacted and storable by then. Every other text is made so here.
    """
    role, span, attributes = told_by(span)
    context = span.context
    if role is None or context is None:
        return None
    if (
        span.end_time is None
        and role == names.ROLE_ATTEMPT
        and root_span_id_of(context, attributes) != context.span_id
    ):
        # An attempt gets its row when it has ended; one without a generation around it is its own.
        return None
    if span.end_time is None and role == ROLE_WORKFLOW:
        return None
    scope = span.instrumentation_scope
    is_ours = scope is not None and scope.name == names.SCOPE
    status = span.status
    message = None
    if (
        span.events
        and names.ERROR_MESSAGE not in attributes
        and not status.description
        # Of a call that succeeded after all nobody is told, and the text may be one that is not captured.
        and (names.ERROR_TYPE in attributes or attributes.get(names.OUTCOME) not in SUCCESSFUL_OUTCOMES)
    ):
        message = _exception_message(span)
    if is_trusted and is_ours:
        kept: Mapping[str, Any] = {
            name: value if type(value) is str and len(value) <= _SHORT else _storable(name, value)
            for name, value in attributes.items()
            if name in READ
        }
        description, service = status.description, span.resource.attributes.get(SERVICE_NAME)
    else:
        kept = {
            name: _cleaned_document(value) if name in _DOCUMENTS else _cleaned(value)
            for name, value in attributes.items()
            if name in READ
        }
        # A message of its own is told instead of the description, which then may hold what must not be kept.
        description = None
        if status.description is not None and names.ERROR_MESSAGE not in attributes:
            description = clean_text(status.description)
        service = _cleaned(span.resource.attributes.get(SERVICE_NAME))
    record = (
        ENDED if span.end_time is not None else STARTED if is_trusted else BEGUN,
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        # Where an attribute is missing the first word of the name tells what a span of ours is.
        span.name.partition(" ")[0][:_NAME_LENGTH] if is_ours else "",
        span.start_time,
        span.end_time,
        status.status_code.value,
        description,
        names.SCOPE if is_ours else "",
        service,
        kept,
        None if message is None else clean_text(message),
    )
    try:
        payload = _encoded(record).encode()
    except (ValueError, TypeError):
        # A NaN, a lone surrogate, something that is no JSON: set by hand, since our own writing has none.
        payload = _encoded(_plain(record)).encode()
    if b"\\u0000" in payload:
        payload = _encoded(_plain(record)).encode()
    return payload if len(payload) <= _PAYLOAD_BYTES else _bounded(record)


def span_from(payload: bytes) -> SpooledSpan:
    """The span of a record. ValueError if the payload is none of ours."""
    try:
        kind, trace_id, span_id, name, start, end, code, description, scope, service, attributes, message = (
            json.loads(payload)
        )
        if message and names.ERROR_MESSAGE not in attributes:
            attributes[names.ERROR_MESSAGE] = message
        span = SpooledSpan(
            name=name,
            context=SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_SAMPLED),
            resource=_resource(service),
            # As the SDK has them.
            attributes={
                key: tuple(value) if type(value) is list else value for key, value in attributes.items()
            },
            status=Status(StatusCode(code), description) if description else _STATUS[code],
            start_time=start,
            end_time=None if kind == STARTED else end,
            instrumentation_scope=_scope(scope),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"a record of the spool should be a span, and is not ({error})") from error
    return span


def identity_of(payload: bytes) -> Identity | None:
    """Kind and ids of a record, read from its beginning; None if it is none of ours."""
    found = _IDENTITY.match(payload)
    return None if found is None else Identity(*(part.decode("ascii") for part in found.groups()))


def is_of_ended(payload: bytes) -> bool:
    """Whether a record is of a span that ended; its end tells all that its start does."""
    return payload.startswith(b'["ended"')


def is_failed_root(payload: bytes) -> bool:
    """Whether a record is the end of a generation that failed: the last thing to give up."""
    if not is_of_ended(payload):
        return False
    found = _facts(payload)
    if found is None or is_attempt(payload):
        return False
    code, attributes = found
    outcome = attributes.get(names.OUTCOME)
    return (
        code == StatusCode.ERROR.value
        or names.ERROR_TYPE in attributes
        or (outcome is not None and outcome not in SUCCESSFUL_OUTCOMES)
    )


def is_attempt(payload: bytes) -> bool:
    """Whether a record is of an attempt within a generation; one without is a generation itself."""
    found = _facts(payload)
    return found is not None and (
        found[1].get(names.ROLE) == names.ROLE_ATTEMPT and names.GENERATION_ID in found[1]
    )


def _facts(payload: bytes) -> tuple[Any, dict[str, Any]] | None:
    """Status code and attributes of a record; None if it is none of ours."""
    try:
        record = json.loads(payload)
        code, attributes = record[6], record[10]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return (code, attributes) if isinstance(attributes, dict) else None


def stripped(payload: bytes) -> bytes:
    """The record without prompts, parameters and answers; ids, models, status, errors and times stay.

    The same object when there is nothing to take away, or when it cannot be read.
    """
    try:
        record = json.loads(payload)
        attributes = record[10]
        kept = {name: value for name, value in attributes.items() if name not in _CONTENT}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return payload
    if len(kept) == len(attributes):
        return payload
    if names.ERROR_MESSAGE in kept:
        kept[names.ERROR_MESSAGE] = cut(str(kept[names.ERROR_MESSAGE]), limit_bytes=_STRIPPED_TEXT_BYTES)
    if record[7]:
        record[7] = cut(str(record[7]), limit_bytes=_STRIPPED_TEXT_BYTES)
    record[10] = kept
    return _encoded(record).encode()


def _exception_message(span: ReadableSpan) -> str | None:
    for event in reversed(span.events):
        message = (event.attributes or {}).get("exception.message")
        if message:
            return str(message)
    return None


def _cleaned(value: object) -> Any:
    return clean_text(value) if type(value) is str else None if value is None else clean_tree(value)


def _cleaned_document(value: object) -> Any:
    """JSON is cleaned value by value: it stays JSON, and names tell what is secret."""
    if type(value) is not str:
        return _cleaned(value)
    try:
        tree = json.loads(value)
    except (ValueError, RecursionError):
        return clean_text(value)
    return storable_json(clean_tree(tree), limit_bytes=SPAN_LIMIT_BYTES)


def _storable(name: str, value: Any) -> Any:
    """An attribute of our own that is no short text; a long one is cut as rows would cut it."""
    if type(value) is not str:
        if type(value) in _AS_THEY_ARE or (type(value) is int and -_LARGE < value < _LARGE):
            return value
        return plain(value)
    if name not in _DOCUMENTS:
        return cut(without_poison(value), limit_bytes=SPAN_LIMIT_BYTES)
    return storable(value)


def _plain(record: tuple[Any, ...]) -> tuple[Any, ...]:
    """The record with nothing in it that is no JSON or that Postgres refuses."""
    return (
        *map(plain, record[:10]),
        {name: plain(value) for name, value in record[10].items()},
        *map(plain, record[11:]),
    )


def _bounded(record: tuple[Any, ...]) -> bytes:
    """The record within the limit of a span: its longest values are cut until it fits."""
    record = _plain(record)
    limit_bytes = _SHORT
    while True:
        facts = [shortened(value, limit_bytes=_FACT_BYTES)[0] for value in record]
        facts[10] = {name: shortened(value, limit_bytes=limit_bytes)[0] for name, value in record[10].items()}
        payload = _encoded(facts).encode()
        if len(payload) <= _PAYLOAD_BYTES:
            return payload
        limit_bytes //= 2


# Rows ask each resource once, by its identity: the few there are must stay.
@lru_cache(maxsize=4096)
def _resource(service: str | None) -> Resource:
    return Resource({} if service is None else {SERVICE_NAME: service})


@lru_cache(maxsize=256)
def _scope(name: str) -> InstrumentationScope:
    return InstrumentationScope(name)
