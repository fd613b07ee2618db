"""The same rows whatever the order, the parts and the repetitions in which spans arrive."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan

from image_tracing_postgres import Store, rows_from
from image_tracing_postgres.connection import BoundedConnection
from image_tracing_postgres.merge import save

from .conftest import MORNING, SECOND, NewSpans

_MODELS = st.sampled_from(["flux", "sdxl", "imagen", None])
_TELLINGS: st.SearchStrategy[str | int] = st.sampled_from(["start", "interruption", 8, 9])
_SPANS = NewSpans()


@st.composite
def _attempts(draw: st.DrawFn, trace_id: int) -> list[ReadableSpan]:
    """Up to four attempts; some come twice with different ends, one may be its own root."""
    spans = []
    for span_id in draw(st.lists(st.sampled_from([1, 2, 3, 4, 5]), max_size=4, unique=True)):
        for end in draw(st.lists(st.integers(3, 6), min_size=1, max_size=2, unique=True)):
            spans.append(
                _SPANS.attempt(
                    trace_id=trace_id,
                    span_id=span_id,
                    number=draw(st.integers(1, 3)),
                    failed=draw(st.sampled_from([None, "too slow", "refused"])),
                    request_model=draw(_MODELS),
                    prompt=draw(st.sampled_from(["a red fox", "two whales", None])),
                    lesson_id=draw(st.sampled_from(["l-1", "L-2", "ä", None])),
                    start_time=MORNING + draw(st.integers(0, 2)) * SECOND,
                    end_time=MORNING + end * SECOND,
                )
            )
    return spans


@st.composite
def _roots(draw: st.DrawFn, trace_id: int) -> list[ReadableSpan]:
    """Tellings of the root, none to all of: that it began, that its process ended, and two ends.

    Who has only begun may be a generation or an attempt without one; all of them may contradict each other.
    """
    makes: list[Callable[..., ReadableSpan]] = [_SPANS.root, partial(_SPANS.attempt, root=None, span_id=1)]
    make = draw(st.sampled_from(makes))
    return [
        make(
            trace_id=trace_id,
            is_interrupted=end == "interruption",
            lesson_id=draw(st.sampled_from(["root", "other", None])),
            models_tried=draw(st.sampled_from([["x"], ["y", "z"], None])),
            start_time=MORNING + draw(st.integers(0, 2)) * SECOND,
            end_time=None,
        )
        if isinstance(end, str)
        else _SPANS.root(
            trace_id=trace_id,
            failed=draw(st.sampled_from([None, None, "gave up"])),
            model_used=draw(_MODELS),
            models_tried=draw(st.sampled_from([["x"], ["y", "z"], None])),
            lesson_id=draw(st.sampled_from(["root", None])),
            end_time=MORNING + end * SECOND,
        )
        for end in draw(st.lists(_TELLINGS, max_size=4, unique=True))
    ]


@st.composite
def _arrivals(draw: st.DrawFn) -> tuple[list[ReadableSpan], list[list[ReadableSpan]]]:
    """The spans of two traces, and a way in which they arrive: each once or more, in any order and parts."""
    seed = draw(st.integers(1, 2**100))
    spans = [
        span for trace_id in (seed, seed + 1) for make in (_attempts, _roots) for span in draw(make(trace_id))
    ]
    repeated = spans + (draw(st.lists(st.sampled_from(spans), max_size=4)) if spans else [])
    order = draw(st.permutations(repeated))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=3)))
    bounds = [0, *cuts, len(order)]
    return spans, [order[a:b] for a, b in pairwise(bounds)]


@pytest.fixture
def connection(database: str) -> Iterator[BoundedConnection]:
    with BoundedConnection.connect(database, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("SET synchronous_commit = off")
        yield connection


def _content(connection: psycopg.Connection[Any]) -> list[Any]:
    traces = connection.execute(
        "SELECT to_jsonb(t) - 'updated_at' FROM image_traces t ORDER BY id"
    ).fetchall()
    attempts = connection.execute("SELECT * FROM image_attempts ORDER BY trace_id, span_id").fetchall()
    connection.execute("TRUNCATE image_traces, image_attempts")
    return traces + attempts


@pytest.mark.parametrize("examples", [300, pytest.param(2_000, marks=pytest.mark.long)])
def test_any_order_split_and_repetition_gives_the_same_rows(
    connection: BoundedConnection, examples: int
) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(_arrivals())
    def check(arrivals: tuple[list[ReadableSpan], list[list[ReadableSpan]]]) -> None:
        spans, parts = arrivals
        save(connection, rows_from(spans))
        at_once = _content(connection)

        for part in parts:
            save(connection, rows_from(part, is_trusting=True))

        assert _content(connection) == at_once

    check()


def test_saving_twice_changes_nothing_but_the_time_of_the_write(
    connection: BoundedConnection, new: NewSpans
) -> None:
    rows = rows_from([new.attempt(failed="x"), new.attempt(span_id=3, number=2), new.root()])
    save(connection, rows)
    once = _content(connection)

    save(connection, rows)
    save(connection, rows)

    assert _content(connection) == once


def test_a_late_end_wins_over_the_stub_of_an_attempt(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.attempt()]))
    before = store.list()[0]
    store.save(rows_from([new.root()]))

    [after] = store.list()
    assert (before.status, after.status, after.id) == ("started", "completed", before.id)
    assert (after.name, after.model_used, after.created_at.timestamp() * SECOND) == (
        "illustrate",
        "flux",
        MORNING,
    )


def test_a_late_end_wins_over_an_interruption_and_a_late_start_never_does(
    store: Store, new: NewSpans
) -> None:
    told = []
    for root in (
        new.root(end_time=None),
        new.root(end_time=None, is_interrupted=True),
        new.root(end_time=None),
        new.root(),
        new.root(end_time=None, is_interrupted=True),
    ):
        store.save(rows_from([new.attempt(), root]))
        [trace] = store.list()
        told.append((trace.status, trace.error_class, trace.completed_at is None))

    interrupted, completed = ("failed", "interrupted", True), ("completed", None, False)
    assert told == [("started", None, True), interrupted, interrupted, completed, completed]


def test_what_was_interrupted_once_is_not_found_by_it_after_its_end(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.root(end_time=None, is_interrupted=True)]))
    before = store.list(error_class="interrupted", status="failed")
    store.save(rows_from([new.root()]))

    assert [trace.error_message for trace in before] == ["process ended"]
    assert store.list(error_class="interrupted") == []
    assert len(store.list(status="completed")) == 1


def test_the_document_of_an_interrupted_generation(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.attempt(), new.root(end_time=None)]))
    store.save(rows_from([new.root(end_time=None, is_interrupted=True)]))

    [document] = [json.loads(text) for text in store.iter_json()]
    assert {key: document[key] for key in ("status", "error_class", "error_message", "is_stalled")} == {
        "status": "failed",
        "error_class": "interrupted",
        "error_message": "process ended",
        "is_stalled": False,
    }
    assert (document["completed_at"], document["total_duration_ms"]) == (None, None)
    assert (document["created_at"], document["name"]) == ("2025-10-26T10:30:00Z", "illustrate")
    assert [attempt["model"] for attempt in document["image_generation_attempts"]] == ["flux"]


def test_a_writer_needs_no_more_rights_than_to_read_insert_and_update(
    modest_role: str, store: Store, new: NewSpans
) -> None:
    with BoundedConnection.connect(modest_role, autocommit=True) as connection:
        for root in (new.root(end_time=None), new.root(end_time=None, is_interrupted=True), new.root()):
            save(connection, rows_from([new.attempt(), root]))

    assert [trace.status for trace in store.list()] == ["completed"]


def test_a_late_success_makes_a_failed_generation_completed(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.root(), new.attempt(failed="too slow")]))
    before = store.list()[0].status
    store.save(rows_from([new.attempt(span_id=3, number=2, request_model="sdxl")]))

    [after] = store.list()
    assert (before, after.status, after.error_message, after.model_used) == (
        "failed",
        "completed",
        None,
        "sdxl",
    )


def _spans_of(count: int, new: NewSpans) -> list[list[ReadableSpan]]:
    return [
        [
            new.attempt(trace_id=n, failed="too slow"),
            new.attempt(trace_id=n, span_id=3, number=2, request_model="sdxl"),
            new.root(trace_id=n),
        ]
        for n in range(1, count + 1)
    ]


def test_many_writers_of_the_same_traces_end_right(database: str, store: Store, new: NewSpans) -> None:
    generations = _spans_of(40, new)
    errors: list[psycopg.Error] = []

    def write(shift: int) -> None:
        try:
            with BoundedConnection.connect(database, autocommit=True, prepare_threshold=None) as connection:
                for start in range(0, 40, 10):
                    spans = [
                        spans[(i + shift) % 3]
                        for i in range(3)
                        for spans in _around(generations, start + 5 * shift)
                    ]
                    save(connection, rows_from(spans))
        except psycopg.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(shift,)) for shift in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert [(trace.status, trace.model_used, len(trace.attempts)) for trace in store.iter()] == [
        ("completed", "sdxl", 2)
    ] * 40


def _around(generations: Sequence[list[ReadableSpan]], start: int) -> list[list[ReadableSpan]]:
    return [generations[(start + i) % len(generations)] for i in range(20)]
