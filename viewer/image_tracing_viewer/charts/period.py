"""The range of time that the dashboard shows, cut into buckets, and the ranges around it."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.statistics.figures import Bucket
from image_tracing_postgres.statistics.ranges import SLOT, slot_of
from image_tracing_postgres.statistics.zones import start_after, start_of, zone_of
from image_tracing_viewer.query import filters_from, shown

PARAMETERS: Final = ("range", "from", "to", "bucket", "tz")
"""The parameters that say which range is meant, and how it is cut."""

PRESETS: Final[Mapping[str, tuple[str, timedelta, Bucket]]] = {
    "1h": ("1 hour", timedelta(hours=1), "minute"),
    "24h": ("24 hours", timedelta(hours=24), "hour"),
    "7d": ("7 days", timedelta(days=7), "hour"),
    "30d": ("30 days", timedelta(days=30), "day"),
    "90d": ("90 days", timedelta(days=90), "day"),
}
PRESET_DEFAULT: Final = "30d"

LENGTHS: Final[Mapping[Bucket, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
BUCKETS_MOST: Final = 400
"""More bars than that cannot be told apart, and none can be hit."""

_BUCKETS_WANTED: Final = 192
_BUCKETS_LEAST: Final = 7
# Days and longer ones go by the clock on the wall, these by the time that passes.
_BY_TIME: Final = ("minute", "hour")
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A range from `from_` up to but without `to`, both in `zone`, cut into buckets.

    `preset`: its name if it ends now and moves on with the time. `now` is when it was asked for.
    `is_automatic`: the length of the buckets follows from that of the range.
    """

    from_: datetime
    to: datetime
    bucket: Bucket
    zone: ZoneInfo
    now: datetime
    preset: str | None
    is_automatic: bool

    @property
    def length(self) -> timedelta:
        """How much time passes from one end to the other, also while clocks change."""
        return _elapsed(self.from_, self.to)

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended yet."""
        return _elapsed(self.now, self.to) > timedelta()

    @property
    def buckets(self) -> Mapping[Bucket, int]:
        """Into about how many buckets of each length the range can be cut, for those that give a chart."""
        numbers = {bucket: round(self.length / each) for bucket, each in LENGTHS.items()}
        return {bucket: number for bucket, number in numbers.items() if 1 <= number <= BUCKETS_MOST}

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The range before it, as long; while this one still goes on, only as much of it as has passed."""
        known = slot_of(self.now.astimezone(UTC)) + SLOT
        passed = min(max(known, self.from_.astimezone(UTC)), self.to.astimezone(UTC))
        return self._moved(self.from_, -1), self._moved(passed, -1)

    @property
    def earlier(self) -> tuple[datetime, datetime]:
        """The whole range before it."""
        return self._moved(self.from_, -1), self.from_

    @property
    def later(self) -> tuple[datetime, datetime] | None:
        """The range after it, None if that has not begun."""
        return None if self.goes_on else (self.to, self._moved(self.to, 1))

    @property
    def wider(self) -> tuple[datetime, datetime]:
        """A range three times as long around it, or up to now."""
        latest = max(self.to.astimezone(UTC), start_after(self.bucket, self.now, self.zone))
        to = min(self._moved(self.to, 1).astimezone(UTC), latest)
        return self._moved(self.from_, -1), to.astimezone(self.zone)

    def _moved(self, moment: datetime, lengths: int) -> datetime:
        """So many lengths later: days by the clock on the wall, where one of 23 hours is a day too."""
        by_the_wall = self.to - self.from_
        if self.bucket in _BY_TIME or by_the_wall < timedelta(days=1):
            return (moment.astimezone(UTC) + lengths * self.length).astimezone(self.zone)
        return moment.astimezone(self.zone) + lengths * by_the_wall


