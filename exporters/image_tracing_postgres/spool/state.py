"""What waits in a spool, looked at from outside and without touching it."""

import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.counts import REASONS, read_counts
from image_tracing_postgres.spool.quarantine import number_in
from image_tracing_postgres.spool.room import used_bytes
from image_tracing_postgres.spool.segment import cursor_of


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
    """For how long, at most, the oldest of them has waited; 0 if none does."""
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
            left = status.st_size - cursor_of(path)
            if left > 0:
                waiting += left
                oldest = min(oldest or status.st_mtime, _born_at(path, status))
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


def _born_at(path: Path, status: os.stat_result) -> float:
    """When what waits was written, at the earliest: at the birth, or when the cursor last moved."""
    try:
        return path.with_suffix(places.CURSOR).stat().st_mtime
    except OSError:
        return getattr(status, "st_birthtime", status.st_ctime)


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
