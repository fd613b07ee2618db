"""The counts of processes that have ended, summed up in one file."""

import fcntl
import os
from pathlib import Path
from time import sleep
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.counts import read_counts, write_counts

_TOTAL: Final = "all" + places.COUNTS
_LOCK: Final = "counts.lock"
_TRIES: Final = 100
_WAIT_SECONDS: Final = 0.002


def add_to_total(folder: Path, process: str) -> None:
    """Add the counts of a process that has ended to those of all that have. Never raises.

    What cannot be added stays a file of its own, and is read as well.
    """
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        if _is_locked(descriptor):
            _add(folder, folder / (process + places.COUNTS))
            # A child that was forked a moment ago holds the same lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        return
    finally:
        os.close(descriptor)


def _add(folder: Path, path: Path) -> None:
    counts = read_counts(path)
    if counts:
        total = read_counts(folder / _TOTAL)
        # First gone, then added: a crash between the two forgets, and never counts twice.
        path.unlink()
        write_counts(folder / _TOTAL, {name: total.get(name, 0) + number for name, number in counts.items()})


def _is_locked(descriptor: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_WAIT_SECONDS)
        else:
            return True
    return False
