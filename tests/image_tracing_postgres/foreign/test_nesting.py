"""Spans of other instrumentations below each other, below ours, and below workflows."""

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise, permutations
from math import inf
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from psycopg import sql
from psycopg.conninfo import make_conninfo

from image_tracing_migrations import migrations
from image_tracing_postgres import Store, rows_from
from image_tracing_postgres.connection import BoundedConnection
from image_tracing_postgres.merge import save
from image_tracing_postgres.migrate import migrate
from image_tracing_postgres.writer import WriteError, Writer

from ..conftest import NewSpans
from .conftest import Foreign

OURS = NewSpans()
THEIRS = Foreign()


def _told(store: Store) -> list[tuple[str, str | None, list[str]]]:
    """Status, name and the attempts' span ids of all generations."""
    return sorted(
        (trace.status, trace.name, [attempt.otel_span_id.lstrip("0") for attempt in trace.attempts])
        for trace in store.list()
    )


def _each_order(store: Store, spans: list[ReadableSpan]) -> list[list[tuple[str, str | None, list[str]]]]:
    """What is told after the spans came one by one, for each order; different ones only."""
    found = []
    for order in permutations(spans):
        for span in order:
            store.save(rows_from([span]))
        if (told := _told(store)) not in found:
            found.append(told)
        store.delete_all()
    return found


def test_a_call_told_twice_is_one_attempt(store: Store) -> None:
    spans = [THEIRS(span_id=0xF1), THEIRS(span_id=0xF2, parent=0xF1)]

    assert _each_order(store, spans) == [[("completed", None, ["f1"])]]


def test_a_call_told_three_times_is_one_attempt(store: Store) -> None:
    spans = [THEIRS(span_id=0xF1), THEIRS(span_id=0xF2, parent=0xF1), THEIRS(span_id=0xF3, parent=0xF2)]

    assert _each_order(store, spans) == [[("completed", None, ["f1"])]]


def test_a_call_below_an_attempt_of_ours_is_that_attempt(store: Store) -> None:
    spans = [
        OURS.root(span_id=1),
        OURS.attempt(span_id=2, root=1),
        THEIRS(span_id=0xF1, parent=2),
        THEIRS(span_id=0xF2, parent=0xF1),
    ]

    assert _each_order(store, spans) == [[("completed", "illustrate", ["2"])]]


def test_a_call_below_a_lone_attempt_of_ours_is_that_attempt(store: Store) -> None:
    begun = OURS.attempt(span_id=2, root=None, end_time=None)
    spans = [begun, OURS.attempt(span_id=2, root=None), THEIRS(span_id=0xF1, parent=2)]

    assert _each_order(store, spans) == [[("completed", None, ["2"])]]


def test_calls_below_a_generation_of_ours_are_its_attempts(store: Store) -> None:
    spans = [
        OURS.root(span_id=1),
        THEIRS(span_id=0xF1, parent=1, failed="too slow"),
        THEIRS(span_id=0xF2, parent=1, start=3, end=4),
    ]

    assert _each_order(store, spans) == [[("completed", "illustrate", ["f1", "f2"])]]


def test_calls_below_a_workflow_are_its_attempts(store: Store) -> None:
    spans = [
        THEIRS.workflow(),
        THEIRS(span_id=0xF1, parent=0xA0, failed="too slow"),
        THEIRS(span_id=0xF2, parent=0xA0, start=3, end=4),
    ]

    assert _each_order(store, spans) == [[("completed", "illustrate", ["f1", "f2"])]]


def test_a_workflow_without_a_picture_is_no_generation(store: Store) -> None:
    rows = rows_from([THEIRS.workflow()])
    store.save(rows)

    assert (store.list(), rows.readable, rows.ids) == ([], 1, [])


def test_a_call_below_anything_else_is_a_generation_of_its_own(store: Store) -> None:
    store.save(rows_from([THEIRS(span_id=0xF1, parent=0x77), THEIRS(span_id=0xF2, parent=0x77)]))

    assert _told(store) == [("completed", None, ["f1"]), ("completed", None, ["f2"])]


