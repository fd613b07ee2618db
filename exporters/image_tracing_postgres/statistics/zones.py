"""Stretches of time as people cut them: minutes, hours, days, weeks and months of a time zone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.statistics.figures import Bucket

BUCKETS: Final[tuple[Bucket, ...]] = get_args(Bucket)

# Clocks are set by half hours at least, so no hour of a clock is shorter than this.
_LENGTHS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
# The tables hold nothing outside of these.
EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)


def zone_of(name: object) -> ZoneInfo:
    """The time zone of an IANA name like `Europe/Berlin`; InvalidFilterError for what is none."""
    if isinstance(name, str) and 0 < len(name) <= 100 and name.isascii() and not name.startswith((".", "/")):
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            pass
    raise InvalidFilterError(
        f"tz has to be the IANA name of a time zone, like Europe/Berlin or UTC, not {str(name)[:80]!r}"
    )


def bounded(time: datetime) -> datetime:
    """The time in UTC; beyond the edges of the calendar, the edge."""
    return min(max(time, EARLIEST), LATEST).astimezone(UTC)


def start_of(bucket: Bucket, time: datetime, zone: ZoneInfo) -> datetime:
    """The beginning, in UTC, of the bucket that holds `time`."""
    local = time.astimezone(zone)
    if bucket == "minute":
        return time.astimezone(UTC) - timedelta(seconds=local.second, microseconds=local.microsecond)
    if bucket == "hour":
        return time.astimezone(UTC) - timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if bucket == "week":
        day -= timedelta(days=day.weekday())
    if bucket == "month":
        day = day.replace(day=1)
    return day.astimezone(UTC)


def start_after(bucket: Bucket, time: datetime, zone: ZoneInfo) -> datetime:
    """The beginning, in UTC, of the bucket after the one that holds `time`."""
    length = _LENGTHS.get(bucket)
    if length is not None:
        # The clock may be set at the end of an hour; hours themselves are not shortened by that.
        return start_of(bucket, time, zone) + length
    try:
        day = _day_after(bucket, time.astimezone(zone))
    except OverflowError:
        return LATEST
    # The clock may have been set in between.
    return day.astimezone(UTC)


def _day_after(bucket: Bucket, time: datetime) -> datetime:
    """Midnight, by the clock of `time`, when the day, week or month after it begins."""
    day = time.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if bucket == "day":
        return day + timedelta(days=1)
    if bucket == "week":
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def starts_of(bucket: Bucket, start: datetime, stop: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """`start`, and each beginning of a bucket after it and before `stop`."""
    while start < stop:
        yield start
        start = start_after(bucket, start, zone)
