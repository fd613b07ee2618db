"""Which stretch of time is asked for, how it is cut, and into which pieces whose sums are kept."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tracing_postgres import InvalidFilterError
from image_tracing_postgres.statistics.cutting import LONGER, cut
from image_tracing_postgres.statistics.ranges import SLOT, range_of, slot_of
from image_tracing_postgres.statistics.zones import BUCKETS

NOW = datetime(2026, 3, 29, 12, 34, 56, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Africa/Monrovia"]


def _starts(start: datetime, stop: datetime, bucket: str, tz: str) -> list[str]:
    asked = range_of(start, stop, bucket=bucket, tz=tz, now=NOW)
    return [f"{begin.astimezone(ZoneInfo(tz)):%m-%d %H:%M}" for begin in asked.starts]


def test_by_default_it_is_the_last_thirty_days_from_midnight() -> None:
    asked = range_of(None, None, bucket=None, tz="Europe/Berlin", now=NOW)

    assert (asked.start, asked.stop, asked.bucket) == (
        datetime(2026, 2, 26, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 12, 35, tzinfo=UTC),
        "day",
    )


@pytest.mark.parametrize(
    ("length", "bucket"),
    [
        (timedelta(hours=3), "minute"),
        (timedelta(days=5), "hour"),
        (timedelta(days=200), "day"),
        (timedelta(days=1_000), "week"),
        (timedelta(days=1_001), "month"),
    ],
)
def test_the_bucket_follows_from_the_range(length: timedelta, bucket: str) -> None:
    assert range_of(NOW - length, NOW, bucket=None, tz="UTC", now=NOW).bucket == bucket


def test_a_day_has_as_many_hours_as_its_clock_says() -> None:
    start, stop = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)

    assert _starts(start, stop, "day", "Europe/Berlin") == ["03-29 00:00"]
    assert len(_starts(start, stop, "hour", "Europe/Berlin")) == 23


def test_a_clock_set_back_by_half_an_hour_has_a_short_hour() -> None:
    start = datetime(2026, 4, 4, 13, tzinfo=UTC)

    assert _starts(start, start + timedelta(hours=4), "hour", "Australia/Lord_Howe") == [
        "04-05 00:00",
        "04-05 01:00",
        "04-05 01:30",
        "04-05 02:00",
        "04-05 03:00",
    ]


def test_a_day_may_begin_at_one() -> None:
    start = datetime(2026, 3, 7, 5, tzinfo=UTC)

    assert _starts(start, start + timedelta(days=3), "day", "America/Havana") == [
        "03-07 00:00",
        "03-08 01:00",
        "03-09 00:00",
        "03-10 00:00",
    ]


def test_weeks_begin_on_monday_and_months_on_their_first() -> None:
    start, stop = datetime(2026, 1, 29, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)

    assert _starts(start, stop, "week", "UTC")[:3] == ["01-29 00:00", "02-02 00:00", "02-09 00:00"]
    assert _starts(start, stop, "month", "UTC") == ["01-29 00:00", "02-01 00:00", "03-01 00:00"]


@pytest.mark.parametrize(
    "name", ["", "Nowhere", "../Berlin", "/etc/localtime", "Europe", "a" * 200, "\u00e9", 5, None]
)
def test_what_is_no_zone_is_refused(name: Any) -> None:
    with pytest.raises(InvalidFilterError, match="IANA name"):
        range_of(None, None, bucket=None, tz=name, now=NOW)


def test_too_many_buckets_are_refused_with_what_to_choose() -> None:
    with pytest.raises(InvalidFilterError, match=r"at most 1500 buckets.*choose bucket=day"):
        range_of(NOW - timedelta(days=400), NOW, bucket="hour", tz="UTC", now=NOW)


def test_six_hours_are_those_of_the_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # The clocks are set forward at 2:00.
    day = datetime(2026, 3, 29, tzinfo=berlin)

    pieces = cut(day.replace(hour=5), day.replace(hour=23), berlin)
    night = cut(day, day.replace(hour=6), berlin)

    assert pieces.kept["six_hours"] == [
        (day.replace(hour=6).astimezone(UTC), day.replace(hour=12).astimezone(UTC)),
        (day.replace(hour=12).astimezone(UTC), day.replace(hour=18).astimezone(UTC)),
    ]
    assert len(pieces.kept["hour"]) == 1 + 5
    assert [stop - start for start, stop in night.kept["six_hours"]] == [timedelta(hours=5)]


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match="exchange the two"):
        range_of(NOW, NOW - SLOT, bucket=None, tz="UTC", now=NOW)


def test_an_empty_range_has_no_bucket() -> None:
    assert range_of(NOW, NOW, bucket="day", tz="UTC", now=NOW).starts == []


_TIMES = st.timedeltas(timedelta(days=-36_500), timedelta(days=3_650)).map(lambda length: NOW + length)


@given(_TIMES, st.timedeltas(timedelta(0), timedelta(days=70)), st.sampled_from(ZONES))
def test_pieces_are_disjoint_and_make_up_the_stretch(start: datetime, length: timedelta, tz: str) -> None:
    stop = start + length

    pieces = cut(start, stop, ZoneInfo(tz))

    spans = sorted([span for spans in pieces.kept.values() for span in spans] + pieces.rest)
    edges = [start, *(end for _, end in spans)]
    assert edges[-1] == stop
    assert [begin for begin, _ in spans] == edges[:-1]
    assert all(slot_of(time) == time for kept in pieces.kept.values() for span in kept for time in span)


@given(
    _TIMES,
    st.timedeltas(timedelta(0), timedelta(days=60)),
    st.sampled_from(ZONES),
    st.sampled_from(BUCKETS[1:]),
)
def test_buckets_follow_each_other(start: datetime, length: timedelta, tz: str, bucket: str) -> None:
    asked = range_of(start, start + length, bucket=bucket, tz=tz, now=NOW)

    edges = [*asked.starts, asked.stop]
    assert edges == sorted(set(edges)) or length == timedelta(0)
    assert all(later - earlier <= timedelta(days=31, hours=1) for earlier, later in pairwise(edges))


def test_a_month_is_one_piece_and_shorter_levels_can_be_asked_for() -> None:
    start, stop = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, 2, 10, 3, tzinfo=UTC)

    pieces, shorter = (cut(start, stop, ZoneInfo("UTC"), levels=levels) for levels in (LONGER, LONGER[2:]))

    assert {level: len(spans) for level, spans in pieces.kept.items()} == {"month": 1, "hour": 2, "slot": 2}
    assert len(shorter.kept["day"]) == 28
    assert pieces.rest == [(stop - timedelta(seconds=3), stop)]
