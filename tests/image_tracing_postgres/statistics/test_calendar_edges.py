"""Ranges at the edges of the calendar, and clocks that are set back across midnight."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tracing_postgres import Store
from image_tracing_postgres.statistics.cutting import LONGER
from image_tracing_postgres.statistics.zones import EARLIEST, LATEST, Stretch, start_after, start_of

ZONES = ["UTC", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Pacific/Kiritimati"]
# By these the day before began again after midnight.
SET_BACK = {
    "America/St_Johns": datetime(2010, 11, 7, tzinfo=UTC),
    "Antarctica/Casey": datetime(2010, 3, 5, tzinfo=UTC),
}


@pytest.mark.parametrize("from_", [EARLIEST, LATEST - timedelta(days=6)], ids=["first", "last"])
def test_the_first_and_the_last_days_can_be_asked_for(store: Store, from_: datetime) -> None:
    for tz in ZONES:
        for bucket in (None, "hour", "day", "week", "month"):
            found = store.stats(from_=from_, to=from_ + timedelta(days=6, hours=23), bucket=bucket, tz=tz)
            assert found.total.generations == 0


@given(st.sampled_from(sorted(SET_BACK)), st.integers(-3_000, 3_000), st.sampled_from(LONGER))
def test_stretches_follow_each_other_where_clocks_are_set_back(
    tz: str, minutes: int, stretch: Stretch
) -> None:
    zone, time = ZoneInfo(tz), SET_BACK[tz] + timedelta(minutes=minutes)

    start, end = start_of(stretch, time, zone), start_after(stretch, time, zone)

    assert start <= time < end
    assert start_of(stretch, start, zone) == start
    assert start_after(stretch, start, zone) == end == start_of(stretch, end, zone)
