"""The spool of this process: records go to its own segment file before `end()` of their span returns."""

import logging
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.counts import Counts
from image_tracing_postgres.spool.frames import framed
from image_tracing_postgres.spool.memory import Memory
from image_tracing_postgres.spool.payloads import is_failed_root, is_of_ended, stripped
from image_tracing_postgres.spool.room import LIMIT_BYTES, Room
from image_tracing_postgres.spool.segment import Segment

_logger: Final = logging.getLogger(__name__)

Durability = Literal["fsync", "group", "none"]

SEGMENT_BYTES: Final = 4 * 1024 * 1024
_OPEN_ROOTS: Final = 10_000


class Spool:
    """Appends records to segment files in `folder`; never raises, never waits for a database.

    `durability`: `group` brings records to the disk itself within some 100 ms, `fsync` before append returns,
    `none` when the operating system likes to. Only a power loss makes a difference between them.
    A fork is no harm: the child begins segments of its own.
    """

    def __init__(
        self, folder: Path, *, limit_bytes: int = LIMIT_BYTES, durability: Durability = "group"
    ) -> None:
        self.folder = folder
        self.counts = Counts()
        self.room = Room(folder, limit_bytes)
        self.durability = durability
        self._on_append: Callable[[], None] = _nothing
        self._begin()
        if hasattr(os, "register_at_fork"):
            _follow_forks(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._process = places.new_process()
        self._sequence = 0
        self._segments: list[Segment] = []
        # Generations that began and did not end: the newest segment must tell of each.
        self._open: dict[str, bytes] = {}
        self._memory = Memory()
        self._is_failing = False

    def on_append(self, act: Callable[[], None]) -> None:
        """Call `act` after each append, in the appending thread: it has to be quick and must not raise."""
        self._on_append = act

    @property
    def process(self) -> str:
        """The name under which this process's segments lie."""
        return self._process

    def append(self, payload: bytes, *, begins: str | None = None, ends: str | None = None) -> bool:
        """Keep a record; True when it is in a file, False when it is in memory only, or lost and counted.

        `begins` and `ends` name a generation that has begun or ended, by any key of the caller's.
        """
        with self._lock:
            if begins is not None:
                self._open[begins] = payload
                if len(self._open) > _OPEN_ROOTS:
                    del self._open[next(iter(self._open))]
            elif ends is not None:
                self._open.pop(ends, None)
            if is_of_ended(payload):
                self.counts.add("ended")
            is_on_disk = self._keep(payload)
        self._on_append()
        return is_on_disk

    def add(self, payload: bytes) -> bool:
        """Keep a record if a file takes it at once; False, and nothing is kept, if not."""
        with self._lock:
            if self._is_failing or self.room.is_full or not self._write(payload):
                return False
            if is_of_ended(payload):
                self.counts.add("ended")
        self._on_append()
        return True

    def requeue(self, payload: bytes) -> None:
        """Keep a record that was counted before, behind all others."""
        with self._lock:
            self._keep(payload)

    def _keep(self, payload: bytes) -> bool:
        if self.room.is_low:
            payload = self._stripped(payload)
        if (
            not self._is_failing
            and (not self.room.is_full or is_failed_root(payload))
            and self._write(payload)
        ):
            return True
        lost = self._memory.add(payload)
        if lost:
            self.counts.add("dropped_memory_full" if self._is_failing else "dropped_spool_full", lost)
        return False

    def _stripped(self, payload: bytes) -> bytes:
        small = stripped(payload)
        if small is not payload and is_of_ended(payload):
            self.counts.add("stripped")
        return small

    def _write(self, payload: bytes) -> bool:
        """Append to the newest segment, or to a new one. False if the disk takes nothing."""
        try:
            record = framed(payload)
            segment = self._segments[-1] if self._segments else self._rotated()
            if segment.size >= SEGMENT_BYTES:
                segment = self._rotated()
            segment.append(record)
            if self.durability == "fsync":
                segment.sync()
        except (OSError, ValueError) as error:
            self._is_failing = True
            _logger.debug("the spool takes no record: %s", error)
            return False
        self.room.used_bytes += len(record)
        return True

    def _rotated(self) -> Segment:
        """A new segment that tells of all open generations, for the owner's death. Raises OSError."""
        places.make(self.folder)
        self.room.look()
        self._sequence += 1
        segment = Segment.made(places.segment_path(self.folder, self._process, self._sequence))
        try:
            if self._segments:
                for payload in self._open.values():
                    segment.append(framed(payload))
        except OSError:
            segment.remove()
            raise
        self._segments.append(segment)
        return segment

    # What follows is called by the drainer's and the keeper's threads.

    @property
    def segments(self) -> list[Segment]:
        """This process's segments, oldest first; the last one grows."""
        with self._lock:
            return list(self._segments)

    @property
    def has_memory(self) -> bool:
        """Whether records wait in memory only."""
        return len(self._memory) > 0

    @property
    def is_failing(self) -> bool:
        """Whether the disk took the last record not."""
        return self._is_failing

    @property
    def has_open(self) -> bool:
        """Whether a generation began and has not ended."""
        return bool(self._open)

    def size_of(self, segment: Segment) -> int:
        """Up to where a segment holds whole records now."""
        with self._lock:
            return segment.size

    def release(self, segment: Segment) -> None:
        """Remove a segment whose records are all stored, unless it still grows."""
        with self._lock:
            if segment in self._segments[:-1]:
                self._segments.remove(segment)
                segment.remove()

    def replace(self, segment: Segment, content: bytes) -> None:
        """Put these records into the place of a segment that does not grow any more. Raises OSError."""
        with self._lock:
            if segment in self._segments[:-1]:
                new = Segment.made(segment.path, content)
                self._segments[self._segments.index(segment)] = new
                segment.close()

    def take_memory(self, *, records: int, limit_bytes: int) -> list[bytes]:
        """Records that are in memory only; whoever takes them has to store them or to give them back."""
        with self._lock:
            return self._memory.take(records=records, limit_bytes=limit_bytes)

    def give_back(self, payloads: list[bytes]) -> None:
        """Keep again what was taken."""
        with self._lock:
            lost = self._memory.give_back(payloads)
            if lost:
                self.counts.add("dropped_memory_full", lost)

    def recover(self) -> bool:
        """After a failure: see whether the disk takes records again, and bring there what is in memory."""
        with self._lock:
            if self._segments and not self._segments[-1].is_linked:
                self._move_on()
            if not self._is_failing and not self._memory:
                return True
            self._is_failing = False
            self.room.look()
            if self.room.is_full:
                return False
            while self._memory:
                [payload] = self._memory.take(records=1, limit_bytes=1)
                if not self._write(self._stripped(payload) if self.room.is_low else payload):
                    self._memory.give_back([payload])
                    return False
            if not self._segments:
                try:
                    self._rotated()
                except OSError:
                    self._is_failing = True
            return not self._is_failing

    def _move_on(self) -> None:
        """Somebody deleted the file: what is not stored yet goes to a new one, as long as we hold the old."""
        old = self._segments
        try:
            self._segments = []
            segment = self._rotated()
            for payload in self._open.values():
                segment.append(framed(payload))
            for each in old:
                if each.is_linked:
                    self._segments.insert(-1, each)
                else:
                    each.copied_to(segment.append)
                    each.close()
        except OSError:
            # The drainer can still read the old ones.
            self._segments = old
            self._is_failing = True

    def sync(self) -> None:
        """Bring what was written to the disk itself."""
        for segment in self.segments:
            if segment.is_dirty:
                try:
                    segment.sync()
                except OSError as error:
                    _logger.debug("the spool could not be synced: %s", error)

    def lose_memory(self) -> None:
        """Give up what is in memory only, and count it."""
        with self._lock:
            lost = self._memory.clear()
            if lost:
                self.counts.add("dropped_at_exit", lost)

    def close(self) -> None:
        """Let go of the segments: stored ones are deleted, others adoptable. Appending opens new ones."""
        with self._lock:
            for segment in self._segments:
                # With a generation open, the adopter has to say that its process ended.
                if segment.cursor >= segment.size and not (self._open and segment is self._segments[-1]):
                    segment.remove()
                else:
                    segment.close()
            self._segments = []
            self._open = {}

    # Around a fork.

    def _hold(self) -> None:
        self._lock.acquire()

    def _let_go(self) -> None:
        self._lock.release()

    def _in_child(self) -> None:
        """The parent keeps its segments and what it has in memory; here everything begins anew."""
        for segment in self._segments:
            segment.close()
        self.counts.forget()
        self._begin()


def _nothing() -> None:
    return


def _follow_forks(spool: Spool) -> None:
    # Weak, since hooks cannot be taken back.
    reference = weakref.ref(spool)

    def hold() -> None:
        if (known := reference()) is not None:
            known._hold()

    def let_go() -> None:
        if (known := reference()) is not None:
            known._let_go()

    def in_child() -> None:
        if (known := reference()) is not None:
            known._in_child()

    os.register_at_fork(before=hold, after_in_parent=let_go, after_in_child=in_child)
