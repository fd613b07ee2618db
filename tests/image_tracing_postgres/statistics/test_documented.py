"""Each figure is what docs/statistics.md says, by the SQL that stands there."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.image_tracing_postgres.conftest import NewSpans
from tests.image_tracing_postgres.statistics.documented import SQL, Documented, differences

from image_tracing_postgres import Store, rows_from

SECOND = 1_000_000_000
START = datetime(2025, 10, 24, 22, 0, tzinfo=UTC)
STOP = START + timedelta(days=4)
RANGES = [
    (START, STOP, "UTC"),
    (START + timedelta(minutes=7, seconds=3), STOP - timedelta(hours=1, microseconds=1), "Europe/Berlin"),
    (START + timedelta(days=1, hours=1), START + timedelta(days=1, hours=1, minutes=2), "Asia/Kathmandu"),
    (START, START + timedelta(hours=30), "Australia/Lord_Howe"),
]


def days_of(store: Store, new: NewSpans, *, seed: int, generations: int) -> None:
    """Generations of four days, as various as they come, each written in one go."""
    chance = random.Random(seed)
    spans: list[Any] = []
    for trace_id in range(1, generations + 1):
        at = int(START.timestamp()) * SECOND + chance.randrange(4 * 24 * 3600) * SECOND
        for number in range(1, chance.choice([1, 1, 2, 3]) + 1):
            failed = chance.choice([None, None, "too slow"])
            picture = [{"index": 0, "mime_type": "image/png", "dataSize": 1_000}] * chance.randrange(3)
            spans.append(
                new.attempt(
                    trace_id=trace_id,
                    span_id=10 + number,
                    number=number,
                    failed=failed,
                    request_model=chance.choice(["flux", "sdxl", "imagen", None]),
                    provider_name=chance.choice(["huggingface", "google", None]),
                    images=None if failed else json.dumps(picture),
                    start_time=at,
                    end_time=at + int(chance.lognormvariate(8, 2)) * 1_000_000,
                )
            )
            at += 3_000 * SECOND if chance.random() < 0.1 else 2 * SECOND
        end = chance.choice([None, at, at + 5 * SECOND])
        failed = chance.choice([None, None, "gave up"])
        spans.append(new.root(trace_id=trace_id, start_time=at - 10 * SECOND, end_time=end, failed=failed))
    for place in range(0, len(spans), 100):
        store.save(rows_from(spans[place : place + 100]))


@pytest.mark.parametrize(("start", "stop", "tz"), RANGES, ids=["days", "edges", "minutes", "half-hours"])
@pytest.mark.parametrize("bucket", ["minute", "hour", "day", "week", "month"])
def test_figures_are_those_of_the_documentation(
    database: str, store: Store, new: NewSpans, bucket: Any, start: datetime, stop: datetime, tz: str
) -> None:
    days_of(store, new, seed=1, generations=150)
    start = max(start, stop - timedelta(hours=20)) if bucket == "minute" else start

    found = store.stats(from_=start, to=stop, bucket=bucket, tz=tz).as_json()

    assert differences(found, database) == []


@pytest.mark.parametrize("tz", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_points_are_those_of_the_documentation(database: str, store: Store, new: NewSpans, tz: str) -> None:
    days_of(store, new, seed=2, generations=100)
    start, stop = START + timedelta(hours=3, minutes=1), STOP - timedelta(minutes=4)

    found = store.stats(from_=start, to=stop, bucket="day", tz=tz)

    points = [
        (point.start, point.generations, point.completed) for point in found.over_time if point.generations
    ]
    with psycopg.connect(database, row_factory=dict_row) as connection:
        documented = Documented(connection, start, stop, tz).rows("over_time")
    assert points == [(row["start"], row["generations"], row["completed"]) for row in documented]


def test_every_statement_of_the_documentation_is_compared() -> None:
    assert set(SQL) == {
        "generations",
        "time_to_picture_ms",
        "fallback_depth",
        "flow",
        "by_model",
        "duration_ms",
        "recovery",
        "outcomes",
        "by_error_class",
        "over_time",
    }
