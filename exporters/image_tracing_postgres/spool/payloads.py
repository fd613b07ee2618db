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
from image_tracing.content import clean_text, clean_tree
from image_tracing.storable import SPAN_LIMIT_BYTES, cut, plain, without_poison
from image_tracing_postgres.spans import attributes_of, role_of

STARTED: Final = "started"
ENDED: Final = "ended"

_encoded: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False
).encode
_IDENTITY: Final = re.compile(rb'\["(started|ended)","([0-9a-f]{32})","([0-9a-f]{16})",')
_STATUS: Final = {code.value: Status(code) for code in StatusCode}
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
# Rows read these; what a program adds beside them stays out of the spool.
_READ: Final = frozenset(
    value
    for name, value in vars(names).items()
    if name.isupper() and isinstance(value, str) and "." in value and name not in ("SCHEMA_URL",)
) - {names.EXCEPTION_STACKTRACE}
# What is given up first when the spool is full: the texts, never the facts.
_CONTENT: Final = frozenset(
    {
        names.PROMPT,
        names.NEGATIVE_PROMPT,
        names.REVISED_PROMPT,
        names.REQUEST,
        names.RESPONSE,
        names.IMAGE_URLS,
    }
)
_STRIPPED_TEXT_BYTES: Final = 500
# Spans are within their limit already; JSON within JSON takes more room.
_PAYLOAD_BYTES: Final = 4 * SPAN_LIMIT_BYTES


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
    attributes = attributes_of(span)
    role = role_of(span, attributes)
    context = span.context
    if role is None or context is None:
        return None
    if role == names.ROLE_ATTEMPT and span.end_time is None:
        if names.GENERATION_ID in attributes:
            return None
        # An attempt without a generation around it is its own.
        attributes = {**attributes, names.ROLE: names.ROLE_GENERATION}
    scope = span.instrumentation_scope
    status = span.status
    message = None
    if span.events and names.ERROR_MESSAGE not in attributes and not status.description:
        message = _exception_message(span)
    if is_trusted and scope is not None and scope.name == names.SCOPE:
        kept: Mapping[str, Any] = {name: value for name, value in attributes.items() if name in _READ}
        description, service = status.description, span.resource.attributes.get(SERVICE_NAME)
    else:
        kept = {name: _cleaned(value) for name, value in attributes.items() if name in _READ}
        description = None if status.description is None else clean_text(status.description)
        service = _cleaned(span.resource.attributes.get(SERVICE_NAME))
    record = (
        STARTED if span.end_time is None else ENDED,
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        span.name,
        span.start_time,
        span.end_time,
        status.status_code.value,
        description,
        "" if scope is None else scope.name,
        service,
        kept,
        None if message is None else clean_text(message),
    )
    try:
        payload = _encoded(record).encode()
    except (ValueError, TypeError):
        # A NaN, a lone surrogate, something that is no JSON: set by hand, since our own writing has none.
        payload = _encoded(plain(record)).encode()
    if b"\\u0000" in payload:
        payload = _encoded(plain(record)).encode()
    return payload if len(payload) <= _PAYLOAD_BYTES else _bounded(record)


def span_from(payload: bytes) -> SpooledSpan:
    """The span of a record. ValueError if the payload is none of ours."""
    try:
        kind, trace_id, span_id, name, start, end, code, description, scope, service, attributes, message = (
            json.loads(payload)
        )
        span = SpooledSpan(
            name=name,
            context=SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_SAMPLED),
            resource=_resource(service),
            attributes=attributes,
            status=Status(StatusCode(code), description) if description else _STATUS[code],
            start_time=start,
            end_time=None if kind == STARTED else end,
            instrumentation_scope=_scope(scope),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"a record of the spool should be a span, and is not ({error})") from error
    if message and names.ERROR_MESSAGE not in attributes:
        span._attributes = {**attributes, names.ERROR_MESSAGE: message}
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
    try:
        record = json.loads(payload)
        kind, code, attributes = record[0], record[6], record[10]
        return (
            kind == ENDED
            and attributes.get(names.ROLE) == names.ROLE_GENERATION
            and (code == StatusCode.ERROR.value or names.ERROR_TYPE in attributes)
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        return False


def is_attempt(payload: bytes) -> bool:
    """Whether a record is of an attempt."""
    try:
        return bool(json.loads(payload)[10].get(names.ROLE) == names.ROLE_ATTEMPT)
    except (ValueError, TypeError, LookupError, AttributeError):
        return False


def stripped(payload: bytes) -> bytes:
    """The record without prompts, parameters and answers; ids, models, status, errors and times stay.

    The same object when there is nothing to take away, or when it cannot be read.
    """
    try:
        record = json.loads(payload)
        attributes = record[10]
        kept = {name: value for name, value in attributes.items() if name not in _CONTENT}
    except (ValueError, TypeError, LookupError, AttributeError):
        return payload
    if len(kept) == len(attributes):
        return payload
    if names.ERROR_MESSAGE in kept:
        kept[names.ERROR_MESSAGE] = cut(str(kept[names.ERROR_MESSAGE]), limit_bytes=_STRIPPED_TEXT_BYTES)
    if record[7]:
        record[7] = cut(str(record[7]), limit_bytes=_STRIPPED_TEXT_BYTES)
    record[10] = {**kept, names.TRUNCATED: True}
    return _encoded(record).encode()


def _exception_message(span: ReadableSpan) -> str | None:
    for event in reversed(span.events):
        message = (event.attributes or {}).get("exception.message")
        if message:
            return str(message)
    return None


def _cleaned(value: object) -> Any:
    return clean_text(value) if type(value) is str else None if value is None else clean_tree(value)


def _bounded(record: tuple[Any, ...]) -> bytes:
    """The record within the limit of a span: its longest texts are cut until it fits."""
    attributes = {
        name: without_poison(value) if isinstance(value, str) else value for name, value in record[10].items()
    }
    limit_bytes = SPAN_LIMIT_BYTES // 4
    while True:
        kept = {
            name: cut(value, limit_bytes=limit_bytes) if isinstance(value, str) else value
            for name, value in attributes.items()
        }
        tree = plain(
            (
                *record[:3],
                cut(record[3], limit_bytes=1_000),
                *record[4:10],
                {**kept, names.TRUNCATED: True},
                *record[11:],
            )
        )
        payload = _encoded(tree).encode()
        if len(payload) <= _PAYLOAD_BYTES:
            return payload
        if limit_bytes < 100:
            return stripped(payload)
        limit_bytes //= 2


# Rows ask each resource once, by its identity: the few there are must stay.
@lru_cache(maxsize=4096)
def _resource(service: str | None) -> Resource:
    return Resource({} if service is None else {SERVICE_NAME: service})


@lru_cache(maxsize=256)
def _scope(name: str) -> InstrumentationScope:
    return InstrumentationScope(name)
