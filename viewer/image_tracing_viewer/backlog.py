"""What waits in a spool, told in spans: how many, for how long, and which living processes store them."""

import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool import span_from
from image_tracing_postgres.spool.frames import HEADER_BYTES, MARK, PAYLOAD_LIMIT_BYTES
from image_tracing_postgres.spool.payloads import is_of_ended
from image_tracing_postgres.spool.segment import cursor_of
from image_tracing_viewer.formats import counted

# Beyond so many records their number is told from their size: a look has to stay cheap.
_COUNTED: Final = 10_000
_BEGINNING_BYTES: Final = 16
# What a working process has not stored for less than this is on its way.
PATIENCE_SECONDS: Final = 10.0

_length_in: Final = struct.Struct("<I").unpack_from


@dataclass(frozen=True, slots=True)
class Backlog:
    """One look at what a spool holds that is not in the database yet. Nothing is changed by it."""

    spans: int = 0
    """Spans that ended, or, if none did, generations that began."""
    is_estimate: bool = False
    """Whether there are so many that their number is told from their size."""
    oldest_age_seconds: float = 0.0
    """For how long, at most, the oldest of them has waited; 0.0 if none does."""
    living: tuple[int, ...] = ()
    """The ids of living processes that have something to store, sorted."""
    orphans: int = 0
    """Segments whose process is dead, with something to store or to say of its end."""
    unreadable: int = 0
    """Segments that this user may not read."""

    @property
    def is_late(self) -> bool:
        """Whether something has waited for longer than a working process and database need."""
        return self.oldest_age_seconds >= PATIENCE_SECONDS

    @property
    def told(self) -> str:
        """`1 span`, `1,204 spans`, `about 310,000 spans`."""
        return ("about " if self.is_estimate else "") + counted(self.spans, "span")


def backlog_of(folder: Path) -> Backlog:
    """What waits in `folder`; nothing if there is no such folder. Never raises."""
    look = _Look()
    for path in places.segments_in(folder):
        try:
            look.add(path)
        except FileNotFoundError:
            continue
        except OSError:
            look.unreadable += 1
    return look.backlog()


def is_readable(folder: Path) -> bool:
    """Whether this user may look into `folder`, or there is none."""
    return not os.path.exists(folder) or os.access(folder, os.R_OK | os.X_OK)


def late_spools(data_dir: Path, *, but: Path) -> Iterator[tuple[Path, Backlog]]:
    """The spools of other databases below `data_dir` in which something has waited for too long, by name."""
    try:
        folders = sorted(entry.path for entry in os.scandir(data_dir / places.SPOOL) if entry.is_dir())
    except OSError:
        return
    for folder in map(Path, folders):
        if folder != but:
            backlog = backlog_of(folder)
            if backlog.is_late:
                yield folder, backlog


def told_spool(name: str) -> str:
    """How to store what waits in the spool of that name, from a shell that is set to another database."""
    if name == places.EMBEDDED:
        return "store them in the embedded one with: env -u IMAGE_TRACING_DATABASE_URL image-tracing drain"
    database = name.rpartition("-")[0]
    return f"store them with: image-tracing drain --database-url <the URL of the database {database}>"


def ends_of(folder: Path) -> dict[Path, int]:
    """How far each segment reaches now, in bytes."""
    ends = {}
    for path in places.segments_in(folder):
        try:
            ends[path] = path.stat().st_size
        except OSError:
            continue
    return ends


def is_stored(path: Path, end: int) -> bool:
    """Whether a segment's records up to `end` are in the database."""
    try:
        # A segment that is written anew is shorter than it was.
        return cursor_of(path) >= min(end, path.stat().st_size)
    except FileNotFoundError:
        return True
    except OSError:
        return False


class _Look:
    def __init__(self) -> None:
        self.unreadable = 0
        self._ended = 0
        self._began = 0
        self._counted_bytes = 0
        self._uncounted_bytes = 0
        self._oldest_seconds = 0.0
        self._living: set[int] = set()
        self._orphans = 0

    def add(self, path: Path) -> None:
        """Look at one segment. Raises OSError."""
        status = path.stat()
        place = cursor_of(path)
        is_waiting = place < status.st_size
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            name = places.segment_name(path)
            if not _is_held(descriptor):
                self._orphans += 1
            elif is_waiting and name is not None:
                self._living.add(int(name.process.partition("-")[0]))
            if is_waiting:
                known_at = self._count(descriptor, place, status.st_size)
                ages = [time() - moment for moment in (known_at, _touched_at(path, status)) if moment]
                self._oldest_seconds = max(self._oldest_seconds, min(ages, default=0.0))
        finally:
            os.close(descriptor)

    def backlog(self) -> Backlog:
        known = self._ended or self._began
        if self._uncounted_bytes and self._counted_bytes:
            # To two digits, which is what an estimate is worth.
            estimate = known * (1 + self._uncounted_bytes / self._counted_bytes)
            known = int(float(f"{estimate:.2g}"))
        return Backlog(
            spans=known,
            is_estimate=self._uncounted_bytes > 0,
            oldest_age_seconds=self._oldest_seconds,
            living=tuple(sorted(self._living)),
            orphans=self._orphans,
            unreadable=self.unreadable,
        )

    def _count(self, descriptor: int, place: int, size: int) -> float | None:
        """Count the records from `place` on; when the first of them ended, in seconds since 1970."""
        first = b""
        while place < size and self._ended + self._began < _COUNTED:
            head = os.pread(descriptor, HEADER_BYTES + _BEGINNING_BYTES, place)
            if len(head) < HEADER_BYTES or not head.startswith(MARK):
                # Damage, or a record that is just being written: whoever stores them will know.
                break
            [length] = _length_in(head, len(MARK))
            if length > PAYLOAD_LIMIT_BYTES:
                break
            is_ended = is_of_ended(head[HEADER_BYTES:])
            if not first or (is_ended and not is_of_ended(first)):
                first = os.pread(descriptor, length, place + HEADER_BYTES)
            self._ended += is_ended
            self._began += not is_ended
            self._counted_bytes += HEADER_BYTES + length
            place += HEADER_BYTES + length
        if self._ended + self._began >= _COUNTED:
            self._uncounted_bytes += max(0, size - place)
        return _moment_of(first) if first else None


def _is_held(descriptor: int) -> bool:
    # A shared lock, for a moment: a dead process holds none.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        # A child that is forked just now would keep it.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    return False


def _touched_at(path: Path, status: os.stat_result) -> float:
    """When what waits was written, at the earliest: when the cursor last moved, or at the birth."""
    try:
        return path.with_suffix(places.CURSOR).stat().st_mtime
    except OSError:
        return getattr(status, "st_birthtime", 0.0)


def _moment_of(payload: bytes) -> float | None:
    """When a span ended, or began if it has not ended."""
    try:
        span = span_from(payload)
    except ValueError:
        return None
    moment = span.end_time or span.start_time
    return None if moment is None else moment / 1e9
