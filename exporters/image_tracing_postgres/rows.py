"""Spans to rows: which traces and attempts a set of spans amounts to.

The rows of a set depend neither on the order of its spans nor on repetitions. What two sets say about one
trace is brought together in the database (`merge.py`), by the same rules.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from image_tracing import attributes as names
from image_tracing_postgres import terms, values
from image_tracing_postgres.foreign.names import ROLE_WORKFLOW
from image_tracing_postgres.foreign.placing import ForeignSpan
from image_tracing_postgres.spans import (
    AttemptRow,
    Attributes,
    Reading,
    Root,
    parent_id_of,
    root_span_id_of,
    told_by,
    trace_id_of,
)

# States of roots that are no status of their own, and those that an end beats.
_STATUSES: Final = {"absent": "started", "interrupted": "failed"}
_RANKS: Final = {"started": 0, "interrupted": 1}

Unread = tuple[ReadableSpan, str]


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
    `foreign` holds the spans of other instrumentations of which it is not known yet where they belong: those
    with a span above them, which have rows of their own until then, and workflows, which have none.
    `unread` holds the spans that could not be read, each with the reason, and `readable` counts the others;
    both are complete when all rows were made.
    """

    def __init__(
        self,
        generations: Mapping[str, "_Generation"],
        unread: list[Unread],
        foreign: Sequence[ForeignSpan] = (),
        workflows: int = 0,
        pause: Callable[[], object] | None = None,
    ) -> None:
        self.ids: Final = sorted(generations)
        self.unread = unread
        self.foreign: Final = foreign
        self._workflows = workflows
        self._generations = generations
        self._pause = pause
        self._made: dict[str, tuple[TraceRow, list[AttemptRow]] | None] = {}

    @property
    def unreadable(self) -> int:
        """How many spans could not be read."""
        return len(self.unread)

    @property
    def readable(self) -> int:
        """How many of the spans the rows are made of, workflows included."""
        return self._workflows + sum(
            len(generation.spans) - len(generation.unread) for generation in self._generations.values()
        )

    @property
    def otel_trace_ids(self) -> list[str]:
        """The OpenTelemetry traces that the spans are of, each once."""
        found = {f"{generation.key[0]:032x}" for generation in self._generations.values()}
        return sorted(found | {span.otel_trace_id for span in self.foreign})

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
            if self._pause is not None:
                self._pause()
            generation = self._generations[trace_id]
            self._made[trace_id] = generation.rows(trace_id)
            self.unread += generation.unread
        return self._made[trace_id]


def rows_from(
    spans: Iterable[ReadableSpan],
    *,
    is_trusting: bool = False,
    pause: Callable[[], object] | None = None,
) -> Rows:
    """The rows of all generations and attempts among the spans; other spans are passed over.

    `is_trusting` takes the JSON of our own instrumentation as it is, which is faster; Postgres then has the
    last word. `pause` is called between spans and between traces.
    """
    generations: dict[tuple[int, int], _Generation] = {}
    reading = Reading(is_trusting=is_trusting)
    unread: list[Unread] = []
    foreign: dict[tuple[str, str], ForeignSpan] = {}
    workflows = 0
    for given in spans:
        if pause is not None:
            pause()
        try:
            role, span, attributes = told_by(given)
            context = span.context
            if role is None or context is None:
                continue
            if role == ROLE_WORKFLOW:
                if span.end_time is not None:
                    workflow = _workflow(span, (context.trace_id, context.span_id), attributes, reading)
                    known = foreign.get(workflow.key)
                    foreign[workflow.key] = workflow if known is None else known.merged(workflow)
                    workflows += 1
                continue
            root = context.span_id if role == names.ROLE_GENERATION else root_span_id_of(context, attributes)
            if span.end_time is None and root != context.span_id:
                # An attempt gets its row when it has ended; only what begins a generation tells more before.
                continue
            key = (context.trace_id, root)
            generation = generations.get(key)
            if generation is None:
                generation = generations[key] = _Generation(key, reading)
            generation.spans.append((role, span, attributes))
            parent = parent_id_of(attributes)
            if parent is not None and root == context.span_id:
                nested = ForeignSpan(f"{context.trace_id:032x}", f"{root:016x}", parent)
                known = foreign.get(nested.key)
                foreign[nested.key] = nested if known is None else known.merged(nested)
        except Exception as error:  # noqa: BLE001 - one strange span must not cost the others
            unread.append((given, _unreadable(error)))
    return Rows(
        {str(trace_id_of(*key)): generation for key, generation in generations.items()},
        unread,
        [foreign[key] for key in sorted(foreign)],
        workflows,
        pause,
    )