def period_from(values: Mapping[str, str], now: datetime) -> Period:
    """The range that `range`, or `from` and `to`, mean in the zone `tz`, the last 30 days without any.

    `from` and `to`, moments as `localized` makes them, go before `range`. A preset begins and ends where
    buckets do.

    Raises:
        InvalidFilterError: a value is outside its set or range, or nothing lies between `from` and `to`.
    """
    zone = zone_of(values.get("tz", "UTC"))
    ends = {name: values[name] for name in ("from", "to") if name in values}
    preset = None if ends else values.get("range", PRESET_DEFAULT)
    wanted = _bucket(values.get("bucket"))
    if preset is not None:
        if preset not in PRESETS:
            raise InvalidFilterError(f"range must be one of {', '.join(PRESETS)}; found {shown(preset)}")
        bucket = wanted or PRESETS[preset][2]
        from_, to = _ends(preset, bucket, zone, now)
    else:
        filters = filters_from(QueryParams(ends))
        to = _within(filters.get("to"), "to") or slot_of(now) + SLOT
        from_ = _within(filters.get("from_"), "from") or to - timedelta(days=30)
        from_, to = from_.astimezone(zone), to.astimezone(zone)
        if _elapsed(from_, to) <= timedelta():
            raise InvalidFilterError(
                f"from must be before to; found {from_.isoformat()} and {to.isoformat()}; exchange the two"
            )
        bucket = wanted or _automatic(_elapsed(from_, to))
    number = _elapsed(from_, to) / LENGTHS[bucket]
    # 400 days are as many when clocks are put back meanwhile.
    if round(number) > BUCKETS_MOST:
        raise InvalidFilterError(
            f"a chart has at most {BUCKETS_MOST} buckets; found {number:.0f} of a {bucket} each; "
            f"choose bucket={_automatic(_elapsed(from_, to))} or a shorter range"
        )
    return Period(from_, to, bucket, zone, now.astimezone(zone), preset, wanted is None)


def coarser(period: Period) -> Period | None:
    """The same range cut into longer buckets; None if they were chosen, or would be too few for a chart."""
    lengths = list(LENGTHS)
    bucket = lengths[min(lengths.index(period.bucket) + 1, len(lengths) - 1)]
    if not period.is_automatic or period.length / LENGTHS[bucket] < _BUCKETS_LEAST:
        return None
    from_, to = period.from_, period.to
    if period.preset is not None:
        from_, to = _ends(period.preset, bucket, period.zone, period.now)
    return replace(period, from_=from_, to=to, bucket=bucket)


def _ends(preset: str, bucket: Bucket, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    length = PRESETS[preset][1]
    to = start_after(bucket, now, zone).astimezone(zone)
    # Back by the clock on the wall, so that days are whole.
    from_ = (to.astimezone(UTC) - length).astimezone(zone) if bucket in _BY_TIME else to - length
    return start_of(bucket, from_, zone).astimezone(zone), to


def _elapsed(from_: datetime, to: datetime) -> timedelta:
    """The time between two moments. Python takes those of one zone by the wall, which tells an hour twice."""
    return to.astimezone(UTC) - from_.astimezone(UTC)


def localized(params: QueryParams, zone: ZoneInfo) -> QueryParams:
    """The parameters with `from` and `to` as moments: without an offset they are times of the zone."""
    pairs = []
    for name, value in params.multi_items():
        if name in ("from", "to") and _LOCAL.fullmatch(value):
            # 2025-02-30 stays, for whoever reads it to tell.
            with suppress(ValueError):
                value = datetime.fromisoformat(value).replace(tzinfo=zone).isoformat()
        pairs.append((name, value))
    return QueryParams(pairs)


def _automatic(length: timedelta) -> Bucket:
    return next((bucket for bucket, each in LENGTHS.items() if length / each <= _BUCKETS_WANTED), "month")


def _bucket(value: str | None) -> Bucket | None:
    if value is None:
        return None
    for bucket in LENGTHS:
        if bucket == value:
            return bucket
    raise InvalidFilterError(f"bucket must be one of {', '.join(LENGTHS)}; found {shown(value)}")


def _within(moment: datetime | None, name: str) -> datetime | None:
    """The moment, if the ranges around it are still within the calendar."""
    if moment is not None and not 1970 <= moment.year < 2200:
        raise InvalidFilterError(f"{name} must be of the years 1970 to 2199; found {moment.year}")
    return moment
