"""The weeks before the demo began, as its dashboard tells them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from image_tracing_postgres.statistics.figures import Statistics
from image_tracing_postgres.store import Store
from image_tracing_viewer.demo.past import DAYS, remember, spans_of

NOW = datetime(2025, 11, 5, 10, 32, tzinfo=UTC)


@pytest.fixture(scope="module")
def spans() -> Sequence[ReadableSpan]:
    return spans_of(NOW)


@pytest.fixture
def statistics(store: Store) -> Statistics:
    """The last two weeks of what is remembered."""
    remember(store, NOW, days=14)
    return store.stats(from_=NOW - timedelta(days=15), to=NOW)


def test_two_ranges_of_thirty_days_are_full_and_today_is_left_to_the_demo(
    spans: Sequence[ReadableSpan],
) -> None:
    days = {
        datetime.fromtimestamp(span.start_time / 1e9, UTC).date()
        for span in spans
        if span.start_time is not None
    }

    assert days == {(NOW - timedelta(days=days_ago)).date() for days_ago in range(1, DAYS + 1)}


def test_the_same_day_remembers_the_same_stories(spans: Sequence[ReadableSpan]) -> None:
    again = spans_of(NOW + timedelta(hours=3))

    assert [(span.name, span.start_time, span.end_time) for span in again] == [
        (span.name, span.start_time, span.end_time) for span in spans
    ]


def test_what_is_remembered_becomes_rows_and_statistics(statistics: Statistics) -> None:
    total = statistics.total

    assert total.generations > 100
    assert total.completed > total.failed > 0
    assert total.started == 0
    assert total.fallbacks > total.recovered > 0
    assert total.images > 100
    assert len(statistics.by_model) == 5


def test_a_model_was_taken_away_and_another_ones_credits_ran_out(statistics: Statistics) -> None:
    found = {figures.model: figures for figures in statistics.by_model}

    assert found["runwayml/stable-diffusion-v1-5"].succeeded == 0
    assert found["stabilityai/stable-diffusion-3.5-large"].error_classes["quota"] > 10


def test_every_failure_has_its_class_and_its_words(store: Store, statistics: Statistics) -> None:
    failed = [attempt for trace in store.iter() for attempt in trace.attempts if not attempt.success]

    assert len(failed) > 50
    assert all(attempt.error and attempt.error_class != "unknown" for attempt in failed)
