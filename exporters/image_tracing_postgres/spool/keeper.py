"""The thread that looks after the spool's files: synced, back after a failure, counted and told."""

import logging
import threading
from time import monotonic
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.counts import REASONS, write_counts
from image_tracing_postgres.spool.forks import follow_forks
from image_tracing_postgres.spool.spool import Spool
from image_tracing_postgres.spool.threads import Starter
from image_tracing_postgres.spool.totals import add_to_total

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
        follow_forks(self)

    def _begin(self) -> None:
        self._condition = threading.Condition()
        self._thread = Starter(self._run, "image-tracing keeper")
        self._is_woken = False
        self._is_stopping = False
        self._looked_at = 0.0
        self._written = -1
        self._told: dict[str, int] = {}
        self._told_at = monotonic()

    def wake(self) -> None:
        """Say that something was appended. Quick, from any thread."""
        if not self._thread.is_alive and not self._is_stopping:
            self._thread.start()
        if not self._is_woken:
            self._is_woken = True
            with self._condition:
                self._condition.notify_all()

    def stop(self) -> None:
        """End the thread, write the last counts and tell of losses."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify_all()
        self._thread.join(0.5)
        self._tell()
        self._write_counts()
        if not self._spool.segments:
            add_to_total(self._spool.folder, self._spool.process)

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - the host must not notice
                _logger.debug("the spool could not be looked after (%s)", type(error).__name__)
                self._wait(_LOOK_SECONDS)

    def _turn(self) -> None:
        is_busy = self._is_busy
        with self._condition:
            if not self._is_woken and not self._is_stopping:
                self._condition.wait(_LOOK_SECONDS if is_busy else None)
        # So much is written together, and so late at most; appends wake nobody meanwhile.
        self._wait(_SYNC_SECONDS)
        self._is_woken = False
        if self._spool.durability == "group":
            self._spool.sync()
        if not self._is_stopping and monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = monotonic()
            self._look()

    def _wait(self, seconds: float) -> None:
        until = monotonic() + seconds
        with self._condition:
            while not self._is_stopping and (left := until - monotonic()) > 0:
                self._condition.wait(left)

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

    def before_fork(self) -> None:
        """Nothing: the child gets a thread of its own."""

    def after_fork(self) -> None:
        """Nothing: the parent goes on."""

    def in_child(self) -> None:
        """The thread is the parent's."""
        self._begin()
