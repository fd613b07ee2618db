"""The thread that brings the records of the spool into the database, and lets go of them after the commit."""

import logging
import threading
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

from image_tracing_postgres.spool.adoption import Adoption, clear
from image_tracing_postgres.spool.compaction import Compaction
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.forks import follow_forks
from image_tracing_postgres.spool.keeper import Keeper
from image_tracing_postgres.spool.pause import Pause
from image_tracing_postgres.spool.segment import Segment
from image_tracing_postgres.spool.spool import Spool
from image_tracing_postgres.spool.storing import Storing
from image_tracing_postgres.spool.threads import Starter
from image_tracing_postgres.spool.told import Told
from image_tracing_postgres.writer import WriteError, Writer

_logger: Final = logging.getLogger(__name__)

_BATCH_SECONDS: Final = 10.0
# What ends in so short a time goes to the database together.
_GATHER_SECONDS: Final = 0.1
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 30.0
_ADOPT_SECONDS: Final = 5.0


class Drainer:
    """Stores what is in a spool's folder: the records of `spool`, this process's own, and those of dead
    processes.

    From now on appending to `spool` wakes it.
    `dsn` and `migrate` as for PostgresSpanExporter; a transaction takes `batch_seconds` at most. The thread
    starts with `start()` or the first record, has a connection of its own, and ends with the process without
    being waited for.
    """

    def __init__(
        self,
        folder: Path,
        dsn: str | None,
        *,
        migrate: bool = False,
        spool: Spool | None = None,
        batch_seconds: float = _BATCH_SECONDS,
    ) -> None:
        self.folder = folder
        self._spool = Spool(folder) if spool is None else spool
        self.counts = self._spool.counts
        self._batch_seconds = batch_seconds
        self._pause_for_host = Pause(self._spool)
        self._writer = Writer(dsn, migrate=migrate, pause=self._pause_for_host)
        self._keeper = Keeper(self._spool)
        self._begin()
        self._spool.on_append(self.wake)
        follow_forks(self)

    def _begin(self) -> None:
        self._condition = threading.Condition()
        self._thread = Starter(self._run, "image-tracing drainer")
        self._storing = Storing(
            self._spool, self._writer, pause=self._pause_for_host, batch_seconds=self._batch_seconds
        )
        self._compaction = Compaction(self._spool)
        self._told = Told(_logger)
        self._is_stopping = False
        self._is_woken = False
        # Who waits in drain(), how many ever did, up to which of these all is done; and tries that failed.
        self._waiting = 0
        self._drains = 0
        self._drained = 0
        self._failed = 0
        self._failures = 0
        # Spreads the load of many processes. Our own: the host's numbers come from a seed, images too.
        self._random = Random()  # noqa: S311
        self._adopted_at = -_ADOPT_SECONDS
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why nothing can be stored at the moment, in a sentence; None when all is well."""
        return self._problem

    def start(self) -> None:
        """Begin to store, in a thread; nothing if it runs, or if the interpreter is ending."""
        if not self._is_stopping:
            self._thread.start()

    def wake(self) -> None:
        """Say that there is something to store. Quick, from any thread."""
        if not self._thread.is_alive:
            self.start()
        if not self._is_woken:
            self._is_woken = True
            with self._condition:
                self._condition.notify_all()
        self._keeper.wake()

    def drain(self, timeout_seconds: float, *, is_patient: bool = True) -> bool:
        """Store everything there is, dead processes' records too; whether that was done within the time.

        Records that the database can never take are set aside and do not count. Segments of other processes
        that live are theirs. Without `is_patient` a first failure ends the wait.
        """
        deadline = monotonic() + timeout_seconds
        self.start()
        with self._condition:
            self._drains += 1
            wanted, failed = self._drains, self._failed
            self._waiting += 1
            self._condition.notify_all()
            try:
                while self._drained < wanted:
                    left = deadline - monotonic()
                    if left <= 0 or not self._thread.is_alive or (self._failed > failed and not is_patient):
                        return False
                    self._condition.wait(min(left, 1.0))
            finally:
                self._waiting -= 1
        return True

    def stop(self, timeout_seconds: float) -> bool:
        """Store what can be stored within the time, then end the thread; whether nothing was left."""
        deadline = monotonic() + timeout_seconds
        self._storing.limit = deadline
        self._writer.hurry(deadline)
        # A database that is away now hardly comes back within the time, and the host wants to end.
        is_empty = not self._thread.was_started or self.drain(timeout_seconds, is_patient=False)
        with self._condition:
            self._is_stopping = True
            self._condition.notify_all()
        self._thread.join(max(0.1, deadline - monotonic()))
        if not self._thread.is_alive:
            self._spool.close()
        self._spool.recover()
        self._spool.lose_memory()
        self._keeper.stop()
        return is_empty

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                try:
                    self._turn()
                except Exception as error:  # noqa: BLE001 - the queue must go on
                    self._told.say("unexpected", "storing image traces failed (%s)", type(error).__name__)
                    self._pause(_FIRST_WAIT_SECONDS)
        finally:
            self._writer.close()
            self._spool.close()

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        with self._condition:
            if not self._is_woken and not self._is_asked and self._adoption_in > 0:
                self._condition.wait(self._adoption_in)
        # Appends wake nobody meanwhile.
        if self._is_woken:
            self._gather()
        with self._condition:
            if self._is_stopping:
                return
            wanted, is_asked = self._drains, self._is_asked
            self._is_woken = False
        try:
            self._store(is_asked=is_asked)
        except WriteError as error:
            self._problem = str(error)
            self._told.say(error.kind, "%s; spans wait in %s", error, self.folder)
            self._wait_for_another_try()
        except Exception as error:  # noqa: BLE001 - the queue must go on
            self._told.say("unexpected", "storing image traces failed (%s: %s)", type(error).__name__, error)
            self._wait_for_another_try()
        else:
            if self._failures:
                _logger.info("image traces are stored again")
            self._failures, self._problem = 0, None
            with self._condition:
                self._drained = max(self._drained, wanted)
                self._condition.notify_all()

    @property
    def _is_asked(self) -> bool:
        return self._waiting > 0 and self._drains > self._drained

    @property
    def _adoption_in(self) -> float:
        return self._adopted_at + _ADOPT_SECONDS - monotonic()

    def _store(self, *, is_asked: bool) -> None:
        """Store what is there. Raises WriteError and, of several segments' failures, the first."""
        self._store_own()
        if is_asked or self._adoption_in <= 0:
            self._adopt(is_asked=is_asked)
            if self._storing.suspects:
                # One that others left and that was put off is our own by now.
                self._store_own()

    def _store_own(self) -> None:
        failures = _Failures()
        for segment in self._spool.segments:
            try:
                self._storing.store(segment, is_whole=not self._spool.is_growing(segment))
                self._spool.release(segment)
            except Exception as error:  # noqa: BLE001 - one segment must not stop the others
                # Moved meanwhile, its records lie elsewhere.
                if segment.is_open:
                    failures.add(error)
            self._compaction.make_room()
        if self._spool.has_memory:
            self._storing.store_memory()
        failures.throw()

    def _adopt(self, *, is_asked: bool) -> None:
        self._adopted_at = monotonic() + self._random.uniform(0, 1)
        clear(self.folder)
        own = {segment.path for segment in self._spool.segments}
        failures = _Failures()
        for path in segments_in(self.folder):
            if path in own or (segment := Segment.adopted(path, is_patient=is_asked)) is None:
                continue
            try:
                self._storing.store(segment, is_whole=True)
                adoption = Adoption(segment)
                self._storing.interrupt(adoption.interrupted())
                adoption.finish()
            except Exception as error:  # noqa: BLE001 - one segment must not stop the others
                failures.add(error)
            finally:
                # After a failure anybody may try: this process may lack a right that another has.
                segment.close()
        failures.throw()

    def _wait_for_another_try(self) -> None:
        seconds = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(self._failures, 10))
        self._failures += 1
        with self._condition:
            self._failed += 1
            self._condition.notify_all()
        until = monotonic() + seconds * self._random.uniform(0.75, 1.25)
        drains = self._drains
        while not self._is_stopping and (left := until - monotonic()) > 0:
            self._compaction.make_room()
            self._pause(min(left, 1.0))
            if self._is_asked and (self._drains > drains or self._failures > 2):
                # Somebody waits: ask again soon.
                self._failures = min(self._failures, 2)
                return
            if self._is_woken and self._storing.suspects:
                # Others may pass that one under suspicion.
                return

    def _gather(self) -> None:
        """Wait for more that can go to the database together, unless somebody waits for what is there."""
        until = monotonic() + _GATHER_SECONDS
        with self._condition:
            while not self._is_stopping and not self._is_asked and (left := until - monotonic()) > 0:
                self._condition.wait(left)

    def _pause(self, seconds: float) -> None:
        with self._condition:
            if not self._is_stopping:
                self._condition.wait(min(seconds, _FIRST_WAIT_SECONDS) if self._is_asked else seconds)

    def before_fork(self) -> None:
        """Nothing: the child gets a connection and a thread of its own."""

    def after_fork(self) -> None:
        """Nothing: the parent goes on."""

    def in_child(self) -> None:
        """The connection and the thread are the parent's."""
        self._writer.forget()
        self._begin()


class _Failures:
    """What went wrong with some segments while others went on."""

    def __init__(self) -> None:
        self._canceled = 0
        self._first: Exception | None = None

    def add(self, error: Exception) -> None:
        """Keep the failure; raise it if it holds for all segments alike."""
        if isinstance(error, WriteError):
            if error.kind != "canceled":
                raise error
            # Once it may be the record's fault, twice it is a busy server.
            self._canceled += 1
            if self._canceled > 1:
                raise error
        self._first = self._first or error

    def throw(self) -> None:
        """Raise the first failure, if there was one."""
        if self._first is not None:
            raise self._first
