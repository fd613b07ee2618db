"""One segment file: appended to by its owner, read by whoever stores its records.

The owner holds a lock on it as long as it lives. A lock that is free means that the owner is dead, whatever
ended it, and that the segment may be adopted.
"""

import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from image_tracing_postgres.spool.folder import CURSOR, NEW
from image_tracing_postgres.spool.frames import HEADER_BYTES, PAYLOAD_LIMIT_BYTES, Frame, frames_in

_CURSOR: Final = struct.Struct("<Q")
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


class Segment:
    """An open and locked segment. Not thread-safe: its owner's lock is around what writes.

    `size` is where the last whole record ends, `cursor` up to where records are stored or set aside.
    """

    def __init__(self, path: Path, descriptor: int, *, size: int, cursor: int) -> None:
        self.path = path
        self.size = size
        self.cursor = cursor
        self.is_dirty = False
        self._descriptor = descriptor

    @classmethod
    def made(cls, path: Path, content: bytes = b"") -> Self:
        """A new segment of these records, locked, in the place of one with that path. Raises OSError."""
        new = path.with_suffix(NEW)
        descriptor = os.open(new, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            segment = cls(new, descriptor, size=0, cursor=0)
            if content:
                segment.append(content)
            path.with_suffix(CURSOR).unlink(missing_ok=True)
            # Under its name it is locked from the first moment, so that nobody takes its owner for dead.
            os.rename(new, path)
        except OSError:
            os.close(descriptor)
            new.unlink(missing_ok=True)
            raise
        segment.path = path
        return segment

    @classmethod
    def adopted(cls, path: Path) -> Self | None:
        """A dead process's segment, locked; None if its owner lives, or if it is gone or not ours to read."""
        try:
            descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(descriptor)
            if status.st_nlink:
                size = status.st_size
                return cls(path, descriptor, size=size, cursor=min(size, cursor_of(path)))
        except OSError:
            pass
        # Another adopter holds it, or has finished it between the two calls.
        os.close(descriptor)
        return None

    @property
    def is_linked(self) -> bool:
        """Whether the file is still in its folder: somebody may delete what we write to."""
        try:
            status = os.fstat(self._descriptor)
            found = os.stat(self.path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == (found.st_dev, found.st_ino)

    @property
    def modified_at(self) -> float:
        """When it was last written to, in seconds since 1970."""
        return os.fstat(self._descriptor).st_mtime

    def append(self, record: bytes) -> None:
        """Write one record, or nothing of it. Raises OSError; is_broken then tells whether it can go on."""
        try:
            written = os.write(self._descriptor, record)
        except OSError:
            self._undo()
            raise
        if written != len(record):
            self._undo()
            raise OSError(28, "no room for a whole record")
        self.size += written
        self.is_dirty = True

    def _undo(self) -> None:
        # Fails on a file system that went away; the reader finds its way over half a record.
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.size = max(self.size, self._length())

    def _length(self) -> int:
        try:
            return os.fstat(self._descriptor).st_size
        except OSError:
            return self.size

    def frames(self, *, start: int, size: int, limit_bytes: int, is_whole: bool) -> list[Frame]:
        """The records between `start` and `size`, some `limit_bytes`, at least one if there is a whole one.

        `is_whole` as in `frames_in`: the file ends for good at `size`. Raises OSError.
        """
        asked = limit_bytes
        while True:
            end = min(size, start + asked)
            data = self._read(start, end)
            found = list(frames_in(data, offset=start, is_whole=is_whole and end == size))
            if found or end == size or asked > PAYLOAD_LIMIT_BYTES + HEADER_BYTES:
                return found
            asked *= 4

    def _read(self, start: int, end: int) -> bytes:
        parts = []
        while start < end:
            part = os.pread(self._descriptor, end - start, start)
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def move(self, cursor: int) -> None:
        """Everything before `cursor` needs no second look. Never raises: a lost cursor costs a repetition."""
        self.cursor = cursor
        try:
            descriptor = os.open(
                self.path.with_suffix(CURSOR), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                os.pwrite(descriptor, _CURSOR.pack(cursor), 0)
            finally:
                os.close(descriptor)
        except OSError:
            return

    def sync(self) -> None:
        """To the disk itself, against a power loss. Raises OSError."""
        self.is_dirty = False
        (getattr(os, "fdatasync", None) or os.fsync)(self._descriptor)

    def copied_to(self, append: Callable[[bytes], None]) -> None:
        """Give what is not stored yet to `append`, as it lies in the file. Raises OSError."""
        rest = self._read(self.cursor, self.size)
        if rest:
            append(rest)

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
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            try:
                os.close(descriptor)
            except OSError:
                return


def cursor_of(path: Path) -> int:
    """Up to where a segment's records are stored, in bytes; 0 if nobody noted it."""
    try:
        with open(path.with_suffix(CURSOR), "rb") as file:
            data = file.read(_CURSOR.size)
    except OSError:
        return 0
    return int(_CURSOR.unpack(data)[0]) if len(data) == _CURSOR.size else 0
