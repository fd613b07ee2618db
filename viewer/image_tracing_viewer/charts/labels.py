"""Labels of charts: cut to the room they have, and pushed apart so that none covers another."""

import unicodedata
from collections.abc import Sequence
from typing import Final

# Shares of the size of the font; Liberation Sans and DejaVu Sans, between which most others are.
_NARROW: Final = 0.32
_WIDE: Final = 0.9
_USUAL: Final = 0.57
_CAPITAL: Final = 0.7
_FULL: Final = 1.1
_NARROW_LETTERS: Final = frozenset("fijlrtI.,:;!|'`()[]{}-/ ")
_WIDE_LETTERS: Final = frozenset("mwMW@%—…")


def width_of(text: str) -> float:
    """About how wide a line of text is, as a multiple of the size of its font."""
    return sum(map(_width, text))


def fitted(text: str, width: float) -> str:
    """The text if it is about so wide at most, in sizes of its font; else as much as fits, and `…`."""
    if width_of(text) <= width:
        return text
    room = width - _WIDE
    for place, letter in enumerate(text):
        room -= _width(letter)
        if room < 0:
            # A cut inside an emoji sequence would leave a lone joiner behind.
            return text[:place].rstrip().rstrip("\u200d\ufe0f") + "…"
    return text


def _width(letter: str) -> float:
    if letter in _NARROW_LETTERS:
        return _NARROW
    if letter in _WIDE_LETTERS:
        return _WIDE
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    if letter > "\u2e80" and unicodedata.east_asian_width(letter) in "WF":
        return _FULL
    return _CAPITAL if letter.isupper() or letter > "\u2e80" else _USUAL


def spread(wanted: Sequence[float], *, least: float, bottom: float) -> list[float]:
    """Places for labels as near to those wanted as they come with `least` between two, none below `bottom`.

    Comes in the order of `wanted`. Where all cannot fit above `bottom`, the first ones go above 0.
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places = [wanted[index] for index in order]
    for at in range(1, len(places)):
        places[at] = max(places[at], places[at - 1] + least)
    edge = bottom
    for at in range(len(places) - 1, -1, -1):
        places[at] = min(places[at], edge)
        edge = places[at] - least
    found = [0.0] * len(wanted)
    for index, place in zip(order, places, strict=True):
        found[index] = place
    return found
