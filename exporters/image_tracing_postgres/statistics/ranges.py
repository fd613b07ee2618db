"""Which stretch of time is asked for, and cut how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.statistics.figures import Bucket
from image_tracing_postgres.statistics.zones import (
    BUCKETS,
    EARLIEST,
    bounded,
    start_of,
    starts_of,
    zone_of,
)

MAX_BUCKETS: Final = 1_500
DEFAULT_DAYS: Final = 30
SLOT: Final = timedelta(minutes=5)
"""The shortest stretch of which sums are kept."""

_DEFAULTS: Final[tuple[tuple[timedelta, Bucket], ...]] = (
    (timedelta(hours=3), "minute"),
    (timedelta(days=5), "hour"),
    (timedelta(days=200), "day"),
    (timedelta(days=1_000), "week"),
)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` up to but without `stop`, both in UTC, cut at `starts`, of which the first is `start`."""

    start: datetime
    stop: datetime
    bucket: Bucket
    zone: ZoneInfo
    starts: Sequence[datetime]


def range_of(
    start: datetime | None, stop: datetime | None, *, bucket: object, tz: object, now: datetime
) -> Range:
    """What is asked for. Without `stop` until now, without `start` the 30 days before, from midnight.

    Raises:
        InvalidFilterError: an unknown zone or bucket, a range that ends before it begins or that has more
            than 1,500 buckets.
    """
    zone = zone_of(tz)
    if bucket is not None and bucket not in BUCKETS:
        raise InvalidFilterError(f"bucket has to be one of {', '.join(BUCKETS)}, not {str(bucket)[:80]!r}")
    # Of a slot that has begun the sums are kept as well: its end costs less than this very moment.
    stop = bounded(slot_of(now) + SLOT if stop is None else stop)
    if start is None:
        start = start_of("day", stop - min(timedelta(days=DEFAULT_DAYS), stop - EARLIEST), zone)
    start = bounded(start)
    if start > stop:
        raise InvalidFilterError(
            f"from has to be before to, found from {start.isoformat()} and to {stop.isoformat()}; "
            "exchange the two"
        )
    chosen: Bucket = _default(stop - start) if bucket is None else bucket
    starts = list(islice(starts_of(chosen, start, stop, zone), MAX_BUCKETS + 1))
    if len(starts) > MAX_BUCKETS:
        raise InvalidFilterError(
            f"a range has at most {MAX_BUCKETS} buckets, found more of a {chosen} each from "
            f"{start.isoformat()} to {stop.isoformat()}; choose bucket={_least(start, stop, zone)} "
            "or a shorter range"
        )
    return Range(start, stop, chosen, zone, starts)


def slot_of(time: datetime) -> datetime:
    """The beginning of the slot that holds `time`."""
    return time - (time - _EPOCH) % SLOT


def _default(length: timedelta) -> Bucket:
    for longest, bucket in _DEFAULTS:
        if length <= longest:
            return bucket
    return "month"


def _least(start: datetime, stop: datetime, zone: ZoneInfo) -> str:
    """The shortest bucket that does not give too many."""
    for bucket in BUCKETS:
        if len(list(islice(starts_of(bucket, start, stop, zone), MAX_BUCKETS + 1))) <= MAX_BUCKETS:
            return bucket
    return "month"
