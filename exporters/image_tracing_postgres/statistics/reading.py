"""Statistics of a range: from summaries where nothing but the time is filtered, else from the rows."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any, Final
from zoneinfo import ZoneInfo

from image_tracing_postgres import filters as checks
from image_tracing_postgres.errors import DatabaseUnavailableError
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
from image_tracing_postgres.statistics.sums import BehindError, Sums
from image_tracing_postgres.statistics.tallies import Tally
from image_tracing_postgres.statistics.zones import start_after, start_of, starts_of, zone_of

# So many slots that have changed are read from the rows; from more on catching up is worth writing.
_FEW_SLOTS: Final = 2
_KEEPING_SECONDS: Final = 2.0
_LONG_KEEPING_SECONDS: Final = 20.0
_ADDING_SECONDS: Final = 5.0
_READ_SECONDS: Final = 20.0
# About the share of a rebuild's time that the five minutes take.
_SHARE_OF_SLOTS: Final = 0.8
_KEPT_BUCKETS: Final[tuple[Bucket, ...]] = ("day", "week", "month")
# Names come from outside; a generator that makes them up must not make the answer endless.
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class _Found:
    """The sums of a range and of its buckets."""

    total: Tally
    buckets: list[Tally]


class Reader:
    """Reads the statistics of one database. Safe to use from many threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._keeper = Keeper(connections)

    def statistics(
        self, *, bucket: str | None, tz: str, filters: Filters, seconds: float | None = None
    ) -> Statistics:
        """The figures of what the filters mean; InvalidFilterError for what cannot be asked.

        With `seconds` nothing is brought up to date, and an answer that takes longer is given up.
        """
        meant = checks.parameters_of(filters)
        asked = range_of(meant["from_"], meant["to"], bucket=bucket, tz=tz, now=datetime.now(UTC))
        is_narrowed = any(value is not None for name, value in meant.items() if name not in ("from_", "to"))
        if not asked.starts:
            return _statistics(asked, _Found(Tally(), []))
        if is_narrowed:
            found = self._found(asked, meant, seconds=seconds or _READ_SECONDS)
        else:
            found = self._found_up_to_date(asked, seconds)
        return _statistics(asked, found)

    def refresh(self, *, seconds: float) -> bool:
        """Compute what changed, as far as it goes in about so many seconds; whether nothing is left."""
        return self._keeper.catch_up(seconds=seconds)

    def rebuild(self) -> Iterator[float]:
        """Compute all summaries anew, those of days and more for UTC; gives the share that is done.

        Raises:
            DatabaseUnavailableError: summaries cannot be changed here.
        """
        for share in self._keeper.rebuild():
            yield _SHARE_OF_SLOTS * share
        with _snapshot(self._connections) as cursor:
            bounds = cursor.execute(statement("statistics/bounds")).fetchall()[0]
        if bounds[0] is None:
            yield 1.0
            return
        zone = zone_of("UTC")
        start, stop = start_of("month", bounds[0], zone), bounds[1].astimezone(UTC) + SLOT
        for place, bucket in enumerate(_KEPT_BUCKETS, 1):
            asked = Range(start, stop, bucket, zone, list(starts_of(bucket, start, stop, zone)))
            is_left = True
            while is_left:
                until = monotonic() + _KEEPING_SECONDS
                is_left = not self._keeper.insistently(partial(keep_sums, asked=asked, until=until))
            yield _SHARE_OF_SLOTS + (1 - _SHARE_OF_SLOTS) * place / len(_KEPT_BUCKETS)

    def _found_up_to_date(self, asked: Range, seconds: float | None) -> _Found:
        if seconds is None and not self._keeper.is_refused:
            with suppress(BehindError):
                return self._found(asked, None, seconds=0.0)
            self._bring_up_to_date(asked, seconds=_KEEPING_SECONDS)
            # Much is left after a migration, and at the first question of a zone.
            with suppress(BehindError, DatabaseUnavailableError):
                return self._found(asked, None, seconds=_ADDING_SECONDS)
            self._bring_up_to_date(asked, seconds=_LONG_KEEPING_SECONDS)
        try:
            return self._found(asked, None, seconds=seconds or _READ_SECONDS)
        except BehindError:
            raise DatabaseUnavailableError(
                f"the sums of {asked.start:%Y-%m-%d} to {asked.stop:%Y-%m-%d} by the clocks of "
                f"{asked.zone.key} are wanted, they are still being computed; ask again in a minute, "
                "it goes on from where it is"
            ) from None

    def _found(
        self,
        asked: Range,
        meant: Mapping[str, Any] | None,
        *,
        seconds: float = _READ_SECONDS,
    ) -> _Found:
        """From sums or rows.

        BehindError where sums should be kept before: those that are not take longer than so many seconds.
        """
        now = monotonic()
        with _snapshot(self._connections, seconds=seconds or _READ_SECONDS) as cursor:
            may_use_sums = cursor.execute(statement("statistics/reader")).fetchall()[0][0]
            if meant is not None or asked.bucket == "minute" or not may_use_sums:
                return _from_rows(cursor, asked, meant, until=now + (seconds or _READ_SECONDS))
            cursor.execute(statement("statistics/lock_tables"))
            cursor.execute(statement("statistics/few_rows"))
            slots = [row[0].astimezone(UTC) for row in cursor.execute(statement("statistics/changed_slots"))]
            changed = [slot for slot in slots if asked.start < slot + SLOT and slot < asked.stop]
            if not seconds and len(changed) > _FEW_SLOTS:
                raise BehindError
            return _from_sums(Sums(cursor, asked.zone, changed=changed, until=now + seconds), asked)

    def _bring_up_to_date(self, asked: Range, *, seconds: float) -> None:
        """Keep what this range needs, as far as it goes in about so many seconds."""
        until = monotonic() + seconds
        if self._keeper.catch_up(seconds=seconds):
            self._keeper.exclusively(partial(keep_sums, asked=asked, until=until))


