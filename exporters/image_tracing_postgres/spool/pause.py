"""Letting the host's threads have the interpreter while the drainer computes."""

from time import monotonic, sleep
from typing import Final

from image_tracing_postgres.spool.spool import Spool

# Who waits for the interpreter gets it after 5 ms, unless its holder sleeps; sleep(0) takes it back before
# anybody wakes.
_SECONDS: Final = 0.000_05
_EVERY_SECONDS: Final = 0.000_5
_EVERY_SECONDS_APPENDING: Final = 0.000_1
# A host that ended no span for so long is not at work, and a backlog is stored at full speed.
_IDLE_SECONDS: Final = 1.0


class Pause:
    """To be called between two records or rows: sleeps a moment if a thread of the host could wait."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._paused_at = 0.0

    def __call__(self) -> None:
        now = monotonic()
        every = _EVERY_SECONDS_APPENDING if self._spool.is_appending else _EVERY_SECONDS
        if now - self._paused_at > every and now - self._spool.appended_at < _IDLE_SECONDS:
            sleep(_SECONDS)
            self._paused_at = monotonic()
