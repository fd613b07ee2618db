"""The spool of this process: records go to its own segment file before `end()` of their span returns."""

import threading
from collections.abc import Callable
from math import inf
from pathlib import Path
from time import monotonic
from typing import Final, Literal

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.counts import Counts
from image_tracing_postgres.spool.forks import follow_forks
from image_tracing_postgres.spool.frames import framed
from image_tracing_postgres.spool.memory import Memory
from image_tracing_postgres.spool.opened import Opened
from image_tracing_postgres.spool.payloads import is_failed_root, is_of_ended, stripped
from image_tracing_postgres.spool.room import LIMIT_BYTES, Room
from image_tracing_postgres.spool.segment import Segment

Durability = Literal["fsync", "group", "none"]

# Few enough files for a limit of 256 descriptors; each holds one as long as it waits.
_SEGMENT_BYTES: Final = 16 * 1024 * 1024
_SMALL_SEGMENT_BYTES: Final = 16 * 1024
_SEGMENTS: Final = 16
# So much of what is stored already may stay on disk.
_STORED_BYTES: Final = 256 * 1024


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
        self._segment_bytes = min(max(limit_bytes // _SEGMENTS, _SMALL_SEGMENT_BYTES), _SEGMENT_BYTES)
        self._on_append: Callable[[], None] = _nothing
        self._begin()
        follow_forks(self)

    def _begin(self) -> None:
        # Reentrant: a signal's handler may end spans while its own thread appends.
        self._lock = threading.RLock()
        self._process = places.new_process()
        self._sequence = 0
        self._segments: list[Segment] = []
        # The newest segment must tell of each of these.
        self._opened = Opened()
        self._memory = Memory()
        self._is_failing = False
        self._is_ending = False
        # Hints to the drainer that a thread of the host's may wait for the interpreter: whether one is at it,
        # the last one to come, and when one was (monotonic seconds).
        self.is_appending = False
        self.appended_at = -inf

    def on_append(self, act: Callable[[], None]) -> None:
        """Call `act` after each append, one that failed too, in its thread: quick, and without raising."""
        self._on_append = act

    @property
    def process(self) -> str:
        """The name under which this process's segments lie."""
        return self._process

    def append(self, payload: bytes, *, begins: str | None = None, ends: str | None = None) -> bool:
        """Keep a record; True when it is in a file, False when it is in memory only, or lost and counted.

        `begins` and `ends` name a generation that has begun or ended, by any key of the caller's.
        """
        self.is_appending, self.appended_at = True, monotonic()
        with self._lock:
            if ends is not None:
                self._opened.end(ends)
            if is_of_ended(payload):
                self.counts.add("ended")
            is_on_disk = self._keep(payload)
            if begins is not None:
                self._opened.begin(begins, payload)
        self.is_appending = False
        self._on_append()
        return is_on_disk

    def add(self, payload: bytes) -> bool:
        """Keep a record if a file takes it at once; False, and nothing is kept, if not."""
        record = _record_of(payload)
        with self._lock:
            is_kept = (
                record is not None and not self._is_failing and not self.room.is_full and self._write(record)
            )
            if is_kept and is_of_ended(payload):
                self.counts.add("ended")
        # A disk that takes nothing has to be looked after as well.
        self._on_append()
        return is_kept

    def requeue(self, payload: bytes) -> None:
        """Keep a record that was counted before, behind all others."""
        with self._lock:
            self._keep(payload)

    def _keep(self, payload: bytes) -> bool:
        if self.room.is_low:
            payload = self._stripped(payload)
        if not self._is_failing and (not self.room.is_full or is_failed_root(payload)):
            record = _record_of(payload)
            if record is None:
                self.counts.add("dropped_unreadable", int(is_of_ended(payload)))
                return False
            if self._write(record):
                return True
        if self._is_ending:
            # Nobody will look into the memory any more.
            self.counts.add("dropped_at_exit", int(is_of_ended(payload)))
            return False
        self._count_lost(self._memory.add(payload))
        return False

    def _count_lost(self, number: int) -> None:
        if number:
            self.counts.add("dropped_memory_full" if self._is_failing else "dropped_spool_full", number)

    def _stripped(self, payload: bytes) -> bytes:
        small = stripped(payload)
        if small is not payload and is_of_ended(payload):
            self.counts.add("stripped")
        return small

    def _write(self, record: bytes) -> bool:
        """Append to the newest segment, or to a new one. False if the disk takes nothing."""
        try:
            segment = self._segments[-1] if self._segments else self._rotated()
            if segment.size - segment.head >= self._segment_bytes:
                segment = self._rotated()
            segment.append(record)
            if self.durability == "fsync":
                self._sync(segment, len(record))
        except OSError:
            self._is_failing = True
            return False
        self.room.used_bytes += len(record)
        return True

    def _sync(self, segment: Segment, record_bytes: int) -> None:
        try:
            segment.sync()
        except OSError:
            segment.take_back(record_bytes)
            raise

    def _rotated(self) -> Segment:
        """A new segment that tells of all open generations, for the owner's death. Raises OSError."""
        places.make(self.folder)
        if not self._segments:
            self.room.look()
        self._sequence += 1
        path = places.segment_path(self.folder, self._process, self._sequence)
        segment = Segment.made(path, self._opened.records())
        self._segments.append(segment)
        self.room.used_bytes += segment.size
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

    def size_of(self, segment: Segment) -> int:
        """Up to where a segment holds whole records now."""
        with self._lock:
            return segment.measure()

    def is_growing(self, segment: Segment) -> bool:
        """Whether records are appended to this segment."""
        with self._lock:
            return bool(self._segments) and segment is self._segments[-1]

    def advance(self, segment: Segment, cursor: int) -> bool:
        """Everything before `cursor` needs no second look; False if what waited there lies elsewhere now."""
        with self._lock:
            if not segment.is_open:
                return False
            segment.cursor = cursor
        segment.note_cursor()
        return True

    def release(self, segment: Segment) -> None:
        """Remove a segment whose records are all stored, unless it is the newest and small."""
        with self._lock:
            if segment not in self._segments or segment.cursor < segment.measure():
                return
            if segment is self._segments[-1]:
                if segment.size - segment.head < _STORED_BYTES:
                    return
                try:
                    self._rotated()
                except OSError:
                    return
            self._segments.remove(segment)
        # Outside of the lock: to free many blocks takes a file system milliseconds.
        segment.remove()

    def replace(self, segment: Segment, content: bytes) -> bool:
        """Put these records into the place of a segment that does not grow any more. Raises OSError.

        False, and nothing is done, if it is none of these.
        """
        with self._lock:
            if segment not in self._segments[:-1]:
                return False
            new = Segment.made(segment.path, content)
            self._segments[self._segments.index(segment)] = new
            segment.close()
            return True

    def take_memory(self, *, records: int, limit_bytes: int) -> list[bytes]:
        """Records that are in memory only; whoever takes them has to store them or to give them back."""
        with self._lock:
            return self._memory.take(records=records, limit_bytes=limit_bytes)

    def give_back(self, payloads: list[bytes]) -> None:
        """Keep again what was taken."""
        with self._lock:
            self._count_lost(self._memory.give_back(payloads))
            if self._is_ending:
                self.lose_memory()

    def recover(self) -> bool:
        """After a failure: see whether the disk takes records again, and bring there what is in memory."""
        with self._lock:
            if self._segments and not self._segments[-1].is_linked and not self._has_moved_on():
                return False
            if not self._is_failing and not self._memory:
                return True
            self._is_failing = False
            self.room.look()
            while self._memory and not self.room.is_full:
                [payload] = self._memory.take(records=1, limit_bytes=1)
                if not self._write(framed(self._stripped(payload) if self.room.is_low else payload)):
                    self._memory.give_back([payload])
                    return False
            if not self._segments:
                try:
                    self._rotated()
                except OSError:
                    self._is_failing = True
            return not self._is_failing and not self._memory

    def _has_moved_on(self) -> bool:
        """Somebody deleted the file: what is not stored yet goes to a new one, as long as we hold the old."""
        old, self._segments = self._segments, []
        try:
            segment = self._rotated()
            try:
                for each in old:
                    if not each.is_linked and (rest := each.rest()):
                        segment.append(rest)
            except OSError:
                segment.remove()
                raise
        except OSError:
            # The drainer can still read the old ones.
            self._segments = old
            self._is_failing = True
            return False
        self._segments = [each for each in old if each.is_linked] + [segment]
        for each in old:
            if each not in self._segments:
                each.close()
        return True

    def sync(self) -> None:
        """Bring what was written to the disk itself."""
        for segment in self.segments:
            if segment.is_dirty:
                try:
                    segment.sync()
                except OSError:
                    # Nothing else can be done for it; the records are in the file as far as one can see.
                    continue

    def lose_memory(self) -> None:
        """Give up what is in memory only, and from now on what the disk does not take, and count it."""
        with self._lock:
            self._is_ending = True
            lost = self._memory.clear()
            if lost:
                self.counts.add("dropped_at_exit", lost)

    def close(self) -> None:
        """Let go of the segments: stored ones are deleted, others adoptable. Appending opens new ones."""
        with self._lock:
            for segment in self._segments:
                # With a generation open, the adopter has to say that its process ended.
                if segment.cursor >= segment.measure() and not (
                    self._opened and segment is self._segments[-1]
                ):
                    segment.remove()
                else:
                    segment.close()
            self._segments = []
            self._opened = Opened()

    def before_fork(self) -> None:
        """Hold appends until the child is there."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """Go on."""
        self._lock.release()

    def in_child(self) -> None:
        """The parent keeps its segments and what it has in memory; here everything begins anew."""
        self.counts.forget()
        self._begin()


def _record_of(payload: bytes) -> bytes | None:
    """None for what is no record of a span; the disk is not to blame then."""
    try:
        return framed(payload)
    except ValueError:
        return None


def _nothing() -> None:
    return
