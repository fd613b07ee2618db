"""One try at a time: what is stored, what is refused, and what kind of failure the rest waits for."""

from collections.abc import Iterator
from math import inf
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from psycopg import sql
from psycopg.conninfo import make_conninfo

from image_tracing_migrations import migrations
from image_tracing_postgres import Store
from image_tracing_postgres.failures import Kind, kind_of
from image_tracing_postgres.migrate import migrate
from image_tracing_postgres.writer import WriteError, Writer

from .conftest import NewSpans


class Refused(list[tuple[ReadableSpan, str | None, str]]):
    """The spans that a writer refused, with SQLSTATE and reason."""

    def __call__(self, span: ReadableSpan, sqlstate: str | None, reason: str) -> None:
        self.append((span, sqlstate, reason))


@pytest.fixture
def refused() -> Refused:
    return Refused()


@pytest.fixture
def writer(database: str) -> Iterator[Writer]:
    writer = Writer(database, migrate=False)
    yield writer
    writer.close()


def _failure(writer: Writer, spans: list[ReadableSpan], *, seconds: float = 5) -> WriteError:
    with pytest.raises(WriteError) as raised:
        writer.write(spans, deadline=monotonic() + seconds, refuse=Refused())
    writer.close()
    return raised.value


def _poison(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE image_attempts ADD CHECK (prompt <> 'poison')")


def test_spans_of_pictures_are_stored_and_counted(
    writer: Writer, store: Store, new: NewSpans, refused: Refused
) -> None:
    spans = [new.attempt(), new.root(), new.root(role=None, scope="requests", operation_name="chat")]

    assert [writer.write(spans, deadline=inf, refuse=refused) for _ in range(2)] == [2, 2]
    assert (len(store.list()), refused) == (1, [])


def test_nothing_is_connected_for_no_spans(refused: Refused) -> None:
    assert Writer("host=127.0.0.1 port=9", migrate=False).write([], deadline=inf, refuse=refused) == 0


def test_poison_is_found_among_thousands(
    writer: Writer, store: Store, new: NewSpans, refused: Refused, database: str
) -> None:
    _poison(database)
    spans = [new.root(trace_id=n) for n in range(1, 3_001)]
    poison = [new.attempt(trace_id=n, prompt="poison") for n in (17, 2_000, 2_001)]
    for place, span in zip((0, 1_500, 3_002), poison, strict=True):
        spans.insert(place, span)

    assert writer.write(spans, deadline=inf, refuse=refused) == 3_000
    assert [(span, sqlstate) for span, sqlstate, _ in refused] == [(span, "23514") for span in poison]
    assert len(list(store.iter())) == 3_000


def test_a_span_that_cannot_be_read_is_refused(writer: Writer, new: NewSpans, refused: Refused) -> None:
    strange = new.attempt(span_id=9, outcome=None)
    strange._status = None  # type: ignore[assignment]

    assert writer.write([strange, new.root()], deadline=inf, refuse=refused) == 1
    assert refused == [(strange, None, "it cannot be read: AttributeError")]


def test_a_database_that_is_away_is_unavailable(new: NewSpans) -> None:
    spans = [new.root()]
    error = _failure(Writer("host=127.0.0.1 port=9 password=hunter2", migrate=False), spans)

    assert (error.kind, error.stored, error.left) == ("unavailable", 0, spans)
    assert "connection refused" in str(error)
    assert "hunter2" not in str(error)


def test_missing_tables_are_told_and_the_connection_is_kept(
    empty_database: str, new: NewSpans, refused: Refused
) -> None:
    writer = Writer(empty_database, migrate=False)
    with pytest.raises(WriteError, match="image-tracing migrate") as raised:
        writer.write([new.root()], deadline=inf, refuse=refused)
    migrate(empty_database)

    assert raised.value.kind == "schema"
    assert writer.write([new.root()], deadline=inf, refuse=refused) == 1
    writer.close()


def test_an_interruption_waits_for_the_migration_that_knows_it(
    empty_database: str, new: NewSpans, refused: Refused
) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute(migrations()[0].text.encode())
    spans = [new.root(end_time=None, is_interrupted=True)]
    writer = Writer(empty_database, migrate=False)
    writer.write([new.root(trace_id=1)], deadline=inf, refuse=refused)

    assert _failure(writer, spans).kind == "schema"
    migrate(empty_database)
    assert writer.write(spans, deadline=inf, refuse=refused) == 1
    writer.close()


def test_it_migrates_when_told(empty_database: str, new: NewSpans, refused: Refused) -> None:
    writer = Writer(empty_database, migrate=True)

    assert writer.write([new.root()], deadline=inf, refuse=refused) == 1
    writer.close()


def test_a_data_directory_of_another_version_is_impossible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: NewSpans
) -> None:
    version = tmp_path / "postgres" / "cluster" / "PG_VERSION"
    version.parent.mkdir(parents=True)
    version.write_text("12\n")
    monkeypatch.delenv("IMAGE_TRACING_DATABASE_URL", raising=False)
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))

    assert _failure(Writer(None, migrate=False), [new.root()]).kind == "impossible"


