"""Sums that can be added to each other: from rows of the tables, from summaries, up to a whole range."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import floor
from typing import Final, Self

from image_tracing_postgres.statistics.figures import Durations

_PERCENTILES = (50, 90, 95, 99)
_MOST_MS: Final = 2_147_483_647


def _steps() -> list[int]:
    """The greatest whole number of each step: one a number up to 100, from there on one a power of 1.01."""
    last = list(range(101))
    while last[-1] < _MOST_MS:
        last.append(floor(100 * 1.01 ** (len(last) - 100)))
    return last


_STEPS: Final = _steps()


class Sketch:
    """How long things took: values that occurred and how often, of close ones the least stands for all.

    Close are values above 100 ms, of whole milliseconds up to 2,147,483,647, that lie between the same two
    powers of 1.01, as in sql/statistics/*.sql.
    Adding two keeps the values of both, so that the order of adding does not matter.
    """

    __slots__ = ("_is_thin", "_known", "counts", "sum_ms")

    def __init__(self, *, known: Durations | None = None) -> None:
        self.counts: dict[int, int] = {}
        self._is_thin = False
        self._known = known
        self.sum_ms = 0

    def add(
        self, values: Collection[int] | None, numbers: Collection[int] | None, sum_ms: int | None
    ) -> None:
        """Values in milliseconds with their numbers, and the exact sum of what they stand for."""
        if values and numbers:
            self._known, self._is_thin = None, False
            counts = self.counts
            for value, number in zip(values, numbers, strict=True):
                counts[value] = counts.get(value, 0) + number
            self.sum_ms += int(sum_ms or 0)

    def merge(self, other: "Sketch") -> None:
        """Add what the other has."""
        if self.counts or not other.counts:
            self.add(other.counts.keys(), other.counts.values(), other.sum_ms)
        else:
            self._known, self._is_thin = None, other._is_thin
            self.counts, self.sum_ms = other.counts.copy(), self.sum_ms + other.sum_ms

    def thinned(self) -> tuple[list[int], list[int]]:
        """Values and numbers, of close values the least alone, which also stays of what is in here."""
        if self._is_thin:
            return list(self.counts), list(self.counts.values())
        values: list[int] = []
        numbers: list[int] = []
        most = -1
        for value, number in sorted(self.counts.items()):
            if value > most:
                most = _STEPS[bisect_left(_STEPS, value)]
                values.append(value)
                numbers.append(number)
            else:
                numbers[-1] += number
        self.counts, self._is_thin = dict(zip(values, numbers, strict=True)), True
        return values, numbers

    @property
    def durations(self) -> Durations | None:
        """Mean and nearest-rank percentiles; None of nothing."""
        if self._known is None and self.counts:
            self._known = self._durations()
        return self._known

    def _durations(self) -> Durations:
        # Thinned, so that it does not matter in which pieces the values came.
        values, numbers = self.thinned()
        total = sum(numbers)
        # Whole numbers all through: 0.9 has no exact float.
        ranks = [-(-total * percentile // 100) for percentile in _PERCENTILES]
        found: list[int] = []
        reached = 0
        for value, number in zip(values, numbers, strict=True):
            reached += number
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


Pair = tuple[str | None, str | None]
"""Provider and model."""


@dataclass(slots=True)
class Tally:
    """The sums of one stretch: of short ones over `pairs`, of longer ones over `models` and `providers`.

    `all_attempts` is None where it is only the sum of these.
    """

    generations: GenerationTally = field(default_factory=GenerationTally)
    pairs: dict[Pair, AttemptTally] = field(default_factory=dict)
    models: dict[str | None, AttemptTally] = field(default_factory=dict)
    providers: dict[str | None, AttemptTally] = field(default_factory=dict)
    all_attempts: AttemptTally | None = None

    def merge(self, other: Self) -> None:
        """Add the other."""
        self.all_attempts = None
        self.generations.merge(other.generations)
        for pair, attempts in other.pairs.items():
            self.pairs.setdefault(pair, AttemptTally()).merge(attempts)
        for model, attempts in other.models.items():
            self.models.setdefault(model, AttemptTally()).merge(attempts)
        for provider, attempts in other.providers.items():
            self.providers.setdefault(provider, AttemptTally()).merge(attempts)

    def fold(self) -> None:
        """Have sums over models and providers alone, of close durations one, once all is added up."""
        for (provider, model), attempts in self.pairs.items():
            attempts.sketch.thinned()
            self.models.setdefault(model, AttemptTally()).merge(attempts)
            self.providers.setdefault(provider, AttemptTally()).merge(attempts)
        self.pairs.clear()
        self.generations.sketch.thinned()
        for attempts in (*self.models.values(), *self.providers.values()):
            attempts.sketch.thinned()

    def of(self, provider: str | None, model: str | None) -> AttemptTally:
        """The sums over this pair."""
        return self.pairs.setdefault((provider, model), AttemptTally())

    @property
    def by_model(self) -> Mapping[str | None, AttemptTally]:
        """The sums of each model."""
        return _grouped(self.models, ((model, tally) for (_, model), tally in self.pairs.items()))

    @property
    def by_provider(self) -> Mapping[str | None, AttemptTally]:
        """The sums of each provider."""
        return _grouped(self.providers, ((provider, tally) for (provider, _), tally in self.pairs.items()))

    @property
    def attempts(self) -> AttemptTally:
        """The sum of all models."""
        if self.all_attempts is None:
            self.all_attempts = merged((*self.models.values(), *self.pairs.values()))
        return self.all_attempts


def _grouped(
    known: Mapping[str | None, AttemptTally], pairs: Iterable[tuple[str | None, AttemptTally]]
) -> Mapping[str | None, AttemptTally]:
    groups: dict[str | None, list[AttemptTally]] = {name: [tally] for name, tally in known.items()}
    for name, tally in pairs:
        groups.setdefault(name, []).append(tally)
    return {name: of[0] if len(of) == 1 else merged(of) for name, of in groups.items()}


def merged(tallies: Iterable[AttemptTally]) -> AttemptTally:
    """The sum of all of them."""
    total = AttemptTally()
    for tally in tallies:
        total.merge(tally)
    return total
