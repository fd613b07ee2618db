"""Sums that can be added to each other: from rows of the tables, from summaries, up to a whole range."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Self

from image_tracing_postgres.statistics.figures import Durations

_PERCENTILES = (50, 90, 95, 99)

Pair = tuple[str | None, str | None]
"""Provider and model."""


class Sketch:
    """How long things took: values that occurred and how often, of close ones the least stands for all.

    sql/statistics/*.sql puts values above 100 ms together that are within 1 % of each other. Adding two keeps
    the values of both, so that the order of adding does not matter.
    """

    __slots__ = ("counts", "sum_ms")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.sum_ms = 0

    def add(self, values: Sequence[int] | None, numbers: Sequence[int] | None, sum_ms: int | None) -> None:
        """Values in milliseconds with their numbers, and the exact sum of what they stand for."""
        if values and numbers:
            counts = self.counts
            for value, number in zip(values, numbers, strict=True):
                counts[value] = counts.get(value, 0) + number
            self.sum_ms += int(sum_ms or 0)

    def merge(self, other: "Sketch") -> None:
        counts = self.counts
        for value, number in other.counts.items():
            counts[value] = counts.get(value, 0) + number
        self.sum_ms += other.sum_ms

    @property
    def durations(self) -> Durations | None:
        """Mean and nearest-rank percentiles; None of nothing."""
        counts = self.counts
        total = sum(counts.values())
        if not total:
            return None
        ranks = [ceil(total * percentile / 100) for percentile in _PERCENTILES]
        found: list[int] = []
        reached = 0
        for value in sorted(counts):
            reached += counts[value]
            while len(found) < len(ranks) and reached >= ranks[len(found)]:
                found.append(value)
        return Durations(round(self.sum_ms / total, 1), *found)


@dataclass(slots=True)
class AttemptTally:
    """Sums over attempts."""

    attempts: int = 0
    succeeded: int = 0
    images: int = 0
    size_bytes: int = 0
    chances: int = 0
    rescues: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    error_classes: Counter[str] = field(default_factory=Counter)
    sketch: Sketch = field(default_factory=Sketch)

    def merge(self, other: Self) -> None:
        self.attempts += other.attempts
        self.succeeded += other.succeeded
        self.images += other.images
        self.size_bytes += other.size_bytes
        self.chances += other.chances
        self.rescues += other.rescues
        self.outcomes.update(other.outcomes)
        self.error_classes.update(other.error_classes)
        self.sketch.merge(other.sketch)


FlowKey = tuple[int, str | None, str | None]
"""How many models were tried, the first of them, the one that served."""


@dataclass(slots=True)
class GenerationTally:
    """Sums over generations. `flows` counts those that have ended."""

    completed: int = 0
    failed: int = 0
    started: int = 0
    recovered: int = 0
    wasted_ms: int = 0
    flows: Counter[FlowKey] = field(default_factory=Counter)
    sketch: Sketch = field(default_factory=Sketch)

    @property
    def fallbacks(self) -> int:
        return sum(number for (depth, _, _), number in self.flows.items() if depth > 1)

    def merge(self, other: Self) -> None:
        self.completed += other.completed
        self.failed += other.failed
        self.started += other.started
        self.recovered += other.recovered
        self.wasted_ms += other.wasted_ms
        self.flows.update(other.flows)
        self.sketch.merge(other.sketch)


@dataclass(slots=True)
class Tally:
    """The sums of one stretch of time."""

    generations: GenerationTally = field(default_factory=GenerationTally)
    pairs: defaultdict[Pair, AttemptTally] = field(default_factory=lambda: defaultdict(AttemptTally))

    def merge(self, other: Self) -> None:
        self.generations.merge(other.generations)
        for pair, attempts in other.pairs.items():
            self.pairs[pair].merge(attempts)

    @property
    def attempts(self) -> AttemptTally:
        return merged(self.pairs.values())

    @property
    def by_provider(self) -> Mapping[str | None, AttemptTally]:
        return self._by(0)

    @property
    def by_model(self) -> Mapping[str | None, AttemptTally]:
        return self._by(1)

    def _by(self, place: int) -> Mapping[str | None, AttemptTally]:
        groups: defaultdict[Any, list[AttemptTally]] = defaultdict(list)
        for pair, attempts in self.pairs.items():
            groups[pair[place]].append(attempts)
        return {name: of[0] if len(of) == 1 else merged(of) for name, of in groups.items()}


def merged(tallies: Iterable[AttemptTally]) -> AttemptTally:
    """The sum of all of them."""
    total = AttemptTally()
    for tally in tallies:
        total.merge(tally)
    return total
