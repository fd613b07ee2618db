"""Reading back, page by page and filter by filter, and deleting."""

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from image_tracing_postgres import (
    DatabaseUnavailableError,
    Filters,
    InvalidFilterError,
    SchemaMissingError,
    Store,
    Trace,
    rows_from,
)
from image_tracing_postgres.documents import document_from, trace_from

from .conftest import MORNING, SECOND, NewSpans


def _save(store: Store, new: NewSpans, count: int) -> None:
    """So many generations, a second apart, the first of them the oldest."""
    spans = []
    for n in range(1, count + 1):
        start = MORNING + n * SECOND
        spans.append(new.attempt(trace_id=n, start_time=start, end_time=start + SECOND))
        spans.append(
            new.root(trace_id=n, start_time=start, end_time=start + 2 * SECOND, lesson_id=f"lesson-{n}")
        )
    store.save(rows_from(spans))


def test_an_empty_store_has_an_empty_page(store: Store) -> None:
    page = store.list()

    assert (list(page), page.next_cursor) == ([], None)
    assert json.loads(store.list_json()) == {"traces": [], "next_cursor": None}


def test_pages_by_cursor_hold_every_trace_once_newest_first(store: Store, new: NewSpans) -> None:
    _save(store, new, 7)
    found: list[Trace] = []
    cursor = None
    while True:
        page = store.list(limit=3, cursor=cursor)
        found += page
        cursor = page.next_cursor
        if cursor is None:
            break

    assert [trace.lesson_id for trace in found] == [f"lesson-{n}" for n in range(7, 0, -1)]


def test_a_full_last_page_has_no_next(store: Store, new: NewSpans) -> None:
    _save(store, new, 4)

    assert store.list(limit=4).next_cursor is None
    assert store.list(limit=3).next_cursor is not None


def test_an_offset_passes_over_the_newest(store: Store, new: NewSpans) -> None:
    _save(store, new, 4)

    assert [trace.lesson_id for trace in store.list(limit=2, offset=1)] == ["lesson-3", "lesson-2"]


def test_traces_of_one_instant_are_paged_completely(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.root(trace_id=n) for n in range(1, 8)]))
    first = store.list(limit=4)

    assert len({trace.id for trace in [*first, *store.list(limit=4, cursor=first.next_cursor)]}) == 7


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "MjAyNQ", "bm90IGEgY3Vyc29y", "ü", "A" * 5_000])
def test_a_cursor_that_no_page_gave_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(InvalidFilterError, match="next_cursor"):
        store.list(cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 501, 2**70, True, "5", None])
def test_a_limit_outside_its_range_is_refused(store: Store, limit: object) -> None:
    with pytest.raises(InvalidFilterError, match="from 1 to 500"):
        store.list(limit=limit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"status": "lost"}, "started, completed, failed"),
        ({"error_class": "sad"}, "rate_limited"),
        ({"outcome": "fine"}, "no_image"),
        ({"from_": datetime(2025, 1, 1)}, "zone"),  # noqa: DTZ001 - that is the point
        ({"id": "five"}, "UUID"),
        ({"model": 5}, "text"),
        ({"q": "x" * 10_001}, "10000 characters"),
        ({"modell": "flux"}, "there is no filter 'modell'"),
    ],
)
def test_a_filter_outside_its_set_is_refused(store: Store, filters: Filters, message: str) -> None:
    with pytest.raises(InvalidFilterError, match=message):
        store.list(**filters)


@pytest.fixture
def filled(store: Store, new: NewSpans) -> Store:
    """Three generations: a completed one, a failed one and a started one."""
    store.save(
        rows_from(
            [
                new.attempt(trace_id=1, failed="slow", prompt="A lighthouse in the FOG, Zürich"),
                new.attempt(trace_id=1, span_id=3, number=2, request_model="sdxl", provider_name="fal_ai"),
                new.root(trace_id=1, lesson_id="one", request=json.dumps({"prompts": ["two Whales"]})),
                new.attempt(trace_id=2, outcome="refused", prompt="foggy", negative_prompt="blurry"),
                new.root(
                    trace_id=2,
                    lesson_id="two",
                    start_time=MORNING + 60 * SECOND,
                    end_time=MORNING + 61 * SECOND,
                ),
                new.attempt(trace_id=3, request_model="imagen", root=1, start_time=MORNING + 90 * SECOND),
            ]
        )
    )
    return store


