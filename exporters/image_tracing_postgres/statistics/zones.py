"""Stretches of time as people cut them: minutes, hours, days, weeks and months of a time zone."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.statistics.figures import Bucket

Stretch = Bucket | Literal["six_hours"]
"""What a clock cuts time into; six hours begin at 0:00, 6:00, 12:00 and 18:00."""

BUCKETS: Final[tuple[Bucket, ...]] = get_args(Bucket)

# Clocks are set by half hours at least, so no hour of a clock is shorter than this.
_LENGTHS: Final[Mapping[Stretch, timedelta]] = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
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


def start_of(stretch: Stretch, time: datetime, zone: ZoneInfo) -> datetime:
    """The beginning, in UTC, of the stretch that holds `time`."""
    local = time.astimezone(zone)
    if stretch == "minute":
        return time.astimezone(UTC) - timedelta(seconds=local.second, microseconds=local.microsecond)
    if stretch == "hour":
        return time.astimezone(UTC) - timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
    after = _bounded(lambda: _next_by_the_clock(stretch, local), otherwise=LATEST)
    if after <= time:
        # Clocks were set back across its beginning: it had begun.
        return after
    return min(
        _bounded(lambda: _begun_by_the_clock(stretch, local), otherwise=EARLIEST), time.astimezone(UTC)
    )


def start_after(stretch: Stretch, time: datetime, zone: ZoneInfo) -> datetime:
    """The beginning, in UTC, of the stretch after the one that holds `time`."""
    length = _LENGTHS.get(stretch)
    if length is not None:
        # The clock may be set at the end of an hour; hours themselves are not shortened by that.
        return min(start_of(stretch, time, zone) + length, LATEST)
    after = _bounded(lambda: _next_by_the_clock(stretch, time.astimezone(zone)), otherwise=LATEST)
    if after <= time < LATEST:
        return _bounded(lambda: _next_by_the_clock(stretch, after.astimezone(zone)), otherwise=LATEST)
    return after


def _bounded(by_the_clock: Callable[[], datetime], *, otherwise: datetime) -> datetime:
    """A time of some clock in UTC, within the calendar; clocks may be set between two of them."""
    try:
        return bounded(by_the_clock())
    except OverflowError:
        return otherwise


def _begun_by_the_clock(stretch: Stretch, time: datetime) -> datetime:
    """When the six hours, the day, week or month of `time` began, by the same clock."""
    begun = time.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if stretch == "six_hours":
        return begun.replace(hour=time.hour // 6 * 6)
    if stretch == "week":
        return begun - timedelta(days=begun.weekday())
    return begun.replace(day=1) if stretch == "month" else begun


def _next_by_the_clock(stretch: Stretch, time: datetime) -> datetime:
    """When the six hours, the day, week or month after those of `time` begin, by the same clock."""
    day = time.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if stretch == "six_hours":
        return day + timedelta(hours=time.hour // 6 * 6 + 6)
    if stretch == "day":
        return day + timedelta(days=1)
    if stretch == "week":
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def starts_of(bucket: Bucket, start: datetime, stop: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """`start`, and each beginning of a bucket after it and before `stop`."""
    while start < stop:
        yield start
        start = start_after(bucket, start, zone)