def test_spans_of_other_traces_are_no_relatives(store: Store) -> None:
    store.save(rows_from([THEIRS(span_id=0xF1), THEIRS(span_id=0xF2, parent=0xF1, trace_id=0xDEF)]))

    assert len(store.list()) == 2


def test_a_generation_with_moved_attempts_is_found_by_them(store: Store) -> None:
    store.save(rows_from([THEIRS(span_id=0xF1, parent=1)]))
    store.save(rows_from([OURS.root(span_id=1)]))

    assert len(store.list(q="fox", model="flux")) == 1


def test_a_later_end_of_a_workflow_wins(store: Store) -> None:
    spans = [
        THEIRS(span_id=0xF1, parent=0xA0),
        THEIRS.workflow(end=8),
        THEIRS.workflow(end=9, failed="upload refused"),
    ]

    assert _each_order(store, spans) == [[("failed", "illustrate", ["f1"])]]


def test_nothing_is_kept_of_a_workflow_beside_its_row(store: Store, database: str) -> None:
    store.save(rows_from([THEIRS.workflow(failed="a secret"), THEIRS(parent=0xA0)]))
    [trace] = store.list()
    store.delete(trace.id)

    with psycopg.connect(database) as connection:
        assert "secret" not in str(connection.execute("SELECT * FROM image_foreign_spans").fetchall())


def test_a_call_below_a_deleted_workflow_is_its_own(store: Store) -> None:
    store.save(rows_from([THEIRS.workflow(), THEIRS(parent=0xA0)]))
    store.delete(store.list()[0].id)
    store.save(rows_from([THEIRS(span_id=0xF2, parent=0xA0)]))

    assert _told(store) == [("completed", None, ["f2"])]


def test_what_was_kept_of_workflows_goes_with_everything(store: Store, database: str) -> None:
    store.save(rows_from([THEIRS.workflow()]))
    store.delete_all()

    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT * FROM image_foreign_spans").fetchall() == []


def test_many_writers_of_the_same_traces_end_right(database: str, store: Store) -> None:
    errors: list[psycopg.Error] = []

    def write(shift: int) -> None:
        try:
            with BoundedConnection.connect(database, autocommit=True, prepare_threshold=None) as connection:
                for part in range(4):
                    save(connection, rows_from(_one_of_four((part + shift) % 4)))
        except psycopg.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(shift,)) for shift in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert _told(store) == [("completed", "illustrate", ["2", "f1"])] * 20


def _one_of_four(part: int) -> list[ReadableSpan]:
    """A quarter of the spans of twenty traces: generations, attempts, and foreign ones below each."""
    made: list[Callable[[int], list[ReadableSpan]]] = [
        lambda trace_id: [OURS.root(trace_id=trace_id)],
        lambda trace_id: [OURS.attempt(trace_id=trace_id)],
        lambda trace_id: [THEIRS(trace_id=trace_id, span_id=0xF1, parent=1)],
        lambda trace_id: [
            THEIRS(trace_id=trace_id, span_id=0xF2, parent=2),
            THEIRS(trace_id=trace_id, span_id=0xF3, parent=0xF2),
        ],
    ]
    return [span for trace_id in range(1, 21) for span in made[part](trace_id)]


@pytest.fixture
def old_database(empty_database: str) -> str:
    """A database that the migration for foreign spans has not reached."""
    with psycopg.connect(empty_database) as connection:
        for migration in migrations()[:2]:
            connection.execute(migration.text.encode())
    return empty_database


def _refuse(_span: ReadableSpan, _sqlstate: str | None, reason: str) -> None:
    pytest.fail(reason)


def test_only_foreign_spans_wait_for_the_migration_that_knows_them(old_database: str) -> None:
    writer = Writer(old_database, migrate=False)
    try:
        assert writer.write([OURS.root()], deadline=inf, refuse=_refuse) == 1
        with pytest.raises(WriteError) as raised:
            writer.write([THEIRS(parent=1)], deadline=inf, refuse=_refuse)
        assert raised.value.kind == "schema"
        migrate(old_database)
        assert writer.write([THEIRS(parent=1)], deadline=inf, refuse=_refuse) == 1
    finally:
        writer.close()

    with Store(old_database) as store:
        assert _told(store) == [("completed", "illustrate", ["f1"])]