def _workflow(
    span: ReadableSpan, key: tuple[int, int], attributes: Attributes, reading: Reading
) -> ForeignSpan:
    """What a workflow says, kept until a picture is made below it."""
    found = terms.Terms()
    service = reading.service_of(span)
    if service is not None:
        found.others.add(terms.term(terms.SERVICE, service))
    root = reading.root(span, attributes, found)
    row = _trace_row(str(trace_id_of(*key)), key, root, service, (), found)
    return ForeignSpan(row.otel_trace_id, row.otel_span_id, None, row)


def _unreadable(error: Exception) -> str:
    return f"it cannot be read: {type(error).__name__}"


class _Generation:
    """The spans of one generation."""

    __slots__ = ("key", "reading", "spans", "unread")

    def __init__(self, key: tuple[int, int], reading: Reading) -> None:
        self.key = key
        self.reading = reading
        self.spans: list[tuple[str, ReadableSpan, Attributes]] = []
        self.unread: list[Unread] = []

    def rows(self, trace_id: str) -> tuple[TraceRow, list[AttemptRow]] | None:
        """What the spans amount to; None if none could be read."""
        reading, found = self.reading, terms.Terms()
        root: Root | None = None
        attempts: dict[str, AttemptRow] = {}
        root_service = service_name = lesson_id = None
        for role, span, attributes in self.spans:
            try:
                service = reading.service_of(span)
                if role == names.ROLE_GENERATION:
                    told = reading.root(span, attributes, found)
                elif span.end_time is None:
                    told = reading.begun_attempt(span, attributes, found)
                else:
                    span_id = span.context.span_id if span.context else 0
                    attempt = reading.attempt(span, span_id, attributes, found)
                    lesson = values.key(attributes.get(names.LESSON_ID))
                    lesson_id = _least(lesson_id, lesson)
                    service_name = _least(service_name, service)
                    known = attempts.get(attempt.span_id)
                    if known is None or attempt.ended_at > known.ended_at:
                        attempts[attempt.span_id] = attempt
                    told = None
                    if span_id == self.key[1]:
                        # An attempt without a generation around it is its own.
                        told = _root_of(attempt, lesson, values.key(attributes.get(names.WORKFLOW_NAME)))
                if told is not None and (root is None or _rank_of(told) > _rank_of(root)):
                    root, root_service = told, service
                if service is not None:
                    found.others.add(terms.term(terms.SERVICE, service))
            except Exception as error:  # noqa: BLE001 - one strange span must not cost the others
                self.unread.append((span, _unreadable(error)))
        if root is None:
            if not attempts:
                return None
            root = _absent_root(attempts.values(), lesson_id)
            root_service = service_name
        row = _trace_row(trace_id, self.key, root, root_service, attempts.values(), found)
        return row, list(attempts.values()) if len(attempts) < 2 else [
            attempts[id_] for id_ in sorted(attempts)
        ]


def _absent_root(attempts: Iterable[AttemptRow], lesson_id: str | None) -> Root:
    """What stands in for a root span that has not told anything yet."""
    created_at = min(attempt.started_at for attempt in attempts)
    return Root("absent", created_at, None, None, lesson_id, None, None, [], None, None, None, None)


def _trace_row(
    trace_id: str,
    key: tuple[int, int],
    root: Root,
    service_name: str | None,
    attempts: Collection[AttemptRow],
    found: terms.Terms,
) -> TraceRow:
    """The row that follows from a root and all of its attempts, as in sql/derive.sql."""
    state = root.state
    status, error_class, error_message = _STATUSES.get(state, state), root.error_class, root.error_message
    models_tried, model_used = root.models_tried, root.model_used
    if attempts:
        in_order = sorted(attempts, key=_place)
        models_tried = list(
            dict.fromkeys([attempt.model for attempt in in_order if attempt.model is not None])
        )
        succeeded = [attempt for attempt in in_order if attempt.success]
        if succeeded:
            if model_used is None:
                model_used = succeeded[-1].model
        elif state == "completed":
            status, error_class, error_message = "failed", in_order[-1].error_class, in_order[-1].error
    return TraceRow(
        trace_id,
        root.started_at,
        root.ended_at,
        root.duration_ms,
        status,
        root.lesson_id,
        root.name,
        service_name,
        model_used,
        models_tried,
        error_class,
        error_message,
        root.request_data,
        root.response_data,
        f"{key[0]:032x}",
        f"{key[1]:016x}",
        state,
        root.model_used,
        found.in_order(),
    )


def _place(attempt: AttemptRow) -> tuple[int, str, str]:
    return attempt.number, attempt.started_at, attempt.span_id


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


def _rank_of(root: Root) -> tuple[int, str]:
    """An end beats an interruption, that beats a start, and a later end an earlier one."""
    return _RANKS.get(root.state, 2), root.ended_at or ""
