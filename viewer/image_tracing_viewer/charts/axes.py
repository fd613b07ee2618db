"""The axes of charts: round steps for values, and labels for places."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from image_tracing_viewer.formats import round_duration


@dataclass(frozen=True, slots=True)
class Tick:
    """A label below the plot. `index` counts the axis's places; narrow plots leave the minor ones out."""

    index: int
    label: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """The values' axis from its least to its greatest tick; each is labelled and has a line."""

    ticks: Sequence[float]
    label: Callable[[float], str]


def duration_axis(most_ms: float) -> Axis:
    """An axis of milliseconds from 0, in three to six steps as clocks have them."""
    steps = (power * factor for power in (1, 10, 100, 1000) for factor in (1, 2, 5))
    longer = (seconds * 1000 for seconds in (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600))
    step = next((step for step in (*steps, *longer) if most_ms / step <= 5), 0)
    if not step:
        step = math.ceil(most_ms / 5 / 7_200_000) * 7_200_000
    return Axis([step * number for number in range(max(1, math.ceil(most_ms / step)) + 1)], round_duration)


def axis_up_to(most: float, label: Callable[[float], str], *, least_step: float = 0.0) -> Axis:
    """An axis from 0 to `most` or a little more, in three to six round steps of at least `least_step`."""
    wanted = max(most / 5, least_step, 1e-6)
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted * 0.999)
    return Axis([step * number for number in range(max(1, math.ceil(most / step)) + 1)], label)
