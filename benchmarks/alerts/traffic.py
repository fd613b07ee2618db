"""A made-up service: its models, its days and nights, and what goes wrong in it, all from one seed."""

import math
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

Trouble = Literal["outage", "brownout", "failing_drift", "slow_drift", "hiccup", "silence"]

# How many refusals are told as such.
RECOGNISED: Final = 0.85
# From here on a drift is something that a person would want to hear of.
FAILING_ENOUGH: Final = 0.2
SLOW_ENOUGH: Final = 1.5


@dataclass(frozen=True, slots=True)
class Model:
    """`failure_rate` when all is well, `median_ms` and `spread` of the time that a picture takes."""

    name: str
    failure_rate: float
    median_ms: float
    spread: float


@dataclass(frozen=True, slots=True)
class Incident:
    """What goes wrong from `start` to `end` (seconds), with one model or, for silence, with all arrivals.

    `depth`: the share of calls that fail, or how many times longer they take, at the worst. `is_slow`: calls
    fail by a time-out of 30 to 60 s, else at once. Drifts grow over their first half and stay.
    """

    trouble: Trouble
    model: str | None
    start: float
    end: float
    depth: float = 1.0
    is_slow: bool = False

    def share_at(self, moment: float) -> float:
        """How much of its depth is reached."""
        if not self.trouble.endswith("drift"):
            return 1.0
        return min(1.0, 2 * (moment - self.start) / (self.end - self.start))

    def is_felt_within(self, start: float, end: float) -> bool:
        """Whether in this time it was bad enough that an alarm is right."""
        if end < self.start or start > self.end:
            return False
        reached = self.share_at(min(end, self.end))
        if self.trouble == "failing_drift":
            return reached * self.depth >= FAILING_ENOUGH
        if self.trouble == "slow_drift":
            return 1 + reached * (self.depth - 1) >= SLOW_ENOUGH
        return self.trouble != "hiccup"


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of the request of this number; times in seconds. `error_class` None: it gave a picture."""

    request: int
    model: str
    start: float
    end: float
    error_class: str | None = None

    @property
    def failed(self) -> bool:
        return self.error_class is not None

    @property
    def duration_ms(self) -> int:
        return round((self.end - self.start) * 1000)


@dataclass(frozen=True, slots=True)
class Request:
    """One generation with its calls in order; it failed if the last of them did."""

    number: int
    start: float
    calls: tuple[Call, ...]

    @property
    def end(self) -> float:
        return self.calls[-1].end

    @property
    def failed(self) -> bool:
        return self.calls[-1].failed


class Service:
    """Everything about one simulated service; the same seed gives the same traffic."""

    def __init__(self, seed: int, *, weeks: float = 2, troubles: float = 1) -> None:
        """`troubles`: how many times as much goes wrong as is usual."""
        self.seed = seed
        self._troubles = troubles
        self.end = weeks * WEEK
        chance = random.Random(f"service {seed}")
        number = chance.randint(2, 6)
        self.models = tuple(
            Model(
                name=f"model-{index}",
                failure_rate=chance.uniform(0.005, 0.08),
                median_ms=1000 * math.exp(chance.uniform(math.log(2), math.log(25))),
                spread=chance.uniform(0.15, 0.45),
            )
            for index in range(number)
        )
        self.peak = math.exp(chance.uniform(math.log(4), math.log(40)))
        self.night = chance.uniform(0.1, 0.35)
        self.weekend = chance.uniform(0.4, 1.0)
        self.is_spread = chance.random() < 0.4
        self.bad_prompts = chance.uniform(0.001, 0.005)
        self.incidents = tuple(sorted(self._incidents(chance), key=lambda incident: incident.start))
        self._number = 0
        self._by_model = {
            model.name: [each for each in self.incidents if each.model == model.name] for model in self.models
        }
        self._silences = [each for each in self.incidents if each.trouble == "silence"]

    def load(self, moment: float) -> float:
        """Requests a minute; the simulation begins on a Monday at midnight."""
        hour = moment % DAY / HOUR
        day: float = (0.5 - 0.5 * math.cos(2 * math.pi * (hour - 3) / 24)) ** 1.5
        week = self.weekend if moment % WEEK >= 5 * DAY else 1.0
        return self.peak * week * (self.night + (1 - self.night) * day)

    def requests(self) -> Iterator[Request]:
        """All requests by the time they begin."""
        chance = random.Random(f"traffic {self.seed}")
        repeats: list[float] = []
        self._number = 0
        moment = 0.0
        while True:
            moment += chance.expovariate(self.peak) * MINUTE
            while repeats and repeats[0] <= moment:
                yield self._request(chance, repeats.pop(0), is_bad=True)
            if moment >= self.end:
                return
            if chance.random() * self.peak >= self.load(moment):
                continue
            if any(each.start <= moment < each.end for each in self._silences):
                continue
            is_bad = chance.random() < self.bad_prompts
            if is_bad:
                # Somebody whose prompt is refused tries it again, and again.
                again = moment
                for _ in range(chance.randint(0, 3)):
                    again += chance.uniform(5, 30)
                    repeats.append(again)
                repeats.sort()
            yield self._request(chance, moment, is_bad=is_bad)

    def _request(self, chance: random.Random, start: float, *, is_bad: bool) -> Request:
        self._number += 1
        first = chance.randrange(len(self.models)) if self.is_spread else 0
        calls: list[Call] = []
        moment = start
        for model in (*self.models[first:], *self.models[:first]):
            call = self._call(chance, model, moment, is_bad=is_bad)
            calls.append(call)
            if not call.failed:
                break
            moment = call.end
        return Request(self._number, start, tuple(calls))

    def _call(self, chance: random.Random, model: Model, start: float, *, is_bad: bool) -> Call:
        failure_rate, slowness, fails_slowly = model.failure_rate, 1.0, False
        for incident in self._by_model[model.name]:
            if incident.start > start:
                break
            if start >= incident.end:
                continue
            if incident.trouble == "slow_drift":
                slowness = max(slowness, 1 + incident.share_at(start) * (incident.depth - 1))
            else:
                failure_rate = max(failure_rate, incident.share_at(start) * incident.depth)
                fails_slowly = fails_slowly or incident.is_slow
        if is_bad and chance.random() < 0.9:
            # Not every reply says in words that can be known why it holds no picture.
            error_class = "refused" if chance.random() < RECOGNISED else "unknown"
            return Call(self._number, model.name, start, start + chance.uniform(0.2, 4), error_class)
        if chance.random() < failure_rate:
            seconds = chance.uniform(30, 60) if fails_slowly else chance.uniform(0.2, 4)
            return Call(
                self._number,
                model.name,
                start,
                start + seconds,
                "timeout" if fails_slowly else "server_error",
            )
        seconds = chance.lognormvariate(math.log(model.median_ms * slowness / 1000), model.spread)
        return Call(self._number, model.name, start, start + seconds)

    def _incidents(self, chance: random.Random) -> Iterator[Incident]:
        names = [model.name for model in self.models]
        for trouble, a_week, minutes in _TROUBLES:
            for _ in range(_poisson(chance, self._troubles * a_week * self.end / WEEK)):
                length = math.exp(chance.uniform(*map(math.log, minutes))) * MINUTE
                start = chance.uniform(0, self.end)
                yield Incident(
                    trouble,
                    # Fallbacks are called little while all is well: more than half are of the first model.
                    None if trouble == "silence" else chance.choice([names[0], chance.choice(names)]),
                    start,
                    start + length,
                    depth=_depth(chance, trouble),
                    is_slow=trouble in ("outage", "brownout") and chance.random() < 0.4,
                )
        # Rate limits and restarts: seconds in which a model refuses everything, and nothing to wake up for.
        for name in names:
            for _ in range(_poisson(chance, self.end / DAY)):
                start = chance.uniform(0, self.end)
                yield Incident("hiccup", name, start, start + chance.uniform(3, 25))


_TROUBLES: Final[Sequence[tuple[Trouble, float, tuple[float, float]]]] = (
    ("outage", 5, (6, 240)),
    ("brownout", 2, (20, 240)),
    ("failing_drift", 1, (360, 1440)),
    ("slow_drift", 1, (360, 1440)),
    ("silence", 1, (40, 240)),
)


def _depth(chance: random.Random, trouble: Trouble) -> float:
    if trouble == "brownout":
        return chance.uniform(0.6, 0.95)
    if trouble == "failing_drift":
        return chance.uniform(0.3, 0.9)
    if trouble == "slow_drift":
        return chance.uniform(2, 15)
    return 1.0


def _poisson(chance: random.Random, mean: float) -> int:
    """Knuth's way, good for the small means here."""
    limit, product, number = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        number += 1
    return number


def between(moments: Sequence[float], start: float, end: float) -> int:
    """How many of the sorted moments are in (start, end]."""
    return bisect_right(moments, end) - bisect_right(moments, start)
