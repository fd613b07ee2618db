"""What writers changed is computed while nobody asks."""

import time

import psycopg
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_postgres.store import Store
from image_tracing_viewer.freshness import Freshness


def changes(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT count(*) FROM image_summary_changes").fetchone()
    assert row is not None
    return int(row[0])


def test_what_changed_is_computed_while_nobody_asks(database: str, rows: Rows) -> None:
    rows.add()
    assert changes(database) > 0

    with Store(database) as store:
        freshness = Freshness(store, interval_seconds=0.05)
        freshness.start()
        deadline = time.monotonic() + 60
        while changes(database):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        freshness.close()
