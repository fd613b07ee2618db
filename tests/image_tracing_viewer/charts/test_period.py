from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import QueryParams

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.statistics.zones import zone_of
from image_tracing_viewer.charts.period import PRESETS, Period, coarser, localized, period_from

NOW = datetime(2025, 11, 5, 10, 32, 7, tzinfo=UTC)


def period(now: datetime = NOW, /, **values: str) -> Period:
    values = {name.rstrip("_"): value for name, value in values.items()}
    return period_from(dict(localized(QueryParams(values), zone_of(values.get("tz", "UTC")))), now)


def span(found: Period) -> str:
    return f"{found.from_:%Y-%m-%d %H:%M} to {found.to:%Y-%m-%d %H:%M} by {found.bucket}"


def elapsed(range_: tuple[datetime, datetime]) -> timedelta:
    """The time that really passes, whatever the clocks on the wall do meanwhile."""
    from_, to = (moment.astimezone(UTC) for moment in range_)
    return to - from_


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "2025-10-07 00:00 to 2025-11-06 00:00 by day"),
        ({"range": "1h"}, "2025-11-05 09:33 to 2025-11-05 10:33 by minute"),
        ({"range": "24h"}, "2025-11-04 11:00 to 2025-11-05 11:00 by hour"),
        ({"range": "7d"}, "2025-10-29 11:00 to 2025-11-05 11:00 by hour"),
        ({"range": "90d"}, "2025-08-08 00:00 to 2025-11-06 00:00 by day"),
        ({"range": "90d", "bucket": "week"}, "2025-08-11 00:00 to 2025-11-10 00:00 by week"),
        ({"range": "90d", "bucket": "month"}, "2025-09-01 00:00 to 2025-12-01 00:00 by month"),
        ({"range": "1h", "bucket": "day"}, "2025-11-05 00:00 to 2025-11-06 00:00 by day"),
        ({"from_": "2025-11-01", "to": "2025-11-03"}, "2025-11-01 00:00 to 2025-11-03 00:00 by hour"),
        ({"from_": "2025-11-05T10:00Z", "range": "30d"}, "2025-11-05 10:00 to 2025-11-05 10:35 by minute"),
        ({"to": "2025-03-01"}, "2025-01-30 00:00 to 2025-03-01 00:00 by day"),
        ({"from_": "2022-01-01", "to": "2025-01-01"}, "2022-01-01 00:00 to 2025-01-01 00:00 by week"),
        ({"from_": "2005-01-01", "to": "2025-01-01"}, "2005-01-01 00:00 to 2025-01-01 00:00 by month"),
        (
            {"from_": "2025-11-01T08:00", "to": "2025-11-01T09:00", "tz": "Europe/Berlin"},
            "2025-11-01 08:00 to 2025-11-01 09:00 by minute",
        ),
        ({"tz": "Asia/Kolkata"}, "2025-10-07 00:00 to 2025-11-06 00:00 by day"),
    ],
)
def test_a_range_is_read_in_its_zone(values: dict[str, str], told: str) -> None:
    assert span(period(**values)) == told


def test_a_time_with_an_offset_is_a_moment_and_one_without_is_of_the_zone() -> None:
    found = period(from_="2025-11-01T08:00", to="2025-11-01T12:00Z", tz="Europe/Berlin")

    assert found.from_.astimezone(UTC).hour == 7
    assert found.to.astimezone(UTC).hour == 12


def test_days_over_a_change_of_clocks_are_whole() -> None:
    found = period(range="30d", tz="Europe/Berlin")

    assert {moment.hour for moment in (found.from_, found.to, *found.before, *found.earlier)} <= {0, 11}
    assert found.to.astimezone(UTC) - found.from_.astimezone(UTC) == timedelta(days=30, hours=1)


# In Berlin the clocks go from 2:00 to 3:00 at the first of these hours, from 3:00 back to 2:00 at the second.
FORWARD = datetime(2026, 3, 29, 1, tzinfo=UTC)
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
AROUND = [
    change + timedelta(minutes=minutes) for change in (FORWARD, BACK) for minutes in (-50, -1, 0, 10, 59, 70)
]


