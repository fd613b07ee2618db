"""The thread that brings the records of the spool into the database, and lets go of them after the commit."""

import logging
import os
import random
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from image_tracing_postgres.spool.adoption import Adoption, adoptable
from image_tracing_postgres.spool.compaction import Compaction
from image_tracing_postgres.spool.keeper import Keeper
from image_tracing_postgres.spool.payloads import identity_of, is_of_ended, span_from
from image_tracing_postgres.spool.quarantine import set_aside
from image_tracing_postgres.spool.segment import Segment
from image_tracing_postgres.spool.spool import Spool
from image_tracing_postgres.writer import WriteError, Writer

_logger: Final = logging.getLogger(__name__)

_BATCH_RECORDS: Final = 2_048
_BATCH_BYTES: Final = 1024 * 1024
_BATCH_SECONDS: Final = 10.0
# What ends in so short a time goes to the database together.
_GATHER_SECONDS: Final = 0.1
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 30.0
_ADOPT_SECONDS: Final = 5.0
_QUIET_SECONDS: Final = 60.0
# A statement that runs out of its time can be a poison in disguise.
_LONE_FAILURES: Final = 20
# Other threads get the interpreter for a moment after so many records.
_RECORDS_AT_A_TIME: Final = 4


class Drainer:
    """Stores what is in a spool's folder: the records of `spool`, this process's own, and those of dead
    processes.

    From now on appending to `spool` wakes it.
    `dsn` and `migrate` as for PostgresSpanExporter. The thread starts with `start()` or the first record,
    has a connection of its own, and ends with the process without being waited for.
    """

    def __init__(
        self, folder: Path, dsn: str | None, *, migrate: bool = False, spool: Spool | None = None
    ) -> None:
        self.folder = folder
        self._spool = Spool(folder) if spool is None else spool
        self.counts = self._spool.counts
        self._writer = Writer(dsn, migrate=migrate)
        self._compaction = Compaction(self._spool)
        self._keeper = Keeper(self._spool)
        self._spool.on_append(self.wake)
        self._begin()
        if hasattr(os, "register_at_fork"):
            _begin_anew_in_children(self)

    def _begin(self) -> None:
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._is_woken = False
        self._drains = 0
        self._drained = 0
        self._batch_records = _BATCH_RECORDS
        # Records whose statement was canceled: how often, and how many batches had passed by then.
        self._failures: dict[bytes, tuple[int, int]] = {}
        self._passed = 0
        self._waits = 0
        self._adopted_at = -_ADOPT_SECONDS
        self._said: dict[str, float] = {}
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why nothing can be stored at the moment, in a sentence; None when all is well."""
        return self._problem

    def start(self) -> None:
        """Begin to store, in a thread; nothing if it runs, or if the interpreter is ending."""
        with self._condition:
            if self._is_stopping or (self._thread is not None and self._thread.is_alive()):
                return
            thread = threading.Thread(target=self._run, name="image-tracing drainer", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The interpreter is ending; what is on disk stays there.
                return
            self._thread = thread

    def wake(self) -> None:
        """Say that there is something to store. Quick, from any thread."""
        if not self._is_woken:
            self._is_woken = True
            if self._thread is None:
                self.start()
            with self._condition:
                self._condition.notify_all()
        self._keeper.wake()

    def drain(self, timeout_seconds: float) -> bool:
        """Store everything there is, dead processes' records too; whether that was done within the time.

        Records that the database can never take are set aside and do not count. Segments of other processes
        that live are theirs.
        """
        deadline = monotonic() + timeout_seconds
        self.start()
        with self._condition:
            self._drains += 1
            wanted = self._drains
            self._condition.notify_all()
            while self._drained < wanted:
                left = deadline - monotonic()
                if left <= 0 or self._thread is None or not self._thread.is_alive():
                    return False
                self._condition.wait(min(left, 1.0))
        return True

    def stop(self, timeout_seconds: float) -> bool:
        """Store what can be stored within the time, then end the thread; whether nothing was left."""
        deadline = monotonic() + timeout_seconds
        self._writer.hurry(deadline)
        is_empty = self._thread is None or self.drain(timeout_seconds)
        with self._condition:
            self._is_stopping = True
            thread = self._thread
            self._condition.notify_all()
        if thread is None:
            self._spool.close()
        else:
            thread.join(max(0.1, deadline - monotonic()))
        self._spool.lose_memory()
        self._keeper.stop()
        return is_empty

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._turn()
        finally:
            self._writer.close()
            self._spool.close()

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        with self._condition:
            if not self._is_woken and self._drains == self._drained and self._adoption_in > 0:
                self._condition.wait(self._adoption_in)
            if self._is_stopping:
                return
            wanted, is_asked = self._drains, self._drains > self._drained
            self._is_woken = False
        if not is_asked:
            self._pause(_GATHER_SECONDS)
        try:
            self._store_own()
            if is_asked or self._adoption_in <= 0:
                self._adopt()
        except WriteError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - the queue must go on
            self._say("unexpected", "storing image traces failed (%s: %s)", type(error).__name__, error)
            self._wait_for_another_try()
        else:
            if self._waits:
                _logger.info("image traces are stored again")
            self._waits, self._problem = 0, None
            with self._condition:
                self._drained = max(self._drained, wanted)
                self._condition.notify_all()

    @property
    def _adoption_in(self) -> float:
        return self._adopted_at + _ADOPT_SECONDS - monotonic()

    # What is this process's own.

    def _store_own(self) -> None:
        spool = self._spool
        for segment in spool.segments:
            self._store_segment(segment, is_whole=False)
            spool.release(segment)
        while payloads := spool.take_memory(records=self._batch_records, limit_bytes=_BATCH_BYTES):
            try:
                self._store(payloads)
            except BaseException:
                spool.give_back(payloads)
                raise

    # What dead processes left.

    def _adopt(self) -> None:
        self._adopted_at = monotonic() + random.uniform(0, 1)  # noqa: S311 - only spreads the load
        own = {segment.path for segment in self._spool.segments}
        for path in adoptable(self.folder, own):
            segment = Segment.adopted(path)
            if segment is None:
                continue
            try:
                adoption = Adoption(segment)
                self._store_segment(segment, is_whole=True)
                interrupted = adoption.interrupted()
                if interrupted:
                    self._write(interrupted, _no_row)
                adoption.finish()
            finally:
                # After a failure anybody may try: this process may lack a right that another has.
                segment.close()

    # Batches.

    def _store_segment(self, segment: Segment, *, is_whole: bool) -> None:
        while segment.cursor < (size := self._spool.size_of(segment)):
            frames = segment.frames(
                start=segment.cursor, size=size, limit_bytes=_BATCH_BYTES, is_whole=is_whole
            )[: self._batch_records]
            if not frames:
                return
            self._store([frame.payload for frame in frames if frame.payload is not None])
            damaged = sum(frame.payload is None for frame in frames)
            if damaged:
                self.counts.add("dropped_damaged", damaged)
            segment.move(frames[-1].end)

    def _store(self, payloads: Sequence[bytes]) -> None:
        """Store records in one or more transactions. Raises WriteError: then all have to come again."""
        spans: list[ReadableSpan] = []
        of: dict[int, bytes] = {}
        for number, payload in enumerate(payloads):
            if number % _RECORDS_AT_A_TIME == 0:
                sleep(0)
            try:
                span = span_from(payload)
            except ValueError as error:
                self._refuse(payload, None, str(error))
                continue
            spans.append(span)
            of[id(span)] = payload

        def refuse(span: ReadableSpan, sqlstate: str | None, reason: str) -> None:
            self._refuse(of.pop(id(span)), sqlstate, reason)

        try:
            if spans:
                self._write(spans, refuse)
        except WriteError as error:
            if error.kind != "canceled" or not self._is_put_off(payloads, str(error)):
                raise
        else:
            self._batch_records = min(_BATCH_RECORDS, 2 * self._batch_records)
            self._passed += 1
            self.counts.add("stored", sum(map(is_of_ended, of.values())))

    def _write(
        self, spans: Sequence[ReadableSpan], refuse: Callable[[ReadableSpan, str | None, str], None]
    ) -> None:
        self._writer.write(spans, deadline=monotonic() + _BATCH_SECONDS, refuse=refuse)

    def _is_put_off(self, payloads: Sequence[bytes], reason: str) -> bool:
        """Find the record whose statement runs out of its time, and let the others pass.

        A busy server is no reason to give up a record: it goes to the end of the queue as long as others
        pass, and is set aside when it alone has failed twenty times.
        """
        if len(payloads) > 1:
            self._batch_records = len(payloads) // 2
            return False
        [payload] = payloads
        failures, passed = self._failures.get(payload[:80], (0, -1))
        if passed == self._passed:
            return False
        if failures + 1 >= _LONE_FAILURES:
            self._failures.pop(payload[:80])
            self._refuse(payload, "57014", reason)
        else:
            self._failures[payload[:80]] = failures + 1, self._passed
            self._spool.requeue(payload)
        return True

    def _refuse(self, payload: bytes, sqlstate: str | None, reason: str) -> None:
        is_kept = set_aside(self.folder, payload, sqlstate=sqlstate, reason=reason)
        if not is_of_ended(payload):
            return
        if is_kept:
            self.counts.add("quarantined")
            identity = identity_of(payload)
            self._say(
                "quarantined",
                "the span %s cannot be stored and is kept in %s (%s)",
                "unknown" if identity is None else identity.span_id,
                self.folder / "quarantine",
                reason,
            )
        elif is_kept is False:
            self.counts.add("dropped_quarantine_full")

    # Failures.

    def _failed(self, error: WriteError) -> None:
        self._problem = str(error)
        self._say(error.kind, "%s; spans wait in %s", error, self.folder)
        self._wait_for_another_try()

    def _wait_for_another_try(self) -> None:
        seconds = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(self._waits, 10))
        self._waits += 1
        until = monotonic() + seconds * random.uniform(0.75, 1.25)  # noqa: S311 - only spreads the load
        drains = self._drains
        while not self._is_stopping and (left := until - monotonic()) > 0:
            self._compaction.make_room()
            self._pause(min(left, 1.0))
            # Somebody waits: ask again soon.
            if self._drains > drains or (self._drains > self._drained and self._waits > 2):
                self._waits = min(self._waits, 2)
                return

    def _pause(self, seconds: float) -> None:
        with self._condition:
            if not self._is_stopping and self._drains == self._drained:
                self._condition.wait(seconds)
            elif not self._is_stopping:
                self._condition.wait(min(seconds, _FIRST_WAIT_SECONDS))

    def _say(self, subject: str, message: str, *values: object) -> None:
        """Log a warning, at most once a minute for one subject."""
        now = monotonic()
        if now - self._said.get(subject, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._said[subject] = now
            _logger.warning(message, *values)

    def _in_child(self) -> None:
        """The connection and the thread are the parent's."""
        self._writer.forget()
        self._begin()


def _no_row(_span: ReadableSpan, _sqlstate: str | None, reason: str) -> None:
    _logger.warning("that a generation was interrupted could not be stored (%s)", reason)


def _begin_anew_in_children(drainer: Drainer) -> None:
    # Weak, since hooks cannot be taken back.
    reference = weakref.ref(drainer)

    def begin() -> None:
        if (known := reference()) is not None:
            known._in_child()

    os.register_at_fork(after_in_child=begin)
