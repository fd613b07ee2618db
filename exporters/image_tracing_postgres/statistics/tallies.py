"""Sums that can be added to each other: from rows of the tables, from summaries, up to a whole range."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, log
from typing import Self

from image_tracing_postgres.statistics.figures import Durations

_PERCENTILES = (50, 90, 95, 99)


class Sketch:
    """How long things took: values that occurred and how often, of close ones the least stands for all.

    Close are values above 100 ms that lie between the same two powers of 1.01, as in sql/statistics/*.sql.
    Adding two keeps the values of both, so that the order of adding does not matter.
    """

    __slots__ = ("_known", "counts", "sum_ms")

    def __init__(self, *, known: Durations | None = None) -> None:
        self.counts: dict[int, int] = {}
        self._known = known
        self.sum_ms = 0

    def add(
        self, values: Collection[int] | None, numbers: Collection[int] | None, sum_ms: int | None
    ) -> None:
        """Values in milliseconds with their numbers, and the exact sum of what they stand for."""
        if values and numbers:
            self._known = None
            counts = self.counts
            for value, number in zip(values, numbers, strict=True):
                counts[value] = counts.get(value, 0) + number
            self.sum_ms += int(sum_ms or 0)

    def merge(self, other: "Sketch") -> None:
        self.add(other.counts.keys(), other.counts.values(), other.sum_ms)

    def thinned(self) -> tuple[list[int], list[int]]:
        """Values and numbers, of close values the least alone."""
        counts: dict[int, int] = {}
        steps: dict[int, int] = {}
        for value in sorted(self.counts):
            least = steps.setdefault(_step(value), value)
            counts[least] = counts.get(least, 0) + self.counts[value]
        return list(counts), list(counts.values())

    @property
    def durations(self) -> Durations | None:
        """Mean and nearest-rank percentiles; None of nothing."""
        if self._known is None:
            self._known = self._durations()
        return self._known

    def _durations(self) -> Durations | None:
        # Thinned, so that it does not matter in which pieces the values came.
        values, numbers = self.thinned()
        total = sum(numbers)
        if not total:
            return None
        # Whole numbers all through: 0.9 has no exact float.
        ranks = [-(-total * percentile // 100) for percentile in _PERCENTILES]
        found: list[int] = []
        reached = 0
        for value, number in zip(values, numbers, strict=True):
            reached += number
            while len(found) < len(ranks) and reached >= ranks[len(found)]:
                found.append(value)
        return Durations(round(self.sum_ms / total, 1), *found)


@lru_cache(maxsize=65_536)
def _step(value: int) -> int:
    return value if value <= 100 else 100 + ceil(log(value / 100) / log(1.01))


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
    """The sums of one stretch of time. `all_attempts` is None where it is only the sum of `models`."""

    generations: GenerationTally = field(default_factory=GenerationTally)
    models: dict[str | None, AttemptTally] = field(default_factory=dict)
    providers: dict[str | None, AttemptTally] = field(default_factory=dict)
    all_attempts: AttemptTally | None = None

    def merge(self, other: Self) -> None:
        self.all_attempts = None
        self.generations.merge(other.generations)
        for mine, theirs in ((self.models, other.models), (self.providers, other.providers)):
            for name, attempts in theirs.items():
                mine.setdefault(name, AttemptTally()).merge(attempts)

    def of(self, provider: str | None, model: str | None) -> tuple[AttemptTally, AttemptTally]:
        """The two sums that an attempt counts in."""
        return (
            self.models.setdefault(model, AttemptTally()),
            self.providers.setdefault(provider, AttemptTally()),
        )

    @property
    def attempts(self) -> AttemptTally:
        """The sum of all models."""
        if self.all_attempts is None:
            self.all_attempts = merged(self.models.values())
        return self.all_attempts


def merged(tallies: Iterable[AttemptTally]) -> AttemptTally:
    """The sum of all of them."""
    total = AttemptTally()
    for tally in tallies:
        total.merge(tally)
    return total
