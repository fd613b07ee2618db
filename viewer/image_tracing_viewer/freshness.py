"""The thread that brings the summaries of the statistics up to date while the viewer serves."""

import logging
import threading
from typing import Final

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.store import Store

_log = logging.getLogger("image_tracing_viewer")

_INTERVAL_SECONDS: Final = 60.0
# Of each minute; what is left comes in the next, or when somebody asks.
_WORK_SECONDS: Final = 2.0


class Freshness:
    """Computes what writers changed, so that whoever opens the statistics after a week does not wait for it.

    Of several viewers one does it at a time, as the database says. Where it may not be done, nothing is.
    """

    def __init__(self, store: Store, *, interval_seconds: float = _INTERVAL_SECONDS) -> None:
        self._store = store
        self._interval_seconds = interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="image-tracing-freshness", daemon=True)

    def start(self) -> None:
        """Begin, with the first pause."""
        self._thread.start()

    def close(self) -> None:
        """End; a step that runs is given a moment."""
        self._stop.set()
        self._thread.join(_WORK_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(self._interval_seconds):
            try:
                self._store.refresh_stats(seconds=_WORK_SECONDS)
            except ImageTracingError:
                # The database is away or not migrated, which the pages tell.
                pass
            except Exception:  # noqa: BLE001
                _log.exception("summaries could not be brought up to date; it is tried again in a minute")