def test_without_a_right_to_the_new_table_each_is_a_generation_of_its_own(
    database: str, store: Store
) -> None:
    name = f"writer_{uuid4().hex}"
    role = sql.Identifier(name)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {}").format(role))
        for table in map(sql.Identifier, ("image_traces", "image_attempts")):
            owner.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE ON {} TO {}").format(table, role))
            owner.execute(sql.SQL("CREATE POLICY writer ON {} TO {} USING (true)").format(table, role))
        conninfo = make_conninfo(database, options=f"-c role={name}")
        with BoundedConnection.connect(conninfo, autocommit=True) as connection:
            save(connection, rows_from([OURS.root(), THEIRS(parent=1)]))
        owner.execute(sql.SQL("DROP OWNED BY {}").format(role))
        owner.execute(sql.SQL("DROP ROLE {}").format(role))

    assert len(store.list()) == 2


# Ours, a workflow, other foreign ones, nobody, and somebody unknown; also itself.
_PARENTS = st.sampled_from([None, 1, 2, 3, 0xA0, 0xF1, 0xF2, 0x77])


@st.composite
def _spans(draw: st.DrawFn, trace_id: int) -> list[ReadableSpan]:
    """Some of ours, a workflow that ends twice, and foreign attempts below any of them."""
    made = [
        OURS.root(trace_id=trace_id, span_id=1),
        OURS.attempt(trace_id=trace_id, span_id=2, root=1),
        OURS.attempt(trace_id=trace_id, span_id=3, root=None, end_time=None),
        OURS.attempt(trace_id=trace_id, span_id=3, root=None),
        THEIRS.workflow(trace_id=trace_id, end=8),
        THEIRS.workflow(trace_id=trace_id, failed=draw(st.sampled_from([None, "gave up"]))),
    ]
    chosen = draw(st.lists(st.sampled_from(made), max_size=5, unique_by=id))
    for span_id in draw(st.lists(st.sampled_from([0xF1, 0xF2, 0xF3]), min_size=1, unique=True)):
        parent = draw(_PARENTS)
        for end in draw(st.lists(st.integers(3, 5), min_size=1, max_size=2, unique=True)):
            failed = draw(st.sampled_from([None, "too slow"]))
            chosen.append(THEIRS(trace_id=trace_id, span_id=span_id, parent=parent, end=end, failed=failed))
    return chosen


@st.composite
def _arrivals(draw: st.DrawFn) -> tuple[list[ReadableSpan], list[list[ReadableSpan]]]:
    """The spans of two traces, and a way in which they arrive: each once or more, in any order and parts."""
    seed = draw(st.integers(1, 2**100))
    spans = [span for trace_id in (seed, seed + 1) for span in draw(_spans(trace_id))]
    order = draw(st.permutations(spans + draw(st.lists(st.sampled_from(spans), max_size=3))))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return spans, [order[a:b] for a, b in pairwise([0, *cuts, len(order)])]


@pytest.fixture
def connection(database: str) -> Iterator[BoundedConnection]:
    with BoundedConnection.connect(database, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("SET synchronous_commit = off")
        yield connection


def _content(connection: psycopg.Connection[Any]) -> list[Any]:
    rows = [
        connection.execute(query).fetchall()
        for query in (
            b"SELECT to_jsonb(t) - 'updated_at' FROM image_traces t ORDER BY id",
            b"SELECT * FROM image_attempts ORDER BY trace_id, span_id",
            b"SELECT to_jsonb(f) - 'seen_at' #- '{workflow,updated_at}' FROM image_foreign_spans f"
            b" ORDER BY otel_trace_id, span_id",
        )
    ]
    connection.execute("DELETE FROM image_traces")
    connection.execute("DELETE FROM image_attempts")
    connection.execute("DELETE FROM image_foreign_spans")
    return rows


def test_any_order_split_and_repetition_gives_the_same_rows(connection: BoundedConnection) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(_arrivals())
    def check(arrivals: tuple[list[ReadableSpan], list[list[ReadableSpan]]]) -> None:
        spans, parts = arrivals
        save(connection, rows_from(spans))
        at_once = _content(connection)

        for part in parts:
            save(connection, rows_from(part, is_trusting=True))

        assert _content(connection) == at_once

    check()
