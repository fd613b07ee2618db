"""A daemon thread that is started when it is needed, and again if it could not be."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

# Threads may be short for a while; at the end of an interpreter there are none any more.
_AGAIN_SECONDS: Final = 1.0


class Starter:
    """Starts one thread at most; asking again costs nothing."""

    def __init__(self, run: Callable[[], None], name: str) -> None:
        self._run = run
        self._name = name
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._is_starting = False
        self._tried_at = -_AGAIN_SECONDS

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def was_started(self) -> bool:
        """Whether it ran at any time."""
        return self._thread is not None

    def start(self) -> None:
        """Start it, unless it runs or has ended. Never raises: at most once a second it is tried again."""
        if self._thread is not None or monotonic() - self._tried_at < _AGAIN_SECONDS:
            return
        with self._lock:
            # A signal's handler may come by here while its own thread starts it.
            if self._thread is not None or self._is_starting:
                return
            self._is_starting = True
            self._tried_at = monotonic()
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
                self._thread = thread
            except RuntimeError:
                # No thread to be had; what is on disk stays there.
                pass
            finally:
                self._is_starting = False

    def join(self, seconds: float) -> None:
        """Wait for its end, unless it is the calling thread."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)