@pytest.mark.parametrize("now", AROUND)
@pytest.mark.parametrize("name", ["1h", "24h", "7d"])
def test_hours_are_as_long_as_ever_while_clocks_change(name: str, now: datetime) -> None:
    found = period(now, range=name, tz="Europe/Berlin")

    assert elapsed((found.from_, found.to)) == PRESETS[name][1]
    assert elapsed(found.earlier) == PRESETS[name][1]
    passed = elapsed(found.before) - (now - found.from_.astimezone(UTC))
    assert timedelta() <= passed <= timedelta(minutes=5)


@pytest.mark.parametrize("now", AROUND)
@pytest.mark.parametrize("name", ["1h", "24h", "7d", "30d", "90d"])
def test_a_range_up_to_now_goes_on_while_clocks_change(name: str, now: datetime) -> None:
    found = period(now, range=name, tz="Europe/Berlin")

    assert found.goes_on
    assert found.later is None
    assert elapsed(found.wider) > elapsed((found.from_, found.to))


@pytest.mark.parametrize("bucket", [{}, {"bucket": "minute"}, {"bucket": "day"}])
def test_a_range_in_an_hour_that_clocks_tell_twice_can_be_shown(bucket: dict[str, str]) -> None:
    found = period(BACK, from_="2026-10-25T00:30Z", to="2026-10-25T01:10Z", tz="Europe/Berlin", **bucket)

    assert elapsed((found.from_, found.to)) == elapsed(found.earlier) == timedelta(minutes=40)
    assert elapsed(found.before) == timedelta(minutes=35)
    assert elapsed(found.wider) >= timedelta(minutes=80)
    assert found.bucket == bucket.get("bucket", "minute")
    assert "minute" in found.buckets


def test_ends_in_the_wrong_order_are_refused_in_an_hour_that_clocks_tell_twice() -> None:
    with pytest.raises(InvalidFilterError, match="exchange the two"):
        period(from_="2026-10-25T01:10Z", to="2026-10-25T00:30Z", tz="Europe/Berlin")


@pytest.mark.parametrize("name", ["1h", "24h", "7d", "30d", "90d"])
def test_the_range_before_has_passed_as_far_as_this_one(name: str) -> None:
    found = period(range=name)
    from_, to = found.before

    assert found.from_ - from_ == found.to - found.from_
    assert to <= found.from_
    assert timedelta() <= (to - from_) - (NOW - found.from_) <= timedelta(minutes=5)


def test_the_ranges_around_a_past_one_touch_it() -> None:
    found = period(from_="2025-10-01", to="2025-10-08")

    assert found.before == found.earlier
    assert found.earlier[1] == found.from_
    assert found.later is not None
    assert found.later[0] == found.to
    assert found.wider == (found.earlier[0], found.later[1])
    assert period(range="30d").later is None
    assert period(range="30d").wider[1] <= period(range="30d").to


def test_longer_buckets_are_only_offered_where_a_chart_remains() -> None:
    week = coarser(period(range="7d"))

    assert week is not None
    assert span(week) == "2025-10-30 00:00 to 2025-11-06 00:00 by day"
    assert coarser(period(range="30d")) is None
    assert coarser(period(range="7d", bucket="hour")) is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"range": "2y"}, "range must be one of 1h, 24h, 7d, 30d, 90d; found '2y'"),
        ({"bucket": "year"}, "bucket must be one of minute, hour, day, week, month; found 'year'"),
        ({"tz": "Mars/Olympus"}, "tz has to be the IANA name of a time zone"),
        ({"from_": "2025-02-30"}, "from must be an ISO 8601 date or time"),
        ({"from_": "2025-01-02", "to": "2025-01-01"}, "from must be before to"),
        ({"from_": "2025-01-01", "to": "2025-01-01"}, "from must be before to"),
        ({"from_": "0001-01-01"}, "from must be of the years 1970 to 2199; found 1"),
        ({"to": "9999-01-01"}, "to must be of the years 1970 to 2199; found 9999"),
        ({"range": "30d", "bucket": "minute"}, "a chart has at most 400 buckets; found"),
        ({"from_": "1980-01-01", "bucket": "month"}, "or a shorter range"),
    ],
)
def test_a_range_that_cannot_be_shown_is_refused(values: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidFilterError) as refused:
        period(**values)

    assert told in str(refused.value)
