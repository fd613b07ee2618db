"""What is told of changes: whatever anybody says, however much, and a lot of it at once."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.image_tracing_postgres.conftest import MORNING, SECOND, NewSpans

from image_tracing_postgres import Store, rows_from

CREATED_AT = datetime(2025, 10, 26, 10, 30, tzinfo=UTC)
TOLD = "SELECT count(*), max(cardinality(slots)) FROM image_summary_changes"


@pytest.mark.parametrize(
    "slots", ["{}", "{NULL}", "{infinity,-infinity}", "{2025-10-26 10:32:30Z}", "{2025-10-26 10:27:30Z}"]
)
def test_nothing_that_is_told_makes_figures_wrong(
    database: str, store: Store, new: NewSpans, slots: str
) -> None:
    store.save(rows_from([new.attempt(), new.root()]))
    assert store.refresh_stats()
    with psycopg.connect(database, autocommit=True) as anybody:
        for _ in range(3):
            anybody.execute("SELECT image_summary_tell(gen_random_uuid(), %s::timestamptz[])", (slots,))

    assert store.refresh_stats()
    found = store.stats(from_=CREATED_AT - timedelta(hours=1), to=CREATED_AT + timedelta(hours=1))
    assert (found.total.generations, found.total.attempts) == (1, 1)


def test_all_that_tell_of_the_same_five_minutes_are_taken_at_once(database: str, store: Store) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT image_summary_tell(gen_random_uuid(), ARRAY['2025-10-26 10:30Z'::timestamptz]) "
            "FROM generate_series(1, 5000)"
        )

        # Without any time a single step is made.
        store.refresh_stats(seconds=0)

        assert connection.execute(TOLD).fetchone() == (0, None)


def test_very_many_changes_of_a_transaction_are_told_in_parts(
    database: str, store: Store, new: NewSpans
) -> None:
    times = [MORNING + hour * 3_600 * SECOND for hour in range(100)]

    store.save(rows_from([new.root(trace_id=1 + at, start_time=at, end_time=at + SECOND) for at in times]))

    with psycopg.connect(database) as connection:
        assert connection.execute(TOLD).fetchone() == (3, 48)


@pytest.mark.parametrize(("q", "number"), [("red", 1), ("夕焼け", 1), ("красный", 0), ("!", 2)])
def test_a_search_counts_the_attempts_of_what_it_finds(
    store: Store, new: NewSpans, q: str, number: int
) -> None:
    for trace_id, prompt in ((1, "a red fjord"), (2, "夕焼け")):
        store.save(rows_from([new.attempt(trace_id=trace_id, prompt=prompt), new.root(trace_id=trace_id)]))

    total = store.stats(q=q, from_=CREATED_AT - timedelta(days=1)).total

    assert (total.generations, total.attempts) == (number, number)
