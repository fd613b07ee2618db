from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.image_tracing_viewer.charts.conftest import StatisticsFactory

from image_tracing_postgres.statistics.figures import Bucket, Statistics
from image_tracing_viewer.charts.timeline import Target, Timeline

TimelineFactory = Callable[[Statistics], Timeline]


@pytest.mark.parametrize(
    ("bucket", "number", "labels"),
    [
        ("minute", 60, ["00:00", "00:10", "00:20", "00:30", "00:40", "00:50"]),
        ("hour", 24, ["3 Nov", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]),
        ("hour", 168, ["3 Nov", "4 Nov", "5 Nov", "6 Nov", "7 Nov", "8 Nov", "9 Nov"]),
        ("day", 5, ["3 Nov", "4 Nov", "5 Nov", "6 Nov", "7 Nov"]),
        ("day", 30, ["3 Nov", "10 Nov", "17 Nov", "24 Nov", "1 Dec"]),
        ("day", 90, ["15 Nov", "1 Dec", "15 Dec", "1 Jan", "15 Jan"]),
    ],
)
def test_an_axis_of_time_has_a_few_labels_at_round_times(
    statistics: StatisticsFactory, timeline: TimelineFactory, bucket: Bucket, number: int, labels: list[str]
) -> None:
    found = timeline(statistics(*[{}] * number, bucket=bucket)).ticks

    assert [tick.label for tick in found] == labels
    assert [tick.is_minor for tick in found] == [place % 2 == 1 for place in range(len(labels))]


@pytest.mark.parametrize(
    ("bucket", "tz", "name"),
    [
        ("minute", "UTC", "2025-11-03 00:01"),
        ("hour", "Europe/Berlin", "2025-11-03 02:00"),
        ("day", "UTC", "Tue 2025-11-04"),
    ],
)
def test_a_bucket_is_called_by_its_beginning_in_its_zone(
    statistics: StatisticsFactory, timeline: TimelineFactory, bucket: Bucket, tz: str, name: str
) -> None:
    assert timeline(statistics({}, {}, bucket=bucket, tz=tz)).name(1) == name


def test_a_bucket_leads_to_its_list_under_the_filters_of_the_page(
    statistics: StatisticsFactory, timeline: TimelineFactory
) -> None:
    found = timeline(statistics({}, {}))

    assert found.link(1, status="failed") == (
        "/traceImage?provider=fal&status=failed&from=2025-11-04T00:00:00Z&to=2025-11-05T00:00:00Z"
    )


def test_a_filter_of_a_mark_replaces_that_of_the_page(target: Target) -> None:
    now = datetime(2025, 11, 3, tzinfo=UTC)

    href = target.list_of(now, now + timedelta(hours=1), provider="other", model=None)

    assert href == "/traceImage?provider=other&from=2025-11-03T00:00:00Z&to=2025-11-03T01:00:00Z"
