"""Labels beside the ends of lines, pushed apart so that none covers another."""

from collections.abc import Sequence


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
