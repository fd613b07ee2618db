"""How the figures of the charts read."""

import math

from image_tracing_viewer.formats import NOTHING


def percent(rate: float | None) -> str:
    """`97.3 %`; only what is all or nothing reads `100 %` or `0 %`."""
    if rate is None:
        return NOTHING
    if rate in (0, 1):
        return f"{rate * 100:.0f} %"
    tenths = min(999, max(1, math.floor(rate * 1000 + 0.5)))
    return f"{tenths / 10:.1f} %"


def number(value: float) -> str:
    """`1,204`."""
    return f"{value:,.0f}"


def short_number(value: float) -> str:
    """For an axis: `0`, `950`, `2 k`, `1.5 M`."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{value:.0f}"


def isolated(name: str) -> str:
    """The name with marks around it that keep its direction of writing to itself, for texts of SVG."""
    return f"\u2068{name}\u2069"


def change(now: float | None, before: float | None) -> str:
    """How a count moved: `+12 %`, or how many times as many; empty where nothing can be compared."""
    if not before or now is None:
        return ""
    ratio = now / before
    if ratio >= 2.95:
        return f"{ratio:.1f}".removesuffix(".0") + " times as many"
    moved = round(100 * (ratio - 1))
    return f"+{moved} %" if moved > 0 else f"\u2212{-moved} %" if moved < 0 else "±0 %"


def was(before: str) -> str:
    """What a figure was in the range before, as a note; empty if that tells nothing."""
    return f"was {before}" if before else ""
