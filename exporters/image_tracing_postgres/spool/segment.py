"""One segment file: appended to by its owner, read by whoever stores its records.

The owner holds a lock on it as long as it lives. A lock that is free means that the owner is dead, whatever
ended it, and that the segment may be adopted.
"""

import errno
import fcntl
import os
import struct
import threading
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Final, Self

from image_tracing_postgres.spool.folder import CURSOR, NEW
from image_tracing_postgres.spool.frames import HEADER_BYTES, PAYLOAD_LIMIT_BYTES, Frame, frames_in

_CURSOR: Final = struct.Struct("<Q")
_LOOK_SECONDS: Final = 0.002
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


class _Held:
    """All segments that this process holds: a forked child has to let go of each, or nobody can adopt it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.segments: set[Segment] = set()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._hold, after_in_parent=self._let_go, after_in_child=self._forget)

    def _hold(self) -> None:
        self.lock.acquire()

    def _let_go(self) -> None:
        self.lock.release()

    def _forget(self) -> None:
        self.lock = threading.RLock()
        segments, self.segments = self.segments, set()
        for segment in segments:
            segment._forget()


class Segment:
    """An open and locked segment. Its owner's lock is around what writes; reading and closing may meet.

    `size` is where the last whole record ends, `cursor` up to where records are stored or set aside; up to
    `head` it repeats what older segments tell.
    """

    def __init__(self, path: Path, descriptor: int, *, size: int, cursor: int) -> None:
        self.path = path
        self.size = size
        self.cursor = cursor
        self.head = 0
        self.is_dirty = False
        self._is_named = False
        self._descriptor = descriptor
        self._lock = threading.Lock()

    @classmethod
    def made(cls, path: Path, content: bytes = b"") -> Self:
        """A new segment of these records, locked, in the place of one with that path. Raises OSError."""
        new = path.with_suffix(NEW)
        with _held.lock:
            descriptor = os.open(new, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o600)
            segment = cls(new, descriptor, size=0, cursor=0)
            _held.segments.add(segment)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if content:
                segment.append(content)
                segment.head = segment.size
            path.with_suffix(CURSOR).unlink(missing_ok=True)
            # Under its name it is locked from the first moment, so that nobody takes its owner for dead.
            os.rename(new, path)
        except OSError:
            segment.close()
            new.unlink(missing_ok=True)
            raise
        segment.path = path
        return segment

    @classmethod
    def adopted(cls, path: Path, *, is_patient: bool = False) -> Self | None:
        """A dead process's segment, locked; None if its owner lives, or if it is gone or not ours to read.

        `is_patient` waits a moment for whoever only looks whether it is locked.
        """
        with _held.lock:
            try:
                descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
            except OSError:
                return None
            segment = cls(path, descriptor, size=0, cursor=0)
            _held.segments.add(segment)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not is_patient:
                    raise
                sleep(_LOOK_SECONDS)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(descriptor)
            if status.st_nlink:
                segment.size = status.st_size
                segment.cursor = min(segment.size, cursor_of(path))
                return segment
        except OSError:
            pass
        # Another adopter holds it, or has finished it between the two calls.
        segment.close()
        return None

    @property
    def is_open(self) -> bool:
        """Whether it was not closed yet."""
        return self._descriptor >= 0

    @property
    def is_linked(self) -> bool:
        """Whether the file is still in its folder: somebody may delete what we write to."""
        try:
            status = os.fstat(self._descriptor)
            found = os.stat(self.path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == (found.st_dev, found.st_ino)

    def append(self, record: bytes) -> None:
        """Write records, or nothing of them. Raises OSError."""
        written = os.write(self._descriptor, record)
        if written != len(record):
            self._undo(written)
            raise OSError(errno.ENOSPC, "no room for a whole record")
        self.size += written
        self.is_dirty = True

    def _undo(self, written: int) -> None:
        # Fails on a file system that went away; the reader finds its way over half a record.
        try:
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
        except OSError:
            self.measure()

    def measure(self) -> int:
        """Ask the file for its size; an exception between a write and its note makes the two differ."""
        try:
            self.size = os.fstat(self._descriptor).st_size
        except OSError:
            return self.size
        return self.size

    def frames(self, *, start: int, size: int, limit_bytes: int, is_whole: bool) -> list[Frame]:
        """The records between `start` and `size`, some `limit_bytes`, at least one if there is a whole one.

        `is_whole` as in `frames_in`: the file ends for good at `size`. Raises OSError, also when closed.
        """
        asked = limit_bytes
        while True:
            end = min(size, start + asked)
            data = self._read(start, end)
            found = list(frames_in(data, offset=start, is_whole=is_whole and end == size))
            if found or end == size or asked > PAYLOAD_LIMIT_BYTES + HEADER_BYTES:
                return found
            asked *= 4

    def rest(self) -> bytes:
        """What is behind the cursor, as it lies in the file. Raises OSError."""
        return self._read(self.cursor, self.measure())

    def _read(self, start: int, end: int) -> bytes:
        parts = []
        # Closed meanwhile, its descriptor could be another file's.
        with self._lock:
            while start < end:
                part = os.pread(self._descriptor, end - start, start)
                if not part:
                    break
                parts.append(part)
                start += len(part)
        return b"".join(parts)

    def note_cursor(self) -> None:
        """Write down the cursor. Never raises: a lost one costs a repetition."""
        if not self.is_linked:
            return
        try:
            descriptor = os.open(
                self.path.with_suffix(CURSOR), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                os.pwrite(descriptor, _CURSOR.pack(self.cursor), 0)
            finally:
                os.close(descriptor)
        except OSError:
            return

    def sync(self) -> None:
        """To the disk itself, against a power loss: the records, and the name they are found by.

        Raises OSError.
        """
        self.is_dirty = False
        (getattr(os, "fdatasync", None) or os.fsync)(self._descriptor)
        if not self._is_named:
            descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._is_named = True

    def take_back(self, record_bytes: int) -> None:
        """Undo the last append. Raises OSError."""
        os.ftruncate(self._descriptor, self.size - record_bytes)
        self.size -= record_bytes

    def remove(self) -> None:
        """Delete the file and let go of it. Never raises."""
        for path in (self.path, self.path.with_suffix(CURSOR)):
            try:
                if path != self.path or self.is_linked:
                    os.unlink(path)
            except OSError:
                continue
        self.close()

    def close(self) -> None:
        """Let go of the file and its lock."""
        with self._lock, _held.lock:
            descriptor, self._descriptor = self._descriptor, -1
            _held.segments.discard(self)
            if descriptor >= 0:
                with suppress(OSError):
                    # A child that was forked a moment ago may still hold the same lock.
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
                with suppress(OSError):
                    os.close(descriptor)

    def _forget(self) -> None:
        """In a forked child: the lock is the parent's and stays."""
        descriptor, self._descriptor = self._descriptor, -1
        self._lock = threading.Lock()
        with suppress(OSError):
            os.close(descriptor)


_held: Final = _Held()


def cursor_of(path: Path) -> int:
    """Up to where a segment's records are stored, in bytes; 0 if nobody noted it."""
    try:
        with open(path.with_suffix(CURSOR), "rb") as file:
            data = file.read(_CURSOR.size)
    except OSError:
        return 0
    return int(_CURSOR.unpack(data)[0]) if len(data) == _CURSOR.size else 0
