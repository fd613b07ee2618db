"""Statistics for roles and servers that may do less than the tables' owner, and beside others at work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from tests.image_tracing_postgres.conftest import NewSpans
from tests.image_tracing_postgres.statistics.documented import differences

from image_tracing_postgres import DatabaseUnavailableError, Store, rows_from
from image_tracing_postgres.connection import BoundedConnection
from image_tracing_postgres.merge import save
from image_tracing_postgres.statistics.ranges import range_of
from image_tracing_postgres.statistics.reading import keep_sums

SECOND = 1_000_000_000
START = datetime(2025, 10, 26, tzinfo=UTC)
STOP = START + timedelta(days=2)
ROWS = ("image_traces", "image_attempts")
SUMS = ("image_summary_changes", "image_generation_summaries", "image_attempt_summaries")

NewRole = Callable[..., str]


@pytest.fixture
def new_role(database: str) -> Iterator[NewRole]:
    """Makes a role that may read these tables, past Row Level Security or not, and gives its conninfo."""
    with psycopg.connect(database, autocommit=True) as owner, _roles(owner) as made:

        def new(*tables: str, bypasses: bool = True, rights: str = "SELECT") -> str:
            name = f"reader_{uuid4().hex}"
            role = sql.Identifier(name)
            owner.execute(sql.SQL("CREATE ROLE {}").format(role))
            made.append(name)
            if bypasses:
                owner.execute(sql.SQL("ALTER ROLE {} BYPASSRLS").format(role))
            for table in tables:
                grant = sql.SQL("GRANT {} ON {} TO {}")
                owner.execute(grant.format(sql.SQL(rights), sql.Identifier(table), role))
            return make_conninfo(database, options=f"-c role={name}")

        yield new


@contextmanager
def _roles(owner: psycopg.Connection[Any]) -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for name in made:
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _some(store: Store, new: NewSpans, *, first: int = 1, hours: int = 20) -> None:
    """A generation an hour, each in five minutes of its own."""
    for hour in range(hours):
        at = int((START + timedelta(hours=hour)).timestamp()) * SECOND
        attempt = new.attempt(trace_id=first + hour, start_time=at, end_time=at + (hour + 1) * SECOND)
        store.save(
            rows_from([attempt, new.root(trace_id=first + hour, start_time=at, end_time=at + 30 * SECOND)])
        )


def _assert_right(database: str, asking: str) -> None:
    with Store(asking) as store:
        for _ in range(2):
            found = store.stats(from_=START, to=STOP, bucket="hour").as_json()
            assert differences(found, database, points=3) == []


@pytest.mark.parametrize("tables", [ROWS, (*ROWS, *SUMS)], ids=["the rows", "the rows and sums"])
@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "changed"])
def test_a_role_that_may_only_read_gets_the_same_figures(
    database: str, store: Store, new: NewSpans, new_role: NewRole, tables: tuple[str, ...], is_kept: bool
) -> None:
    _some(store, new)
    if is_kept:
        store.stats(from_=START, to=STOP, bucket="hour")

    _assert_right(database, new_role(*tables))


def test_a_role_that_may_only_read_counts_what_came_after_the_sums(
    database: str, store: Store, new: NewSpans, new_role: NewRole
) -> None:
    _some(store, new)
    store.stats(from_=START, to=STOP, bucket="hour")
    _some(store, new, first=100, hours=30)

    _assert_right(database, new_role(*ROWS, *SUMS))


def test_a_role_gets_the_figures_of_the_rows_that_it_may_see(
    database: str, store: Store, new: NewSpans, new_role: NewRole
) -> None:
    _some(store, new)
    store.stats(from_=START, to=STOP)
    asking = new_role(*ROWS, *SUMS, bypasses=False)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("CREATE POLICY early ON image_traces USING (created_at < '2025-10-26 05:00Z')")
        owner.execute("CREATE POLICY early ON image_attempts USING (started_at < '2025-10-26 05:00Z')")

    with Store(asking) as other:
        total = other.stats(from_=START, to=STOP).total
    assert (total.generations, total.attempts) == (5, 5)


def test_sums_that_a_role_may_not_see_are_not_missed(
    database: str, store: Store, new: NewSpans, new_role: NewRole
) -> None:
    _some(store, new)
    store.stats(from_=START, to=STOP)
    asking = new_role(*ROWS, *SUMS, bypasses=False)
    with psycopg.connect(database, autocommit=True) as owner:
        for table in ROWS:
            owner.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))

    _assert_right(database, asking)


def test_who_sees_some_rows_only_never_writes_their_sums(
    database: str, store: Store, new: NewSpans, new_role: NewRole
) -> None:
    _some(store, new)
    asking = new_role(*ROWS, *SUMS, bypasses=False, rights="ALL")
    with psycopg.connect(database, autocommit=True) as owner:
        for table in (*ROWS, *SUMS):
            limit = sql.SQL("CREATE POLICY early ON {} USING ({})")
            condition = sql.SQL("created_at < '2025-10-26 05:00Z'" if table == "image_traces" else "true")
            owner.execute(limit.format(sql.Identifier(table), condition))

    with Store(asking) as other:
        assert not other.refresh_stats()
        with pytest.raises(DatabaseUnavailableError, match="does not let this role change them"):
            other.rebuild_stats()
    _assert_right(database, database)


def test_a_database_that_is_only_read_gives_the_same_figures(
    database: str, store: Store, new: NewSpans
) -> None:
    _some(store, new)
    standby = make_conninfo(database, options="-c default_transaction_read_only=on")

    _assert_right(database, standby)


def test_what_is_written_before_a_commit_counts_after_it(database: str, store: Store, new: NewSpans) -> None:
    """Its transaction began before sums of the same five minutes were kept, and ends after."""
    at = int(START.timestamp()) * SECOND
    spans = [new.attempt(trace_id=500, start_time=at), new.root(trace_id=500, start_time=at)]
    with psycopg.connect(database) as late:
        late.execute("SELECT pg_current_xact_id()")
        late.execute(_A_TRACE, {"at": START})
        _some(store, new)
        store.save(rows_from(spans))
        assert store.refresh_stats()
        assert store.stats(from_=START, to=STOP).total.generations == 21
        late.commit()

    assert store.stats(from_=START, to=STOP).total.generations == 22
    _assert_right(database, database)


_A_TRACE = """
WITH told AS (SELECT image_summary_tell(gen_random_uuid(), ARRAY[%(at)s::timestamptz]))
INSERT INTO image_traces (id, created_at, updated_at, status, otel_trace_id, otel_span_id, root_state)
SELECT gen_random_uuid(), %(at)s, %(at)s, 'started', '', '', 'absent' FROM told
"""


def test_nobody_waits_for_who_computes_sums(database: str, store: Store, new: NewSpans) -> None:
    _some(store, new)
    with psycopg.connect(database) as other:
        other.execute("SELECT pg_advisory_xact_lock(7103926481530114)")

        assert not store.refresh_stats()
        _assert_right(database, database)


def test_sums_are_kept_whatever_isolation_is_the_default(database: str, store: Store, new: NewSpans) -> None:
    _some(store, new)
    strict = make_conninfo(database, options="-c default_transaction_isolation=serializable")

    with Store(strict) as other:
        assert other.refresh_stats(seconds=60)
    _assert_right(database, strict)


def test_a_rebuild_makes_right_what_sql_changed_and_says_how_far_it_is(
    database: str, store: Store, new: NewSpans
) -> None:
    _some(store, new)
    store.stats(from_=START, to=STOP)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("UPDATE image_attempts SET model = 'other' WHERE started_at < '2025-10-26 05:00Z'")
    shares: list[float] = []

    store.rebuild_stats(tell=shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    _assert_right(database, database)


def test_sums_that_take_too_long_are_kept_in_parts(database: str, store: Store, new: NewSpans) -> None:
    _some(store, new)
    assert store.refresh_stats(seconds=60)
    asked = range_of(START, STOP, bucket="hour", tz="Asia/Kathmandu", now=STOP)
    parts = 0
    with psycopg.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        while not keep_sums(cursor, asked, until=0.0):
            parts += 1

    assert parts > 1
    _assert_right(database, database)


def test_a_writer_needs_no_right_to_the_sums(database: str, modest_role: str, new: NewSpans) -> None:
    with BoundedConnection.connect(modest_role, autocommit=True) as connection:
        save(connection, rows_from([new.attempt(), new.root()]))

    _assert_right(database, database)
