"""The buckets of a range as places on an axis: what they are called, and the list that each leads to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from image_tracing_postgres.statistics.figures import Bucket, Point, Statistics
from image_tracing_viewer import formats
from image_tracing_viewer.charts.axes import Tick
from image_tracing_viewer.links import Links
from image_tracing_viewer.query import ERROR_CLASSES

_TICKS_MOST: Final = 9


@dataclass(frozen=True, slots=True)
class Target:
    """Where marks lead: the list with the filters of the dashboard, and with more."""

    links: Links
    filters: Sequence[tuple[str, str]]

    def list_of(self, from_: datetime, to: datetime, **more: str | None) -> str:
        """The list of this range; a further filter replaces one of the same name, None adds none.

        Empty for an error class that the list refuses: rows that others wrote may have any.
        """
        if more.get("error_class") not in (None, *ERROR_CLASSES):
            return ""
        return f"{self.narrowed(**more)}{range_in_address(from_, to)}"

    def narrowed(self, **more: str | None) -> str:
        """The list of any range: its address up to where a range_in_address follows."""
        pairs = {**dict(self.filters), **{name: value for name, value in more.items() if value}}
        return f"{self.links.list_with(list(pairs.items()))}{'&' if pairs else '?'}"

    @property
    def fallbacks(self) -> dict[str, str]:
        """The list's filter for what fell back; one of the page for more than two models stays."""
        least = int(dict(self.filters).get("least_models_tried") or 0)
        return {"least_models_tried": str(max(2, least))}


def range_in_address(from_: datetime, to: datetime) -> str:
    """The range as parameters of an address."""
    return urlencode({"from": formats.iso(from_), "to": formats.iso(to)}, safe=":")


class Timeline:
    """The buckets of these statistics in their zone."""

    def __init__(self, statistics: Statistics, target: Target) -> None:
        self.points: Sequence[Point] = statistics.over_time
        self._bucket: Bucket = statistics.bucket
        self._target = target
        # Points and cells lead to the same lists by the thousand, and an address takes its time.
        self._narrowed: dict[tuple[tuple[str, str | None], ...], str] = {}
        self._ranges = [range_in_address(point.start, point.end) for point in self.points]
        zone = ZoneInfo(statistics.tz)
        self.began = f"Began ({statistics.tz})"
        """The head of a column of buckets."""
        self.starts = [point.start.astimezone(zone) for point in self.points]
        self._names = [self._name(start) for start in self.starts]

    def link(self, index: int, **more: str | None) -> str:
        """The list of one bucket."""
        asked = tuple(more.items())
        narrowed = self._narrowed.get(asked)
        if narrowed is None:
            narrowed = self._narrowed[asked] = self._target.narrowed(**more)
        return narrowed + self._ranges[index]

    def name(self, index: int) -> str:
        """What a bucket is called: `Mon 2025-11-03`, `2025-11-03 10:05`, `week of 2025-11-03`, `2025-11`."""
        return self._names[index]

    def _name(self, start: datetime) -> str:
        if self._bucket in ("minute", "hour"):
            return f"{start:%Y-%m-%d %H:%M}"
        if self._bucket == "day":
            return f"{start:%a %Y-%m-%d}"
        return f"week of {start:%Y-%m-%d}" if self._bucket == "week" else f"{start:%Y-%m}"

    @property
    def ticks(self) -> list[Tick]:
        """Labels at round times, at most nine; every second one is minor."""
        chosen: list[int] = []
        for rule in _RULES[self._bucket]:
            chosen = [at for at, start in enumerate(self.starts) if rule(start)] or chosen
            if len(chosen) <= _TICKS_MOST:
                break
        every = -(-len(chosen) // _TICKS_MOST)
        return [
            Tick(index, self._label(self.starts[index]), is_minor=number % 2 == 1)
            for number, index in enumerate(chosen[::every])
        ]

    def _label(self, start: datetime) -> str:
        if self._bucket == "month":
            return f"{start:%b %Y}"
        is_date = self._bucket in ("day", "week") or (self._bucket == "hour" and start.hour == 0)
        return f"{start.day} {start:%b}" if is_date else f"{start:%H:%M}"


Rule = Callable[[datetime], bool]


def _minutes(step: int) -> Rule:
    return lambda start: start.minute % step == 0


def _hours(step: int) -> Rule:
    return lambda start: start.hour % step == 0 and start.minute == 0


def _days(start: datetime) -> bool:
    return start.hour == 0


def _any(_: datetime) -> bool:
    return True


def _mondays(start: datetime) -> bool:
    return start.weekday() == 0


def _halves(start: datetime) -> bool:
    return start.day in (1, 15)


def _firsts(start: datetime) -> bool:
    return start.day == 1


def _quarters(start: datetime) -> bool:
    return start.month % 3 == 1


_RULES: Final[dict[Bucket, tuple[Rule, ...]]] = {
    "minute": (_any, *map(_minutes, (2, 5, 10, 15, 30)), *map(_hours, (1, 2, 3))),
    "hour": (_any, *map(_hours, (2, 3, 4, 6, 12)), _days),
    "day": (_any, _mondays, _halves, _firsts),
    "week": (_any,),
    "month": (_any, _quarters),
}
