"""Sums of stretches of time: kept ones where they hold, the others from what is shorter, down to the rows."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import inf
from time import monotonic
from typing import Final
from zoneinfo import ZoneInfo

from image_tracing_postgres.statements import statement
from image_tracing_postgres.statistics.cutting import LONGER, Level, Pieces, Span, cut
from image_tracing_postgres.statistics.kept import Cursor, keep, kept_tallies
from image_tracing_postgres.statistics.ranges import SLOT
from image_tracing_postgres.statistics.raw import tallies_from_rows
from image_tracing_postgres.statistics.tallies import Tally

_LEVELS: Final[tuple[Level, ...]] = ("slot", *LONGER)
# Of how many stretches the shorter ones are in memory together.
_AT_ONCE: Final[Mapping[Level, int]] = {"hour": 16, "six_hours": 16, "day": 16, "week": 4, "month": 2}


class BehindError(Exception):
    """Sums are not kept that could be, and adding them up is not for who asked."""


class Sums:
    """The sums of one database as one transaction sees them, longer than slots those of a time zone.

    `changed` are the slots whose kept sums do not hold any more; theirs come from the rows. With `keeps` what
    had to be added up is kept, which needs the lock. After `until` (monotonic seconds) a BehindError comes
    instead of more adding up of what could be kept; what is kept by then, some in any case, may stay.
    """

    def __init__(
        self,
        cursor: Cursor,
        zone: ZoneInfo,
        *,
        changed: Collection[datetime] = (),
        keeps: bool = False,
        until: float = inf,
    ) -> None:
        self._cursor: Final = cursor
        self._zone: Final = zone
        self._changed: Final = sorted(changed)
        self._keeps: Final = keeps
        self._until: Final = until
        self.bounds: Final = self._known_bounds()
        """Between which two times there may be anything; None if there is nothing."""
        self._of_rows: dict[Span, Tally] = {}
        self._of_changed: dict[tuple[Level, Span], Tally] = {}
        self._has_kept = False

    def of(self, pieces: Iterable[Pieces]) -> list[Tally]:
        """The sum of each of these."""
        asked = list(pieces)
        found = {
            level: self.of_spans(level, {span for piece in asked for span in piece.kept.get(level, ())})
            for level in _LEVELS
        }
        rest = self.of_rows({span for piece in asked for span in piece.rest})
        tallies = []
        for piece in asked:
            spans_of_one = [(level, span) for level, spans in piece.kept.items() for span in spans]
            if len(spans_of_one) == 1 and not piece.rest:
                # Its percentiles are known, and nobody changes what is found.
                [(level, span)] = spans_of_one
                tallies.append(found[level][span])
                continue
            total = Tally()
            for level, spans in piece.kept.items():
                for span in spans:
                    total.merge(found[level][span])
            for span in piece.rest:
                total.merge(rest[span])
            total.fold()
            tallies.append(total)
        return tallies

    def of_spans(
        self, level: Level, spans: Collection[Span], *, with_sketches: bool = True
    ) -> dict[Span, Tally]:
        """The sum of each of these pieces of a level."""
        found: dict[Span, Tally] = {}
        inside = []
        for span in sorted(spans):
            if self.bounds is None or span[1] <= self.bounds[0] or span[0] >= self.bounds[1]:
                found[span] = Tally()
            else:
                inside.append(span)
        found |= {span: known for span in inside if (known := self._of_changed.get((level, span)))}
        whole = [span for span in inside if not self._has_changed(span)]
        found |= kept_tallies(self._cursor, level, whole, with_sketches=with_sketches)
        if level == "slot":
            found |= self.of_rows([span for span in inside if self._has_changed(span)])
            return {span: found.get(span) or Tally() for span in spans}
        missing = [span for span in inside if span not in found]
        if missing:
            shorter = LONGER[LONGER.index(level) + 1 :]
            for place in range(0, len(missing), _AT_ONCE[level]):
                some = missing[place : place + _AT_ONCE[level]]
                if self._is_late and not all(self._has_changed(span) for span in some):
                    raise BehindError
                added = self.of(cut(*span, self._zone, levels=shorter) for span in some)
                made = dict(zip(some, added, strict=True))
                self._of_changed |= {(level, span): made[span] for span in some if self._has_changed(span)}
                if self._keeps:
                    keep(self._cursor, level, made)
                    self._has_kept = True
                found |= made
        return found

    def of_rows(self, spans: Collection[Span]) -> Mapping[Span, Tally]:
        """The sum of each of these stretches from the rows, those that follow each other read together."""
        for run in _runs(span for span in spans if span not in self._of_rows):
            found = tallies_from_rows(self._cursor, [span[0] for span in run], run[-1][1])
            for place, span in enumerate(run):
                self._of_rows[span] = found.get(place) or Tally()
        return {span: self._of_rows[span] for span in spans}

    @property
    def _is_late(self) -> bool:
        return monotonic() > self._until and self._has_kept is self._keeps

    def _has_changed(self, span: Span) -> bool:
        place = bisect_left(self._changed, span[0])
        return place < len(self._changed) and self._changed[place] < span[1]

    def _known_bounds(self) -> Span | None:
        row = self._cursor.execute(statement("statistics/bounds")).fetchone()
        times = [time.astimezone(UTC) for time in row or () if time is not None]
        times += [self._changed[0], self._changed[-1]] if self._changed else []
        return (min(times), max(times) + SLOT) if times else None


def _runs(spans: Iterable[Span]) -> Iterable[Sequence[Span]]:
    run: list[Span] = []
    for span in sorted(spans):
        if run and run[-1][1] != span[0]:
            yield run
            run = []
        run.append(span)
    if run:
        yield run
