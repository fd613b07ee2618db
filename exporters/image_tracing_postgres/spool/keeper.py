"""The thread that looks after the spool's files: synced, back after a failure, counted and told."""

import logging
import os
import threading
import weakref
from time import monotonic
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.adoption import add_to_total
from image_tracing_postgres.spool.counts import REASONS, write_counts
from image_tracing_postgres.spool.spool import Spool

_logger: Final = logging.getLogger(__name__)

_SYNC_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 1.0
_TELL_SECONDS: Final = 60.0
# A loss, or something close to one: these are worth a line in the log.
_TOLD: Final = tuple(reason for reason in REASONS if reason not in ("ended", "stored"))


class Keeper:
    """Looks after a spool as long as something moves in it, and sleeps otherwise."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._begin()
        if hasattr(os, "register_at_fork"):
            _begin_anew_in_children(self)

    def _begin(self) -> None:
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._written = -1
        self._told: dict[str, int] = {}
        self._told_at = monotonic()

    def wake(self) -> None:
        """Say that something was appended. Quick, from any thread."""
        if not self._woken.is_set():
            self._woken.set()
            if self._thread is None and not self._is_stopping:
                thread = threading.Thread(target=self._run, name="image-tracing keeper", daemon=True)
                try:
                    self._thread = thread
                    thread.start()
                except RuntimeError:
                    # The interpreter is ending; what is on disk stays there.
                    self._is_stopping = True

    def stop(self) -> None:
        """End the thread, write the last counts and tell of losses."""
        self._is_stopping = True
        self._woken.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(0.5)
        self._tell()
        self._write_counts()
        if not self._spool.segments:
            add_to_total(self._spool.folder, self._spool.process)

    def _run(self) -> None:
        looked_at = 0.0
        while not self._is_stopping:
            self._woken.wait(_LOOK_SECONDS if self._is_busy else None)
            # So much is written together, and so late at most.
            self._woken.clear()
            if self._is_stopping:
                return
            threading.Event().wait(_SYNC_SECONDS)
            if self._spool.durability == "group":
                self._spool.sync()
            if monotonic() - looked_at >= _LOOK_SECONDS:
                looked_at = monotonic()
                self._look()

    @property
    def _is_busy(self) -> bool:
        spool = self._spool
        return (
            spool.has_memory
            or spool.is_failing
            or spool.counts.version != self._written
            or self._has_to_tell
            or any(segment.cursor < segment.size for segment in spool.segments)
        )

    @property
    def _has_to_tell(self) -> bool:
        values = self._spool.counts.values()
        return any(values[reason] != self._told.get(reason, 0) for reason in _TOLD)

    def _look(self) -> None:
        self._spool.recover()
        self._spool.room.look()
        self._write_counts()
        if monotonic() - self._told_at >= _TELL_SECONDS:
            self._tell()

    def _write_counts(self) -> None:
        version = self._spool.counts.version
        if version == self._written:
            return
        try:
            write_counts(
                self._spool.folder / (self._spool.process + places.COUNTS), self._spool.counts.values()
            )
        except OSError:
            # The same disk that takes no records; the figures stay in memory.
            return
        self._written = version

    def _tell(self) -> None:
        values = self._spool.counts.values()
        news = {
            reason: values[reason] - self._told.get(reason, 0)
            for reason in _TOLD
            if values[reason] != self._told.get(reason, 0)
        }
        if news:
            _logger.warning(
                "in the last minute: %s",
                "; ".join(f"{number} {REASONS[reason]}" for reason, number in news.items()),
            )
        self._told, self._told_at = values, monotonic()

    def _in_child(self) -> None:
        """The thread is the parent's."""
        self._begin()


def _begin_anew_in_children(keeper: Keeper) -> None:
    # Weak, since hooks cannot be taken back.
    reference = weakref.ref(keeper)

    def begin() -> None:
        if (known := reference()) is not None:
            known._in_child()

    os.register_at_fork(after_in_child=begin)
