"""A stretch of time in as few pieces as possible whose sums may be kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from image_tracing_postgres.statistics.ranges import SLOT, slot_of
from image_tracing_postgres.statistics.zones import start_after, start_of

Longer = Literal["hour", "six_hours", "day", "week", "month"]
Level = Literal["slot"] | Longer
Span = tuple[datetime, datetime]
"""From the first up to but without the second, both in UTC."""

LONGER: Final[tuple[Longer, ...]] = ("month", "week", "day", "six_hours", "hour")


@dataclass(slots=True)
class Pieces:
    """Pieces of each level, and the `rest` at the edges, of which no sums are kept."""

    kept: dict[Level, list[Span]] = field(default_factory=dict)
    rest: list[Span] = field(default_factory=list)


def cut(start: datetime, stop: datetime, zone: ZoneInfo, *, levels: Sequence[Longer] = LONGER) -> Pieces:
    """The pieces of a stretch; all but slots are those of the zone.

    `levels` are the longer ones that may be used, the longest first; slots may be in any case.
    """
    pieces = Pieces()
    stretches = [(start, stop)]
    for level in levels:
        left: list[Span] = []
        for begin, end in stretches:
            spans = list(_whole(level, begin, end, zone))
            if not spans:
                left.append((begin, end))
                continue
            pieces.kept.setdefault(level, []).extend(spans)
            left += [(begin, spans[0][0]), (spans[-1][1], end)]
        stretches = [(begin, end) for begin, end in left if begin < end]
    for begin, end in stretches:
        first, last = slot_after(begin), slot_of(end)
        if first >= last:
            pieces.rest.append((begin, end))
            continue
        pieces.kept.setdefault("slot", []).extend(slots_in(first, last))
        pieces.rest += [(a, b) for a, b in ((begin, first), (last, end)) if a < b]
    return pieces


def slots_in(start: datetime, stop: datetime) -> Iterator[Span]:
    """The slots of a stretch that begins and ends with one."""
    while start < stop:
        yield start, start + SLOT
        start += SLOT


def slot_after(time: datetime) -> datetime:
    """The first beginning of a slot from `time` on."""
    begun = slot_of(time)
    return begun if begun == time else begun + SLOT


def _whole(level: Longer, start: datetime, stop: datetime, zone: ZoneInfo) -> Iterator[Span]:
    """The pieces of a level that lie in a stretch as a whole, one after the other."""
    if start_of(level, start, zone) != start:
        start = start_after(level, start, zone)
    while start < stop and (end := start_after(level, start, zone)) <= stop:
        # Long ago clocks differed by odd minutes; sums are kept of whole slots only.
        if slot_of(start) != start or slot_of(end) != end:
            return
        yield start, end
        start = end
