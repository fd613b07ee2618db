"""The time line of a generation: where each attempt's bar begins and ends, as shares of the whole width."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from image_tracing_postgres.records import Attempt, Trace
from image_tracing_viewer.formats import round_duration

_STEPS_MS = (
    *(step * 10**power for power in range(5) for step in (1, 2, 5) if step * 10**power <= 20_000),
    *(
        seconds * 1000
        for seconds in (30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400)
    ),
)
_LEAST_GAP_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the time line. `x` and `width` are percentages of its length, from 0.0 to 100.0."""

    start_ms: int
    duration_ms: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt on the time line.

    `position` counts from 1 in the order of the trace's attempts. `gap` is the idle time just before the
    attempt, None if there was none worth showing.
    """

    position: int
    attempt: Attempt
    span: Span
    gap: Span | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A time on the axis, in milliseconds from its beginning and as a percentage of its length."""

    at_ms: int
    label: str
    x: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The bars in order of first try over an axis that begins at the generation's start.

    `wasted`: the stretches during which only failed attempts ran, none overlapping another. `wasted_ms`: the
    sum of the failed attempts' durations. `waiting_ms`: the time before and between attempts when none ran.
    `tail`: what came after the last attempt. `time_to_picture_ms`: until the first attempt with a picture
    ended, None if none did.
    """

    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    wasted: Sequence[Span]
    tail: Span | None
    length_ms: int
    wasted_ms: int
    waiting_ms: int
    time_to_picture_ms: int | None

    @property
    def has_gaps(self) -> bool:
        """Whether idle time between attempts shows."""
        return any(bar.gap for bar in self.bars)


def waterfall_of(trace: Trace, *, most_ticks: int = 6) -> Waterfall:
    """The time line of one generation.

    The axis begins at the least of `created_at` and the attempts' starts, since the clocks of two processes
    may differ, and ends with the generation or its last attempt, whichever is later; it is 1 ms or longer.
    """
    attempts = trace.attempts
    origin = min([trace.created_at, *(attempt.started_at for attempt in attempts)])
    ranges = [_range(attempt, origin) for attempt in attempts]
    own_start = _milliseconds(trace.created_at - origin)
    own_end = own_start + (trace.total_duration_ms or 0)
    length = max([1, own_end, *(end for _, end in ranges)])

    def span(start: int, end: int) -> Span:
        return Span(
            start_ms=start,
            duration_ms=end - start,
            x=round(100 * start / length, 3),
            width=round(100 * (end - start) / length, 3),
        )

    bars: list[Bar] = []
    waiting_ms = 0
    reached = 0
    for index in sorted(range(len(attempts)), key=lambda index: ranges[index]):
        start, end = ranges[index]
        idle = max(0, start - reached)
        waiting_ms += idle
        gap = span(reached, start) if idle >= max(1, length * _LEAST_GAP_SHARE) else None
        bars.append(Bar(index + 1, attempts[index], span(start, end), gap))
        reached = max(reached, end)
    has_tail = bool(attempts) and own_end - reached >= max(1, length * _LEAST_GAP_SHARE)
    succeeded = [bounds for attempt, bounds in zip(attempts, ranges, strict=True) if attempt.success]
    failed = [bounds for attempt, bounds in zip(attempts, ranges, strict=True) if not attempt.success]
    return Waterfall(
        bars=sorted(bars, key=lambda bar: bar.position),
        ticks=_ticks(length, most_ticks),
        wasted=[span(start, end) for start, end in _without(_union(failed), _union(succeeded))],
        tail=span(reached, own_end) if has_tail else None,
        length_ms=length,
        wasted_ms=sum(attempt.duration_ms or 0 for attempt in attempts if not attempt.success),
        waiting_ms=waiting_ms,
        time_to_picture_ms=min((end for _, end in succeeded), default=None),
    )


def _milliseconds(delta: timedelta) -> int:
    return round(delta / timedelta(milliseconds=1))


def _range(attempt: Attempt, origin: datetime) -> tuple[int, int]:
    start = _milliseconds(attempt.started_at - origin)
    return start, start + max(0, attempt.duration_ms or 0)


def _ticks(length_ms: int, most: int) -> list[Tick]:
    """Round times along the axis, the first at 0, none at the very end where its label would not fit."""
    days = 86_400_000
    step = next(
        (step for step in _STEPS_MS if length_ms / step <= most), -(-length_ms // (days * most)) * days
    )
    return [
        Tick(at_ms=at, label=round_duration(at), x=round(100 * at / length_ms, 3))
        for at in range(0, length_ms + 1, step)
    ]


def _union(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same stretches without overlaps, in order."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _without(ranges: list[tuple[int, int]], taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of the stretches outside the taken ones; both come without overlaps and in order."""
    left: list[tuple[int, int]] = []
    for start, end in ranges:
        for taken_start, taken_end in taken:
            if taken_end <= start or taken_start >= end:
                continue
            if taken_start > start:
                left.append((start, taken_start))
            start = max(start, taken_end)
        if start < end:
            left.append((start, end))
    return left