@pytest.mark.parametrize(
    ("filters", "lessons"),
    [
        ({"status": "completed"}, ["one"]),
        ({"status": "failed"}, ["two"]),
        ({"model": "flux"}, ["two", "one"]),
        ({"model": "FLUX"}, []),
        ({"model": "flu"}, []),
        ({"served_by": "sdxl"}, ["one"]),
        ({"served_by": "flux"}, []),
        ({"models_tried": 2}, ["one"]),
        ({"models_tried": 1}, ["two"]),
        ({"models_tried": 0}, []),
        ({"least_models_tried": 1}, ["two", "one"]),
        ({"least_models_tried": 2}, ["one"]),
        ({"provider": "fal_ai"}, ["one"]),
        ({"provider": "huggingface", "status": "completed"}, ["one"]),
        ({"lesson_id": "two"}, ["two"]),
        ({"service": "lessons", "status": "failed"}, ["two"]),
        ({"error_class": "timeout"}, ["one"]),
        ({"error_class": "refused"}, ["two"]),
        ({"outcome": "refused"}, ["two"]),
        ({"q": "fog"}, ["one"]),
        ({"q": "fog lighthouse"}, ["one"]),
        ({"q": "whales FOG"}, ["one"]),
        ({"q": "zürich"}, ["one"]),
        ({"q": "ZÜRICH"}, ["one"]),
        ({"q": "blurry"}, ["two"]),
        ({"q": "fog blurry"}, []),
        ({"q": "ligh"}, []),
        ({"q": "%"}, ["two", "one"]),
        ({"q": "prompts"}, []),
        ({"from_": datetime.fromtimestamp(MORNING / SECOND + 60, UTC), "status": "failed"}, ["two"]),
        ({"to": datetime.fromtimestamp(MORNING / SECOND + 60, UTC)}, ["one"]),
        ({"from_": datetime(9999, 12, 31, tzinfo=UTC)}, []),
        ({"to": datetime(1, 1, 1, tzinfo=UTC)}, []),
        ({"lesson_id": "", "status": "failed"}, ["two"]),
        ({"lesson_id": "\0'; DROP TABLE image_traces; --"}, []),
    ],
)
def test_a_filter_finds_what_it_means(filled: Store, filters: Filters, lessons: list[str]) -> None:
    found = [trace.lesson_id for trace in filled.list(**filters) if trace.status != "started"]

    assert found == lessons
    assert [trace.lesson_id for trace in filled.iter(**filters) if trace.status != "started"] == lessons


def test_a_word_with_the_hash_of_another_does_not_find_it(store: Store, new: NewSpans) -> None:
    # crc32 of "w:" and either of these is the same.
    one, other = "aspjwwk", "rnrsgud"
    store.save(
        rows_from([new.attempt(trace_id=n, prompt=one) for n in range(1, 6)] + [new.attempt(prompt=other)])
    )

    assert len(store.list(q=one, limit=3)) == 3
    assert len(store.list(q=one)) == 5
    assert len(store.list(q=other)) == 1


def test_one_trace_is_found_by_its_id(filled: Store) -> None:
    [trace] = filled.list(lesson_id="one")

    assert filled.get(trace.id) == trace
    assert filled.get(str(trace.id)) == trace
    assert list(filled.list(id=trace.id)) == [trace]
    assert filled.get(uuid.uuid4()) is None


def test_the_document_of_a_trace_is_the_json_of_the_store(filled: Store) -> None:
    for trace in filled.iter():
        document = json.loads(filled.get_json(trace.id) or "")

        assert document_from(trace) == document
        assert list(document_from(trace)) == list(document)
        assert trace_from(document) == trace


def test_times_are_utc_with_a_z(filled: Store) -> None:
    [trace] = filled.list(lesson_id="one")
    document = json.loads(filled.get_json(trace.id) or "")

    assert (document["created_at"], document["completed_at"]) == (
        "2025-10-26T10:30:00Z",
        "2025-10-26T10:30:10Z",
    )
    assert trace.created_at.utcoffset() == timedelta(0)


def test_the_request_of_an_attempt_is_put_together_from_its_columns(filled: Store) -> None:
    [trace] = filled.list(lesson_id="two")

    assert trace.attempts[0].request == {
        "prompt": "foggy",
        "negative_prompt": "blurry",
        "model": "flux",
        "options": {"steps": 4},
    }


def test_a_started_trace_is_stalled_after_its_time(database: str, new: NewSpans) -> None:
    with (
        Store(database, stalled_after_seconds=3_600) as patient,
        Store(database, stalled_after_seconds=1) as hasty,
    ):
        recent = (datetime.now(UTC).timestamp() - 60) * SECOND
        patient.save(rows_from([new.attempt(start_time=int(recent), end_time=int(recent))]))

        assert [trace.is_stalled for trace in patient.list()] == [False]
        assert [trace.is_stalled for trace in hasty.list()] == [True]


def test_a_trace_knows_its_neighbours(store: Store, new: NewSpans) -> None:
    _save(store, new, 3)
    newest, middle, oldest = (trace.id for trace in store.list())

    assert (store.neighbours(middle).newer, store.neighbours(middle).older) == (newest, oldest)
    assert (store.neighbours(newest).newer, store.neighbours(oldest).older) == (None, None)
    assert store.neighbours(uuid.uuid4()).newer is None


