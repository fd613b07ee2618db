"""Waiting for something to become true."""

import time
from collections.abc import Callable


class TooSlowError(Exception):
    """What was waited for did not come within its time limit."""


def wait_until(
    condition: Callable[[], object], *, seconds: float, wanted: str, poll_seconds: float = 0.02
) -> float:
    """How long it took, in seconds. Raises TooSlowError."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TooSlowError(f"{wanted} was wanted within {seconds:g} s and did not come")
        time.sleep(poll_seconds)
    return time.monotonic() - began
