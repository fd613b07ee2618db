"""Spans to rows: which traces and attempts a set of spans amounts to.

The rows of a set depend neither on the order of its spans nor on repetitions. What two sets say about one
trace is brought together in the database (`merge.py`), by the same rules.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from image_tracing import attributes as names
from image_tracing_postgres import terms
from image_tracing_postgres.spans import (
    AttemptRow,
    Attributes,
    Reading,
    Root,
    attributes_of,
    role_of,
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
    models_tried: Sequence[str]
    error_class: str | None
    error_message: str | None
    request_data: str | None
    response_data: str | None
    otel_trace_id: str
    otel_span_id: str
    root_state: str
    root_model_used: str | None
    search_terms: Sequence[str]


class Rows:
    """The rows of a set of spans, made when they are asked for, so that a writer can send some meanwhile.

    `ids` holds the traces' ids, sorted; `of` gives one trace's row and its attempts' rows by span id.
    `unreadable` counts the spans that could not be read; it is complete when all rows were made.
    """

    def __init__(self, generations: Mapping[str, "_Generation"], unreadable: int) -> None:
        self.ids: Final = sorted(generations)
        self.unreadable = unreadable
        self._generations = generations
        self._made: dict[str, tuple[TraceRow, list[AttemptRow]] | None] = {}

    @property
    def traces(self) -> list[TraceRow]:
        """All traces, by id."""
        return [made[0] for made in map(self.of, self.ids) if made is not None]

    @property
    def attempts(self) -> list[tuple[str, AttemptRow]]:
        """All attempts with their traces' ids, by trace id and span id."""
        return [
            (trace_id, attempt)
            for trace_id in self.ids
            if (made := self.of(trace_id)) is not None
            for attempt in made[1]
        ]

    def of(self, trace_id: str) -> tuple[TraceRow, list[AttemptRow]] | None:
        """The rows of one trace; None if none of its spans could be read."""
        if trace_id not in self._made:
            generation = self._generations[trace_id]
            self.unreadable += generation.read()
            self._made[trace_id] = generation.rows(trace_id)
        return self._made[trace_id]


def rows_from(spans: Iterable[ReadableSpan], *, is_trusting: bool = False) -> Rows:
    """The rows of all generations and attempts among the spans; other spans are passed over.

    `is_trusting` takes the JSON of our own instrumentation as it is, which is faster; Postgres then has the
    last word.
    """
    generations: dict[tuple[int, int], _Generation] = {}
    reading = Reading(is_trusting=is_trusting)
    unreadable = 0
    for span in spans:
        try:
            attributes = attributes_of(span)
            role = role_of(span, attributes)
            context = span.context
            if role is None or context is None or (role == names.ROLE_ATTEMPT and span.end_time is None):
                continue
            root = context.span_id if role == names.ROLE_GENERATION else root_span_id_of(context, attributes)
            key = (context.trace_id, root)
            generation = generations.get(key)
            if generation is None:
                generation = generations[key] = _Generation(key, reading)
            generation.spans.append((role, span, attributes))
        except Exception as error:  # noqa: BLE001 - one strange span must not cost the others
            unreadable += 1
            _log_unreadable(error)
    return Rows({str(trace_id_of(*key)): generation for key, generation in generations.items()}, unreadable)


def _log_unreadable(error: Exception) -> None:
    _logger.warning("a span could not be read and is not stored (%s)", type(error).__name__)


