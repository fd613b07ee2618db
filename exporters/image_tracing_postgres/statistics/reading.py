"""Statistics of a range: from summaries where nothing but the time is filtered, else from the rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any, Final
from zoneinfo import ZoneInfo

from image_tracing_postgres import filters as checks
from image_tracing_postgres.merge import limit_statements
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.records import Filters
from image_tracing_postgres.statements import statement
from image_tracing_postgres.statistics.cutting import Level, Span, cut
from image_tracing_postgres.statistics.figures import Bucket, LeftOut, Statistics
from image_tracing_postgres.statistics.keeper import Keeper
from image_tracing_postgres.statistics.kept import Cursor
from image_tracing_postgres.statistics.presentation import (
    depths_of,
    error_classes_of,
    flow_of,
    models_of,
    point_of,
    providers_of,
    total_of,
)
from image_tracing_postgres.statistics.ranges import SLOT, Range, range_of
from image_tracing_postgres.statistics.raw import tallies_from_rows
from image_tracing_postgres.statistics.sums import Sums
from image_tracing_postgres.statistics.tallies import Tally
from image_tracing_postgres.statistics.zones import start_after, start_of, starts_of, zone_of

# So many slots that have changed are read from the rows; from more on catching up is worth writing.
_FEW_SLOTS: Final = 2
_CATCH_UP_SECONDS: Final = 2.0
_READ_SECONDS: Final = 20.0
# Names come from outside; a generator that makes them up must not make the answer endless.
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class _Found:
    """The sums of a range and of its buckets. `is_current`: summaries need not be brought up to date."""

    total: Tally
    buckets: list[Tally]
    is_current: bool


class Reader:
    """Reads the statistics of one database. Safe to use from many threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._keeper = Keeper(connections)

    def statistics(self, *, bucket: str | None, tz: str, filters: Filters) -> Statistics:
        """The figures of what the filters mean; InvalidFilterError for what cannot be asked."""
        meant = checks.parameters_of(filters)
        asked = range_of(meant["from_"], meant["to"], bucket=bucket, tz=tz, now=datetime.now(UTC))
        is_narrowed = any(value is not None for name, value in meant.items() if name not in ("from_", "to"))
        if not asked.starts:
            return _statistics(asked, _Found(Tally(), [], is_current=True))
        found = self._found(asked, meant if is_narrowed else None)
        if not found.is_current and self._bring_up_to_date(asked):
            found = self._found(asked, None)
        return _statistics(asked, found)

    def refresh(self, *, seconds: float) -> bool:
        """Compute what changed, as far as it goes in about so many seconds; whether nothing is left."""
        return self._keeper.catch_up(seconds=seconds)

    def rebuild(self) -> Iterator[float]:
        """Compute all summaries anew, days and months being those of UTC; gives the share that is done.

        Raises:
            DatabaseUnavailableError: summaries cannot be changed here.
        """
        yield from self._keeper.rebuild()
        with _snapshot(self._connections) as cursor:
            bounds = cursor.execute(statement("statistics/bounds")).fetchall()[0]
        if bounds[0] is not None:
            zone = zone_of("UTC")
            start, stop = (time.astimezone(UTC) for time in bounds)
            for part in _parts(Range(start_of("day", start, zone), stop + SLOT, "day", zone, ())):
                self._keeper.exclusively(partial(_from_summaries, asked=part, changed=(), keeps=True))

    def _found(self, asked: Range, meant: Mapping[str, Any] | None) -> _Found:
        with _snapshot(self._connections) as cursor:
            may_use_sums = cursor.execute(statement("statistics/reader")).fetchall()[0][0]
            if meant is not None or asked.bucket == "minute" or not may_use_sums:
                return _from_rows(cursor, asked, meant)
            cursor.execute(statement("statistics/lock_tables"))
            cursor.execute(statement("statistics/few_rows"))
            changed = [
                row[0].astimezone(UTC) for row in cursor.execute(statement("statistics/changed_slots"))
            ]
            return _from_summaries(cursor, asked, changed)

    def _bring_up_to_date(self, asked: Range) -> bool:
        """Write what this range needs, as far as it goes in short time; whether anything was done."""
        if self._keeper.is_refused:
            return False
        until = monotonic() + _CATCH_UP_SECONDS
        if self._keeper.catch_up(seconds=_CATCH_UP_SECONDS):
            for part in _parts(asked):
                filled = self._keeper.exclusively(
                    partial(_from_summaries, asked=part, changed=(), keeps=True)
                )
                if filled is None or monotonic() > until:
                    break
        return not self._keeper.is_refused


