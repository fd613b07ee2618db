"""Spans to rows: which traces and attempts a set of spans amounts to.

The rows of a set depend neither on the order of its spans nor on repetitions. What two sets say about one
trace is brought together in the database (`merge.py`), by the same rules.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from image_tracing import attributes as names
from image_tracing_postgres import terms, values
from image_tracing_postgres.spans import (
    AttemptRow,
    Attributes,
    Root,
    attempt_from,
    attributes_of,
    role_of,
    root_from,
    root_span_id_of,
    trace_id_of,
)

_logger: Final = logging.getLogger(__name__)


class TraceRow(NamedTuple):
    """One row of `image_traces` without `updated_at`, which the write adds; in the order of the columns."""

    id: str
    created_at: str
    completed_at: str | None
    total_duration_ms: int | None
    status: str
    lesson_id: str | None
    name: str | None
    service_name: str | None
    model_used: str | None
    models_tried: str
    error_class: str | None
    error_message: str | None
    request_data: str | None
    response_data: str | None
    otel_trace_id: str
    otel_span_id: str
    root_state: str
    root_model_used: str | None
    search_terms: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Traces by id, and attempts by trace and span id, each with its trace's id before it.

    `unreadable` counts the spans that could not be read at all.
    """

    traces: Sequence[TraceRow]
    attempts: Sequence[tuple[str | int | bool | None, ...]]
    unreadable: int = 0


@dataclass(slots=True)
class _Generation:
    """What has been seen of one generation."""

    root: Root | None = None
    root_service: str | None = None
    lesson_id: str | None = None
    service_name: str | None = None
    attempts: dict[str, AttemptRow] = field(default_factory=dict)
    terms: set[int] = field(default_factory=set)


def rows_from(spans: Iterable[ReadableSpan]) -> Rows:
    """The rows of all generations and attempts among the spans; other spans are passed over."""
    generations: dict[tuple[int, int], _Generation] = {}
    services: dict[int, str | None] = {}
    unreadable = 0
    for span in spans:
        try:
            _add(span, generations, services)
        except Exception as error:  # noqa: BLE001 - one strange span must not cost the others
            unreadable += 1
            _logger.warning("a span could not be read and is not stored (%s)", type(error).__name__)
    rows = sorted(_row(key, generation) for key, generation in generations.items())
    by_id = {trace.id: attempts for trace, attempts in rows}
    return Rows(
        [trace for trace, _ in rows],
        [(trace_id, *attempt) for trace_id, attempts in by_id.items() for attempt in attempts],
        unreadable,
    )


def _add(
    span: ReadableSpan, generations: dict[tuple[int, int], _Generation], services: dict[int, str | None]
) -> None:
    attributes = attributes_of(span)
    role = role_of(span, attributes)
    context = span.context
    if role is None or context is None:
        return
    is_attempt = role == names.ROLE_ATTEMPT
    if is_attempt and span.end_time is None:
        return
    root_span_id = root_span_id_of(context, attributes) if is_attempt else context.span_id
    generation = generations.get((context.trace_id, root_span_id))
    if generation is None:
        generation = generations[context.trace_id, root_span_id] = _Generation()
    service = _service(span, services)
    if service is not None:
        generation.terms.add(terms.term(terms.SERVICE, service))
    if is_attempt:
        attempt = attempt_from(span, context, attributes, generation.terms)
        known = generation.attempts.get(attempt.span_id)
        if known is None or attempt.ended_at > known.ended_at:
            generation.attempts[attempt.span_id] = attempt
        generation.lesson_id = _least(generation.lesson_id, values.key(attributes.get(names.LESSON_ID)))
        generation.service_name = _least(generation.service_name, service)
        if root_span_id != context.span_id:
            return
        root = _own_root(attempt, attributes)
    else:
        root = root_from(span, attributes, generation.terms)
    if generation.root is None or _rank(root) > _rank(generation.root):
        generation.root, generation.root_service = root, service


def _own_root(attempt: AttemptRow, attributes: Attributes) -> Root:
    """The generation that an attempt without one around it is."""
    get = attributes.get
    return Root(
        state="completed" if attempt.success else "failed",
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        duration_ms=attempt.duration_ms,
        lesson_id=values.key(get(names.LESSON_ID)),
        name=values.key(get(names.WORKFLOW_NAME)),
        model_used=attempt.model if attempt.success else None,
        models_tried=[],
        request_data=None,
        response_data=None,
        error_class=attempt.error_class,
        error_message=attempt.error,
    )


def _service(span: ReadableSpan, services: dict[int, str | None]) -> str | None:
    # Spans of one process share their resource.
    identity = id(span.resource)
    if identity not in services:
        services[identity] = values.key(span.resource.attributes.get("service.name"))
    return services[identity]


def _least(one: str | None, other: str | None) -> str | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def _rank(root: Root) -> tuple[bool, str]:
    """An end beats a start, and a later end an earlier one."""
    return root.ended_at is not None, root.ended_at or ""


def _row(key: tuple[int, int], generation: _Generation) -> tuple[TraceRow, list[AttemptRow]]:
    otel_trace_id, root_span_id = key
    root = generation.root
    # The same order as in sql/derive.sql.
    in_order = sorted(generation.attempts.values(), key=lambda row: (row.number, row.started_at, row.span_id))
    last = in_order[-1] if in_order else None
    succeeded = [attempt for attempt in in_order if attempt.success]
    state = "absent" if root is None else root.state
    status = "started"
    error_class = error_message = None
    if root is not None and state == "failed":
        status, error_class, error_message = "failed", root.error_class, root.error_message
    elif state == "completed":
        status = "failed" if last is not None and not succeeded else "completed"
        if status == "failed" and last is not None:
            error_class, error_message = last.error_class, last.error
    models = [attempt.model for attempt in in_order if attempt.model is not None]
    if root is not None and not in_order:
        models = root.models_tried
    model_used = None if root is None else root.model_used
    if model_used is None and succeeded:
        model_used = succeeded[-1].model
    row = TraceRow(
        id=str(trace_id_of(otel_trace_id, root_span_id)),
        created_at=min(row.started_at for row in in_order) if root is None else root.started_at,
        completed_at=None if root is None else root.ended_at,
        total_duration_ms=None if root is None else root.duration_ms,
        status=status,
        lesson_id=generation.lesson_id if root is None else root.lesson_id,
        name=None if root is None else root.name,
        service_name=generation.service_name if root is None else generation.root_service,
        model_used=model_used,
        models_tried=values.array(list(dict.fromkeys(models))),
        error_class=error_class,
        error_message=error_message,
        request_data=None if root is None else root.request_data,
        response_data=None if root is None else root.response_data,
        otel_trace_id=f"{otel_trace_id:032x}",
        otel_span_id=f"{root_span_id:016x}",
        root_state=state,
        root_model_used=None if root is None else root.model_used,
        search_terms="{" + ",".join(map(str, sorted(generation.terms))) + "}",
    )
    return row, sorted(generation.attempts.values())