@contextmanager
def _snapshot(connections: Connections, *, seconds: float = _READ_SECONDS) -> Iterator[Cursor]:
    """A transaction that sees one moment: sums and rows, and what changed between them."""
    with (
        connections.connection(seconds=seconds + 1) as connection,
        connection.transaction(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement("statistics/snapshot"))
        limit_statements(cursor, monotonic() + seconds)
        yield cursor


def _from_rows(cursor: Cursor, asked: Range, meant: Mapping[str, Any] | None, *, until: float) -> _Found:
    found = tallies_from_rows(cursor, asked.starts, asked.stop, meant=meant, until=until)
    buckets = [found.get(place) or Tally() for place in range(len(asked.starts))]
    return _Found(_sum_of(buckets), buckets)


def keep_sums(cursor: Cursor, asked: Range, until: float) -> bool:
    """Keep the sums of a range that are not kept yet, with the lock; whether that was all before `until`."""
    try:
        _from_sums(Sums(cursor, asked.zone, keeps=True, until=until), asked)
    except BehindError:
        return False
    return True


def _from_sums(sums: Sums, asked: Range) -> _Found:
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
    return _Found(_total(sums, asked, {spans[place]: tally for place, tally in found.items()}), buckets)


def _total(sums: Sums, asked: Range, added: Mapping[Span, Tally]) -> Tally:
    """The sum of the range; `added` are points that were added up, those cut at its edges among them."""
    start, stop = _widened((asked.start, asked.stop), "month", asked.zone, sums.bounds)
    edges = [span for span in added if span[0] == start or span[1] == stop]
    inner = (
        max((span[1] for span in edges if span[0] == start), default=start),
        min((span[0] for span in edges if span[1] == stop), default=stop),
    )
    [total] = sums.of([cut(*inner, asked.zone)]) if inner[0] < inner[1] else [Tally()]
    return _sum_of([total, *(added[span] for span in edges)]) if edges else total


def _widened(span: Span, bucket: Bucket, zone: ZoneInfo, bounds: Span | None) -> Span:
    """The span up to where a bucket begins and ends, on a side on which there is nothing any more."""
    start, stop = span
    if bounds is None or start <= bounds[0]:
        start = start_of(bucket, start, zone)
    if bounds is None or stop >= bounds[1]:
        begun = start_of(bucket, stop, zone)
        stop = stop if begun == stop else start_after(bucket, stop, zone)
    return start, stop


def _sum_of(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    total.fold()
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
