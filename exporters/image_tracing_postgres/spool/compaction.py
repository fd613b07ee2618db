"""Making room in a spool that is nearly full: first texts go, then attempts, failed generations never."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from image_tracing_postgres.spool.adoption import Adoption
from image_tracing_postgres.spool.counts import Counts
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.frames import framed
from image_tracing_postgres.spool.payloads import is_attempt, is_of_ended, stripped
from image_tracing_postgres.spool.segment import Segment
from image_tracing_postgres.spool.spool import Spool

_logger: Final = logging.getLogger(__name__)
# So much is freed that the next time is not at once.
_ENOUGH_SHARE: Final = 0.8
_READ_BYTES: Final = 1024 * 1024


class Compaction:
    """Rewrites the segments of one spool's folder while its database is away. Not thread-safe."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._done: dict[Path, int] = {}

    def make_room(self) -> None:
        """Give up texts, then attempts, oldest first, until there is room. Never raises."""
        room = self._spool.room
        if not room.is_low:
            return
        room.look()
        paths = set(segments_in(self._spool.folder))
        self._done = {path: level for path, level in self._done.items() if path in paths}
        for level in (1, 2):
            for segment, is_own in self._segments(level):
                try:
                    if not room.is_low and room.used_bytes <= _ENOUGH_SHARE * room.limit_bytes:
                        return
                    self._rewrite(segment, level, is_own=is_own)
                    self._done[segment.path] = level
                    room.look()
                except OSError as error:
                    _logger.debug("a segment could not be made smaller: %s", error)
                finally:
                    if not is_own:
                        segment.close()

    def _segments(self, level: int) -> Iterator[tuple[Segment, bool]]:
        """Those of dead processes, then our own but the one that grows, unless so small already."""
        own = self._spool.segments
        names = {segment.path for segment in own}
        for path in segments_in(self._spool.folder):
            if path not in names and self._done.get(path, 0) < level:
                segment = Segment.adopted(path)
                if segment is not None:
                    yield segment, False
        for segment in own[:-1]:
            if self._done.get(segment.path, 0) < level:
                yield segment, True

    def _rewrite(self, segment: Segment, level: int, *, is_own: bool) -> None:
        counts, records = Counts(), bytearray()
        # Stored as starts or not, whoever adopts them has to know that nobody will end them. A living process
        # repeats its own in each newer segment.
        left_open = set() if is_own else {stripped(payload) for payload in Adoption(segment).interrupted()}
        for start in left_open:
            records += framed(start)
        for payload in _waiting(segment):
            if payload is None:
                counts.add("dropped_damaged")
                continue
            small = stripped(payload)
            if small in left_open:
                continue
            if level == 2 and is_attempt(payload):
                counts.add("dropped_spool_full", int(is_of_ended(payload)))
                continue
            counts.add("stripped", int(small is not payload and is_of_ended(payload)))
            records += framed(small)
        if not is_own:
            Segment.made(segment.path, bytes(records)).close()
        elif not self._spool.replace(segment, bytes(records)):
            return
        for reason, number in counts.values().items():
            if number:
                self._spool.counts.add(reason, number)


def _waiting(segment: Segment) -> Iterator[bytes | None]:
    """The records that are not stored yet; None for a damaged stretch, however many reads it comes in."""
    place, damaged_until = segment.cursor, -1
    while frames := segment.frames(start=place, size=segment.size, limit_bytes=_READ_BYTES, is_whole=True):
        for frame in frames:
            if frame.payload is not None or frame.start != damaged_until:
                yield frame.payload
            if frame.payload is None:
                damaged_until = frame.end
        place = frames[-1].end
