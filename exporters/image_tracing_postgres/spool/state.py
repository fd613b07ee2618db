"""What waits in a spool, looked at from outside and without touching it."""

import fcntl
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.counts import REASONS, read_counts
from image_tracing_postgres.spool.frames import HEADER_BYTES
from image_tracing_postgres.spool.quarantine import number_in
from image_tracing_postgres.spool.room import used_bytes
from image_tracing_postgres.spool.segment import cursor_of

# Kind, ids and name come first in a payload, then its times in nanoseconds.
_TIMES: Final = re.compile(rb'\["[a-z]+","[0-9a-f]+","[0-9a-f]+","[^"]*",([0-9]+),(?:([0-9]+)|null),')
_BEGINNING_BYTES: Final = 512
# 2020-01-01.
_FIRST_SECOND: Final = 1_577_836_800


@dataclass(frozen=True, slots=True)
class SpoolState:
    """One look at a spool's folder, all processes together."""

    folder: Path
    segments: int = 0
    """Segment files, those of living processes too, which keep theirs when all is stored."""
    orphans: int = 0
    """Segments whose process is dead."""
    waiting_bytes: int = 0
    """Records that are not in the database yet."""
    oldest_age_seconds: float = 0.0
    """How long ago the oldest of them ended, or began; 0 if none waits."""
    used_bytes: int = 0
    """All files of the folder, quarantine and stored records included."""
    quarantined: int = 0
    unreadable: int = 0
    """Segments that this user may not read."""
    counts: dict[str, int] = field(default_factory=dict)
    """What became of the spans of all processes, by the reasons of `counts.REASONS`."""


def spool_state(folder: Path) -> SpoolState:
    """The state of the spool in `folder`; all zeros if there is no such folder. Never raises."""
    segments = places.segments_in(folder)
    orphans = waiting = unreadable = 0
    oldest = None
    for path in segments:
        try:
            status = path.stat()
            cursor = cursor_of(path)
            left = status.st_size - cursor
            if left > 0:
                waiting += left
                oldest = min(oldest or status.st_mtime, _born_at(path, status, cursor))
            orphans += _is_orphan(path)
        except FileNotFoundError:
            continue
        except OSError:
            unreadable += 1
    counts = dict.fromkeys(REASONS, 0)
    for path in _counts_in(folder):
        for reason, number in read_counts(path).items():
            counts[reason] += number
    return SpoolState(
        folder,
        segments=len(segments),
        orphans=orphans,
        waiting_bytes=waiting,
        oldest_age_seconds=0.0 if oldest is None else max(0.0, time() - oldest),
        used_bytes=used_bytes(folder),
        quarantined=number_in(folder),
        unreadable=unreadable,
        counts=counts,
    )


def _born_at(path: Path, status: os.stat_result, cursor: int) -> float:
    """When what waits first was written, in seconds since 1970: when its span ended, or began."""
    try:
        with path.open("rb") as file:
            file.seek(cursor + HEADER_BYTES)
            found = _TIMES.match(file.read(_BEGINNING_BYTES))
    except OSError:
        return status.st_mtime
    born = int(found[2] or found[1]) / 1e9 if found else 0.0
    # A clock that jumped, or a span that somebody made by hand.
    return born if _FIRST_SECOND < born < status.st_mtime else status.st_mtime


def _is_orphan(path: Path) -> bool:
    # A shared lock, for a moment: an owner that is just making its segment holds it under another name.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        # A child that was forked a moment ago holds the same lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _counts_in(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder) if entry.name.endswith(places.COUNTS)]
    except OSError:
        return []
