"""Where received spans go: the spool of the app's database, and past it to the database itself."""

import threading
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from image_tracing_postgres.settings import settings_from_environment
from image_tracing_postgres.spool import Drainer, Spool, span_from, spool_folder
from image_tracing_postgres.spool.quarantine import set_aside
from image_tracing_postgres.writer import WriteError, Writer

# Senders wait 10 s for an answer as a rule.
_WRITE_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 2.0


class Ingest:
    """The spool of one database with its drainer, made when they are first needed. Safe between threads.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres; a database of the user's own is
    not migrated.
    """

    def __init__(self, dsn: str | None = None) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._spool: Spool | None = None
        self._drainer: Drainer | None = None
        self._writer = Writer(dsn, migrate=False)

    def start(self) -> None:
        """Begin to store what the spool holds, also what dead processes left there. Raises SettingError."""
        self._opened()[1].start()

    @property
    def problem(self) -> str | None:
        """Why nothing can be stored at the moment, in a sentence; None when all is well."""
        drainer = self._drainer
        return None if drainer is None else drainer.problem

    def append(self, payload: bytes) -> bool:
        """Keep the record of a span; True when it is in a file of the spool or in the database."""
        return self.keep((payload,))

    def keep(self, payloads: Iterable[bytes]) -> bool:
        """Keep records; True when each is in a file of the spool or in the database.

        If not, some of them may be kept all the same, and to send all again does no harm.

        Raises:
            SettingError: where to keep them is not known.
        """
        spool, drainer = self._opened()
        left = [payload for payload in payloads if not spool.add(payload)]
        if not left:
            return True
        # The spool looks whether its disk takes records again when it is woken.
        drainer.wake()
        return self._write(left, spool)

    def drain(self, timeout_seconds: float) -> bool:
        """Store what the spool holds; whether that was done within the time."""
        return self._opened()[1].drain(timeout_seconds)

    def close(self) -> None:
        """Store what can be stored within two seconds; the rest stays on disk for whoever comes next."""
        with self._lock:
            drainer, self._spool, self._drainer = self._drainer, None, None
        if drainer is not None:
            drainer.stop(_STOP_SECONDS)
        with self._write_lock:
            self._writer.close()

    def _opened(self) -> tuple[Spool, Drainer]:
        with self._lock:
            if self._spool is None or self._drainer is None:
                folder = spool_folder(settings_from_environment().data_dir, self._dsn)
                self._spool = Spool(folder)
                self._drainer = Drainer(folder, self._dsn, spool=self._spool)
            return self._spool, self._drainer

    def _write(self, payloads: Sequence[bytes], spool: Spool) -> bool:
        """Past the spool: whether the database took all records but those that it can never take."""
        deadline = monotonic() + _WRITE_SECONDS
        spans = [span_from(payload) for payload in payloads]
        of = {id(span): payload for span, payload in zip(spans, payloads, strict=True)}
        refused: list[tuple[bytes, str | None, str]] = []

        def refuse(span: ReadableSpan, sqlstate: str | None, reason: str) -> None:
            refused.append((of[id(span)], sqlstate, reason))

        if not self._write_lock.acquire(timeout=_WRITE_SECONDS):
            return False
        try:
            stored = self._writer.write(spans, deadline=deadline, refuse=refuse)
        except WriteError:
            return False
        finally:
            self._write_lock.release()
        spool.counts.add("ended", len(spans))
        spool.counts.add("stored", stored)
        for payload, sqlstate, reason in refused:
            is_kept = set_aside(spool.folder, payload, sqlstate=sqlstate, reason=reason)
            spool.counts.add("dropped_quarantine_full" if is_kept is False else "quarantined")
        return True
