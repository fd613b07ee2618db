"""The segments of dead processes: whose they are, which generations they left open, and their end."""

import os
from pathlib import Path
from time import time
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.payloads import STARTED, identity_of
from image_tracing_postgres.spool.segment import Segment
from image_tracing_postgres.spool.totals import add_to_total

_READ_BYTES: Final = 1024 * 1024
_STALE_SECONDS: Final = 60.0


class Adoption:
    """A dead process's segment that we hold."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        name = places.segment_name(segment.path)
        self._process = "" if name is None else name.process
        self._sequence = 0 if name is None else name.sequence

    def interrupted(self) -> list[bytes]:
        """The started records of generations that did not end in that process; they never will.

        Each newer segment repeats what is open, so that only the newest one tells.
        """
        if any(sequence > self._sequence for sequence in self._sequences()):
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
        return list(started.values())

    def finish(self) -> None:
        """Delete the segment; with the last one of its process, its counts go into the total."""
        self._segment.remove()
        if not self._sequences():
            add_to_total(self._segment.path.parent, self._process)

    def _sequences(self) -> list[int]:
        return places.sequences_of(self._segment.path.parent, self._process)


def clear(folder: Path) -> None:
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