class _Generation:
    """What is known of one generation."""

    __slots__ = (
        "attempts",
        "key",
        "lesson_id",
        "reading",
        "root",
        "root_service",
        "service_name",
        "spans",
        "terms",
    )

    def __init__(self, key: tuple[int, int], reading: Reading) -> None:
        self.key = key
        self.reading = reading
        self.spans: list[tuple[str, ReadableSpan, Attributes]] = []
        self.root: Root | None = None
        self.root_service: str | None = None
        self.lesson_id: str | None = None
        self.service_name: str | None = None
        self.attempts: dict[str, AttemptRow] = {}
        self.terms = terms.Terms()

    def read(self) -> int:
        """Read the spans; how many could not be read."""
        unreadable = 0
        for role, span, attributes in self.spans:
            try:
                self._add(role, span, attributes)
            except Exception as error:  # noqa: BLE001 - one strange span must not cost the others
                unreadable += 1
                _log_unreadable(error)
        return unreadable

    def _add(self, role: str, span: ReadableSpan, attributes: Attributes) -> None:
        service = self.reading.service_of(span)
        if service is not None:
            self.terms.add(terms.SERVICE, service)
        if role == names.ROLE_GENERATION:
            self._add_root(self.reading.root(span, attributes, self.terms), service)
            return
        attempt, lesson_id, name = self.reading.attempt(span, attributes, self.terms)
        known = self.attempts.get(attempt.span_id)
        if known is None or attempt.ended_at > known.ended_at:
            self.attempts[attempt.span_id] = attempt
        self.lesson_id = _least(self.lesson_id, lesson_id)
        self.service_name = _least(self.service_name, service)
        if span.context is not None and span.context.span_id == self.key[1]:
            # An attempt without a generation around it is its own.
            self._add_root(_root_of(attempt, lesson_id, name), service)

    def _add_root(self, root: Root, service: str | None) -> None:
        if self.root is None or _rank(root) > _rank(self.root):
            self.root, self.root_service = root, service

    def rows(self, trace_id: str) -> tuple[TraceRow, list[AttemptRow]] | None:
        """The rows of what was read; sql/derive.sql says the same of what is in the database."""
        root = self.root
        in_order = sorted(self.attempts.values(), key=lambda row: (row.number, row.started_at, row.span_id))
        if root is None and not in_order:
            return None
        last = in_order[-1] if in_order else None
        succeeded = [attempt for attempt in in_order if attempt.success]
        state = "absent" if root is None else root.state
        status = "started"
        error_class = error_message = None
        if root is not None and state == "failed":
            status, error_class, error_message = "failed", root.error_class, root.error_message
        elif state == "completed" and (last is None or succeeded):
            status = "completed"
        elif state == "completed" and last is not None:
            status, error_class, error_message = "failed", last.error_class, last.error
        models = [attempt.model for attempt in in_order if attempt.model is not None]
        model_used = None if root is None else root.model_used
        if model_used is None and succeeded:
            model_used = succeeded[-1].model
        row = TraceRow(
            id=trace_id,
            created_at=min(row.started_at for row in in_order) if root is None else root.started_at,
            completed_at=None if root is None else root.ended_at,
            total_duration_ms=None if root is None else root.duration_ms,
            status=status,
            lesson_id=self.lesson_id if root is None else root.lesson_id,
            name=None if root is None else root.name,
            service_name=self.service_name if root is None else self.root_service,
            model_used=model_used,
            models_tried=root.models_tried
            if root is not None and not in_order
            else list(dict.fromkeys(models)),
            error_class=error_class,
            error_message=error_message,
            request_data=None if root is None else root.request_data,
            response_data=None if root is None else root.response_data,
            otel_trace_id=f"{self.key[0]:032x}",
            otel_span_id=f"{self.key[1]:016x}",
            root_state=state,
            root_model_used=None if root is None else root.model_used,
            search_terms=self.terms.in_order(),
        )
        return row, [self.attempts[span_id] for span_id in sorted(self.attempts)]


def _root_of(attempt: AttemptRow, lesson_id: str | None, name: str | None) -> Root:
    return Root(
        state="completed" if attempt.success else "failed",
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        duration_ms=attempt.duration_ms,
        lesson_id=lesson_id,
        name=name,
        model_used=attempt.model if attempt.success else None,
        models_tried=[],
        request_data=None,
        response_data=None,
        error_class=attempt.error_class,
        error_message=attempt.error,
    )


def _least(one: str | None, other: str | None) -> str | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def _rank(root: Root) -> tuple[bool, str]:
    """An end beats a start, and a later end an earlier one."""
    return root.ended_at is not None, root.ended_at or ""
