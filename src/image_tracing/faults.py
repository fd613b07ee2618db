"""Faults of the instrumentation itself: told once each in the log, never to the host."""

import logging
import sys
from typing import Final

_logger: Final = logging.getLogger("image_tracing")
_told: Final[set[str]] = set()


def tell_once(place: str) -> None:
    """Log the exception being handled, once for each `place`; without its message, which may hold data."""
    if place in _told:
        return
    _told.add(place)
    error = sys.exception()
    where = ""
    traceback = error.__traceback__ if error is not None else None
    while traceback is not None:
        where = f" at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    _logger.warning(
        "image_tracing could not %s (%s%s); the call itself is unaffected, and this is logged once",
        place,
        type(error).__name__,
        where,
    )
