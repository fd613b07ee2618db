"""The segments of dead processes: whose they are, which generations they left open, and their end."""

import fcntl
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from time import time
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.counts import read_counts, write_counts
from image_tracing_postgres.spool.payloads import STARTED, SpooledSpan, identity_of, span_from
from image_tracing_postgres.spool.segment import Segment

_READ_BYTES: Final = 1024 * 1024
_STALE_SECONDS: Final = 60.0
_TOTAL: Final = "all" + places.COUNTS
_LOCK: Final = "counts.lock"


def adoptable(folder: Path, own: Collection[Path]) -> Iterator[Path]:
    """The segments that are not our own, each process's oldest first; their owners may live."""
    _clear(folder)
    for path in places.segments_in(folder):
        if path not in own:
            yield path


class Adoption:
    """A dead process's segment that we hold."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        name = places.segment_name(segment.path)
        self._process = "" if name is None else name.process
        self._sequence = 0 if name is None else name.sequence

    def interrupted(self) -> list[SpooledSpan]:
        """The generations that began in that process and did not end; they never will.

        Each newer segment repeats what is open, so that only the newest one tells.
        """
        if any(sequence > self._sequence for sequence in self._others()):
            return []
        started: dict[tuple[str, str], bytes] = {}
        place = 0
        while frames := self._segment.frames(
            start=place, size=self._segment.size, limit_bytes=_READ_BYTES, is_whole=True
        ):
            place = frames[-1].end
            for frame in frames:
                identity = None if frame.payload is None else identity_of(frame.payload)
                if identity is not None and frame.payload is not None:
                    key = identity.trace_id, identity.span_id
                    if identity.kind == STARTED:
                        started[key] = frame.payload
                    else:
                        started.pop(key, None)
        spans = [span_from(payload) for payload in started.values()]
        for span in spans:
            span.is_interrupted = True
        return spans

    def finish(self) -> None:
        """Delete the segment; with the last one of its process, its counts go into the total."""
        is_last = not list(self._others())
        self._segment.remove()
        if is_last:
            add_to_total(self._segment.path.parent, self._process)

    def _others(self) -> Iterator[int]:
        for path in places.segments_in(self._segment.path.parent):
            name = places.segment_name(path)
            if name is not None and name.process == self._process and path != self._segment.path:
                yield name.sequence


def add_to_total(folder: Path, process: str) -> None:
    """Add the counts of a process that has ended to those of all that have. Never raises."""
    path = folder / (process + places.COUNTS)
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        counts = read_counts(path)
        if counts:
            total = read_counts(folder / _TOTAL)
            # First gone, then added: a crash between the two forgets, and never counts twice.
            path.unlink()
            write_counts(
                folder / _TOTAL, {name: total.get(name, 0) + number for name, number in counts.items()}
            )
    except OSError:
        return
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    """Remove what a process left that died while it made a segment."""
    try:
        for entry in os.scandir(folder):
            if (
                entry.name.endswith(places.NEW)
                and entry.is_file(follow_symlinks=False)
                and time() - entry.stat().st_mtime > _STALE_SECONDS
            ):
                os.unlink(entry.path)
    except OSError:
        return