@contextmanager
def _snapshot(connections: Connections) -> Iterator[Cursor]:
    """A transaction that sees one moment: sums and rows, and what changed between them."""
    with (
        connections.connection(seconds=_READ_SECONDS + 1) as connection,
        connection.transaction(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement("statistics/snapshot"))
        limit_statements(cursor, monotonic() + _READ_SECONDS)
        yield cursor


def _from_rows(cursor: Cursor, asked: Range, meant: Mapping[str, Any] | None) -> _Found:
    found = tallies_from_rows(cursor, asked.starts, asked.stop, meant=meant)
    buckets = [found.get(place) or Tally() for place in range(len(asked.starts))]
    return _Found(_sum_of(buckets), buckets, is_current=True)


def _from_summaries(
    cursor: Cursor, asked: Range, changed: Collection[datetime], *, keeps: bool = False
) -> _Found:
    changed = [slot for slot in changed if asked.start < slot + SLOT and slot < asked.stop]
    sums = Sums(cursor, asked.zone, changed=changed, keeps=keeps)
    spans = list(zip(asked.starts, [*asked.starts[1:], asked.stop], strict=True))
    spans[0] = _widened(spans[0], asked.bucket, asked.zone, sums.bounds)
    spans[-1] = _widened(spans[-1], asked.bucket, asked.zone, sums.bounds)
    pieces = [cut(start, stop, asked.zone) for start, stop in spans]
    # Points of one piece each need no sketches, and the total has longer pieces.
    level: Level = "day" if asked.bucket == "minute" else asked.bucket
    whole = {span for span, piece in zip(spans, pieces, strict=True) if piece.kept.get(level) == [span]}
    points = sums.of_spans(level, whole, with_sketches=False)
    others = [place for place, span in enumerate(spans) if span not in whole]
    found = dict(zip(others, sums.of(pieces[place] for place in others), strict=True))
    buckets = [found[place] if place in found else points[span] for place, span in enumerate(spans)]
    all_of_it = _widened((asked.start, asked.stop), "month", asked.zone, sums.bounds)
    [total] = sums.of([cut(*all_of_it, asked.zone)])
    return _Found(total, buckets, is_current=len(changed) <= _FEW_SLOTS and sums.is_complete)


def _widened(span: Span, bucket: Bucket, zone: ZoneInfo, bounds: Span | None) -> Span:
    """The span up to where a bucket begins and ends, on a side on which there is nothing any more."""
    start, stop = span
    if bounds is None or start <= bounds[0]:
        start = start_of(bucket, start, zone)
    if bounds is None or stop >= bounds[1]:
        begun = start_of(bucket, stop, zone)
        stop = stop if begun == stop else start_after(bucket, stop, zone)
    return start, stop


def _parts(asked: Range) -> Iterator[Range]:
    """The range month by month, the newest first."""
    starts = list(starts_of("month", asked.start, asked.stop, asked.zone))
    for start, stop in zip(reversed(starts), [asked.stop, *reversed(starts[1:])], strict=True):
        own = list(starts_of(asked.bucket, start, stop, asked.zone))
        yield Range(start, stop, asked.bucket, asked.zone, own)


def _sum_of(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total


def _statistics(asked: Range, found: _Found) -> Statistics:
    total = found.total
    flows = total.generations.flows
    models, providers = models_of(total.by_model), providers_of(total.by_provider)
    error_classes, flow = error_classes_of(total.by_model.values()), flow_of(flows)
    named = {figures.model for figures in models[:_MOST]}
    ends = [*asked.starts[1:], asked.stop]
    return Statistics(
        from_=asked.start,
        to=asked.stop,
        bucket=asked.bucket,
        tz=asked.zone.key,
        total=total_of(total),
        by_model=models[:_MOST],
        by_provider=providers[:_MOST],
        by_error_class=error_classes[:_MOST],
        over_time=[
            point_of(tally, start=start, end=end, models=named)
            for tally, start, end in zip(found.buckets, asked.starts, ends, strict=False)
        ],
        fallback_depth=depths_of(flows),
        flow=flow[:_MOST],
        left_out=LeftOut(
            models=len(models[_MOST:]),
            providers=len(providers[_MOST:]),
            error_classes=len(error_classes[_MOST:]),
            flow=len(flow[_MOST:]),
        ),
    )
