"""Whole ranges in one go: as lines of JSON and as tables, all of one moment, beside writers and deleters."""

import json
import threading
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from image_tracing_postgres import DatabaseUnavailableError, InvalidFilterError, Store, rows_from
from image_tracing_postgres.streams import COLUMNS, Subject

from .conftest import MORNING, SECOND, NewSpans


@pytest.fixture
def many(store: Store, new: NewSpans) -> Store:
    """Forty generations a second apart: a failed attempt at sdxl, then a good one at flux."""
    spans = []
    for n in range(1, 41):
        at = MORNING + n * SECOND
        more: dict[str, Any] = {"trace_id": n, "start_time": at, "end_time": at + SECOND}
        spans += [
            new.attempt(span_id=2, failed="no image", request_model="sdxl", **more),
            new.attempt(span_id=3, number=2, **more),
            new.root(lesson_id=f"lesson-{n}", **more),
        ]
    store.save(rows_from(spans))
    return store


def documents(blocks: Iterable[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for block in blocks for line in block.splitlines()]


def _fill(database: str, count: int) -> None:
    """Large traces, so that no buffer on the way takes a whole range of them."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces (id, created_at, updated_at, status, root_state, otel_trace_id, "
            "otel_span_id, request_data) "
            "SELECT gen_random_uuid(), now() - number * interval '1 s', now(), 'started', 'started', 'x', "
            "'x', to_jsonb(repeat(md5(number::text), 4000)) FROM generate_series(1, %s) AS number",
            (count,),
        )


def test_lines_are_the_documents_newest_first(many: Store) -> None:
    assert documents(many.lines()) == [json.loads(text) for text in many.iter_json()]


def test_blocks_end_with_a_line(many: Store) -> None:
    assert all(block.endswith(b"}\n") for block in many.lines())


def test_lines_of_attempts_name_their_trace(many: Store) -> None:
    found = documents(many.lines(of="attempts"))

    [newest] = many.list(limit=1)
    assert [attempt["number"] for attempt in found] == [1, 2] * 40
    assert {attempt["trace_id"] for attempt in found[:2]} == {str(newest.id)}
    assert found[0]["lesson_id"] == "lesson-40"
    assert found[0]["model"] == newest.attempts[0].model


@pytest.mark.parametrize("of", ["traces", "attempts"])
def test_a_table_has_the_same_rows(many: Store, of: Subject) -> None:
    names = [column.name for column in COLUMNS[of]]
    first_in_each = {"traces": "id", "attempts": "trace_id"}[of]

    rows = [dict(zip(names, row, strict=True)) for row in many.table(of=of)]

    lines = documents(many.lines(of=of))
    assert [row[first_in_each] for row in rows] == [line[first_in_each] for line in lines]
    assert set(lines[0]) == set(names)
    for name in ("request_data", "image_generation_attempts", "request", "response", "images"):
        assert [json.loads(row[name]) for row in rows if name in row] == [
            line[name] for line in lines if name in line
        ]


def test_filters_hold_for_an_attempt_itself(many: Store) -> None:
    lines = documents(many.lines(of="attempts", model="flux"))
    rows = list(many.table(of="attempts", error_class="timeout"))

    assert {line["model"] for line in lines} == {"flux"}
    assert {row[3] for row in rows} == {"sdxl"}
    assert (len(lines), len(rows)) == (40, 40)
    assert len(documents(many.lines(model="flux"))) == 40


@pytest.mark.parametrize(
    ("of", "filters", "count"),
    [
        ("traces", {}, 40),
        ("attempts", {}, 80),
        ("attempts", {"model": "flux"}, 40),
        ("traces", {"lesson_id": "lesson-7"}, 1),
        ("traces", {"model": "nobody"}, 0),
    ],
)
def test_rows_can_be_counted_before(many: Store, of: Subject, filters: Any, count: int) -> None:
    assert many.count(of=of, **filters) == count
    assert len(list(many.table(of=of, **filters))) == count


def test_nothing_gives_no_block(store: Store) -> None:
    assert (list(store.lines()), list(store.lines(of="attempts")), list(store.table())) == ([], [], [])


def test_what_does_not_exist_is_told_before_anything_is_read() -> None:
    with Store("host=127.0.0.1 port=9") as store:
        with pytest.raises(InvalidFilterError, match="of has to be one of traces, attempts, not 'images'"):
            store.lines(of="images")  # type: ignore[arg-type]
        with pytest.raises(InvalidFilterError, match="status has to be one of"):
            store.table(status="done")  # type: ignore[arg-type]


def test_a_range_is_that_of_one_moment(many: Store, new: NewSpans, database: str) -> None:
    _fill(database, 300)
    blocks = many.lines()
    found = documents([next(blocks)])
    many.delete_all()
    many.save(rows_from([new.root(trace_id=1_000)]))

    found += documents(blocks)

    assert len(found) == 340
    assert len({UUID(document["id"]) for document in found}) == 340
    assert many.count() == 1


def test_writers_do_not_wait_for_a_reader(many: Store, new: NewSpans, database: str) -> None:
    _fill(database, 300)
    blocks = many.lines()
    next(blocks)

    with psycopg.connect(database, options="-c lock_timeout=1s") as connection:
        connection.execute("UPDATE image_traces SET updated_at = now()")
        connection.execute("DELETE FROM image_attempts")
    many.save(rows_from([new.root(trace_id=1_000)]))

    assert many.count() == 341
    blocks.close()


def test_a_reader_that_stops_leaves_nothing_behind(many: Store, database: str) -> None:
    _fill(database, 300)
    blocks = many.lines()
    next(blocks)
    blocks.close()

    with psycopg.connect(database) as connection:
        [(working,)] = connection.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
    assert working == 0
    assert many.count() == 340


def test_a_reader_that_waits_for_the_server_can_be_stopped(many: Store, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION image_attempt_text(attempt image_attempts) RETURNS text "
            "LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END'"
        )
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    with pytest.raises(DatabaseUnavailableError):
        next(many.lines(stop=stop))
    assert many.count() == 40


def test_ranges_leave_connections_to_others(many: Store, database: str) -> None:
    _fill(database, 300)
    readers = [many.lines() for _ in range(3)]
    for reader in readers[:2]:
        next(reader)

    with pytest.raises(DatabaseUnavailableError, match="all are reading other ranges"):
        next(readers[2])
    assert many.list(limit=1)
    for reader in readers:
        reader.close()


def test_one_connection_is_enough(database: str, many: Store) -> None:
    with Store(database, pool_size=1) as store:
        assert documents(store.lines()) == documents(many.lines())


def test_a_reader_may_move_between_threads(many: Store, database: str) -> None:
    _fill(database, 50)
    blocks = many.lines()
    found = [next(blocks)]
    thread = threading.Thread(target=lambda: found.extend(blocks))
    thread.start()
    thread.join(60)

    assert len(documents(found)) == 90


def test_a_server_that_ends_is_told_in_the_middle(many: Store, database: str) -> None:
    _fill(database, 300)
    blocks = many.lines()
    next(blocks)
    with psycopg.connect(database) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'image-tracing export'"
        )

    with pytest.raises(DatabaseUnavailableError):
        list(blocks)
    assert many.count() == 340