def test_choices_are_what_is_there_sorted(filled: Store) -> None:
    choices = filled.choices()

    assert choices.models == ("flux", "imagen", "sdxl")
    assert (choices.providers, choices.services) == (("fal_ai", "huggingface"), ("lessons",))


def test_a_change_is_told_once_it_is_written(store: Store, new: NewSpans) -> None:
    before = datetime.now(UTC)
    store.save(rows_from([new.attempt()]))
    [first] = store.changes(before)
    store.save(rows_from([new.root()]))

    [second] = store.changes(first.updated_at)
    assert (first.status, second.status, second.id) == ("started", "completed", first.id)
    assert store.changes(second.updated_at) == []


def test_a_writer_wakes_who_waits(store: Store, new: NewSpans) -> None:
    assert store.wait_for_change(0.01) is False
    heard: list[bool] = []
    waiting = threading.Thread(target=lambda: heard.append(store.wait_for_change(30)))
    waiting.start()
    while waiting.is_alive():
        store.save(rows_from([new.attempt()]))
        waiting.join(0.05)

    assert heard == [True]


def test_waiting_ends_when_the_store_is_closed(store: Store) -> None:
    waiting = threading.Thread(target=lambda: store.wait_for_change(60))
    waiting.start()
    while waiting.is_alive():
        store.close()
        waiting.join(0.1)


def test_a_deleted_trace_is_gone_with_its_attempts(filled: Store, database: str) -> None:
    [trace] = filled.list(lesson_id="one")

    assert (filled.delete(trace.id), filled.delete(trace.id)) == (True, False)
    assert filled.get(trace.id) is None
    with psycopg.connect(database) as connection:
        left = connection.execute(
            "SELECT count(*) FROM image_attempts WHERE trace_id = %s", (trace.id,)
        ).fetchone()
    assert left == (0,)


def test_deleting_all_tells_how_many_there_were(filled: Store) -> None:
    assert (filled.delete_all(), filled.delete_all()) == (3, 0)
    assert (list(filled.list()), filled.attempts()) == ([], [])


def test_deleting_all_does_not_wait_for_a_reader_for_ever(filled: Store, database: str) -> None:
    with psycopg.connect(database) as reader:
        reader.execute("SELECT * FROM image_traces")

        assert filled.delete_all() == 3


def test_no_half_trace_is_left_when_all_is_deleted_under_a_writer(
    store: Store, database: str, new: NewSpans
) -> None:
    stop = threading.Event()

    def write() -> None:
        with Store(database) as writer:
            while not stop.is_set():
                _save(writer, new, 20)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _ in range(5):
            store.delete_all()
            with psycopg.connect(database) as connection:
                orphans = connection.execute(
                    "SELECT count(*) FROM image_attempts a"
                    " WHERE NOT EXISTS (SELECT FROM image_traces t WHERE t.id = a.trace_id)"
                ).fetchone()
            assert orphans == (0,)
    finally:
        stop.set()
        writing.join()


def test_a_missing_schema_names_the_command(empty_database: str) -> None:
    with Store(empty_database) as store, pytest.raises(SchemaMissingError, match="image-tracing migrate"):
        store.list()


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with (
        Store("host=127.0.0.1 port=9 user=me password=hunter2 dbname=traces") as store,
        pytest.raises(DatabaseUnavailableError) as caught,
    ):
        store.list()

    assert "database 'traces' on 127.0.0.1:9" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(database: str) -> None:
    with (
        Store(make_conninfo(database, dbname="nowhere")) as store,
        pytest.raises(DatabaseUnavailableError, match='database "nowhere" does not exist'),
    ):
        store.list()


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:/u:hunter2@h/db",
        "postgresql://u:hunter2%zz@h/db",
        "postgresql://u:hun@hunter2@nowhere.invalid/db",
    ],
)
def test_an_address_that_cannot_be_read_is_told_without_the_password(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(dsn) as store, pytest.raises(DatabaseUnavailableError) as caught:
        store.list()

    assert "hunter2" not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None


def test_a_store_recovers_when_its_connections_were_ended(filled: Store, database: str) -> None:
    filled.list()
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    answers = []
    for _ in range(10):
        try:
            answers.append(len(filled.list()))
        except DatabaseUnavailableError:
            continue

    assert answers[-1] == 3


def test_a_slow_statement_is_ended(database: str) -> None:
    with (
        Store(database, statement_timeout_seconds=0.2) as store,
        pytest.raises(DatabaseUnavailableError, match="time limit"),
        store._connections.transaction() as sql,
    ):
        sql.execute("SELECT pg_sleep(30)")


def test_reading_needs_no_right_to_write(filled: Store, database: str) -> None:
    with Store(make_conninfo(database, options="-c default_transaction_read_only=on")) as reader:
        assert (len(reader.list()), len(reader.choices().models), len(list(reader.iter(q="fog")))) == (
            3,
            3,
            1,
        )