def test_a_folder_that_cannot_be_made_blames_no_span(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: NewSpans
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("IMAGE_TRACING_DATABASE_URL", raising=False)
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path / "file" / "folder"))

    assert _failure(Writer(None, migrate=False), [new.root()]).kind == "impossible"


def test_a_newer_schema_is_impossible(database: str, new: NewSpans) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO image_tracing_migrations (version, name) VALUES (9999, 'later')")

    assert _failure(Writer(database, migrate=True), [new.root()]).kind == "impossible"


@pytest.mark.parametrize("table", ["image_traces", "image_attempts"])
def test_a_lock_that_lasts_cancels_and_leaves_nobody_waiting(
    database: str, writer: Writer, new: NewSpans, table: str
) -> None:
    with psycopg.connect(database) as other:
        other.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        error = _failure(writer, [new.attempt()], seconds=0.5)
        waiting = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        ).fetchall()

    assert (error.kind, waiting) == ("canceled", [(0,)])
    assert "within the time limit" in str(error)


def test_a_failure_among_halves_tells_what_is_left(
    writer: Writer, new: NewSpans, refused: Refused, database: str
) -> None:
    """A writer that a poison span slows down goes on where it stopped, else it would never come to an end."""
    _poison(database)
    spans = [new.attempt(prompt="poison"), *(new.root(trace_id=n) for n in range(1, 8))]

    def refuse_late(span: ReadableSpan, sqlstate: str | None, reason: str) -> None:
        refused(span, sqlstate, reason)
        writer.hurry(monotonic())

    with pytest.raises(WriteError) as raised:
        writer.write(spans, deadline=inf, refuse=refuse_late)

    assert (raised.value.kind, raised.value.left) == ("unavailable", spans[1:])
    assert writer.write(raised.value.left, deadline=inf, refuse=refused) == 7
    assert len(refused) == 1


def test_a_role_without_any_right_has_to_be_granted_it(database: str, new: NewSpans) -> None:
    error = _failure(
        Writer(make_conninfo(database, options="-c role=pg_monitor"), migrate=False), [new.root()]
    )

    assert error.kind == "unavailable"
    assert "permission denied" in str(error)


STATES: dict[Kind, list[str]] = {
    "poison": ["22P02", "22021", "23514", "23505", "54000", "54001", "P0001"],
    "schema": ["42P01", "42703", "42883"],
    "canceled": ["57014"],
    "unavailable": [
        "08006", "25006", "28P01", "28000", "40001", "40P01", "42501", "53100", "53300", "55P03", "57P01",
        "57P03", "58030", "XX000",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "state"), [(kind, s) for kind, states in STATES.items() for s in states])
def test_the_sqlstate_decides_what_is_tried_again(kind: Kind, state: str) -> None:
    assert kind_of(psycopg.errors.lookup(state)()) == kind


@pytest.mark.parametrize("error", [MemoryError(), OSError(), psycopg.OperationalError()])
def test_what_the_client_lacks_is_no_fault_of_a_span(error: Exception) -> None:
    assert kind_of(error) == "unavailable"
