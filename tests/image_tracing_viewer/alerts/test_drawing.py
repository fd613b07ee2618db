"""The chart of an alert, for channels that take pictures."""

import time
from typing import Any

import psycopg
import pytest
from tests.image_tracing_viewer.alerts.test_service import entry_of

from image_tracing_postgres.alerting import Rule
from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.errors import DatabaseUnavailableError
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app
from image_tracing_viewer.alerts.drawing import Drawing
from image_tracing_viewer.links import links_in

FILTERED: Any = {"model": "flux"}


@pytest.mark.parametrize(
    "rule", [PRESETS[0], Rule("mine", "Mine", "silence", filters=FILTERED)], ids=lambda rule: rule.id
)
def test_a_database_at_a_standstill_holds_up_no_text(store: Store, database: str, rule: Rule) -> None:
    draw = Drawing(store, links_in(create_app(store, token="", ingest_token="")))
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE image_traces IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            draw(entry_of(rule), rule)

    # The text waits for it; asked without a limit of its own, the database has twenty seconds.
    assert time.monotonic() - began < 10
