"""Records of the spool into the database, batch by batch; a record is let go of after the commit."""

import logging
from collections.abc import Sequence
from math import inf
from time import monotonic
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan

from image_tracing_postgres.spool.frames import Frame
from image_tracing_postgres.spool.pause import Pause
from image_tracing_postgres.spool.payloads import SpooledSpan, identity_of, is_of_ended, span_from
from image_tracing_postgres.spool.quarantine import set_aside
from image_tracing_postgres.spool.segment import Segment
from image_tracing_postgres.spool.spool import Spool
from image_tracing_postgres.spool.suspects import LONE_FAILURES, Suspects
from image_tracing_postgres.spool.told import Told
from image_tracing_postgres.writer import WriteError, Writer

_logger: Final = logging.getLogger(__name__)

_BATCH_RECORDS: Final = 2_048
_BATCH_BYTES: Final = 1024 * 1024
# A lone record needs less time than a batch.
_LONE_SHARE: Final = 0.3
# Around a suspect so many others are tried first.
_NEIGHBOURS: Final = 8


class _Outcome:
    """What became of some records; nothing of it counts before all of them are through."""

    def __init__(self) -> None:
        self.stored = 0
        self.refused: list[tuple[bytes, str | None, str]] = []
        self.put_off: list[bytes] = []


class Storing:
    """Stores what segments and the memory hold, with one writer. For one thread.

    `batch_seconds` is the longest that a transaction may take. `limit` (monotonic seconds) is set when the
    process ends: no write goes on after it.
    """

    def __init__(self, spool: Spool, writer: Writer, *, pause: Pause, batch_seconds: float) -> None:
        self._spool = spool
        self._writer = writer
        self._pause = pause
        self._batch_seconds = batch_seconds
        self._batch_records = _BATCH_RECORDS
        self._told = Told(_logger)
        self.suspects: Final = Suspects()
        self.limit = inf

    def store(self, segment: Segment, *, is_whole: bool) -> None:
        """Store what is behind the segment's cursor. Raises WriteError and OSError.

        `is_whole` says that nobody appends to it any more.
        """
        damaged_until = -1
        while segment.cursor < (size := self._spool.size_of(segment)):
            frames = self._piece(
                segment.frames(start=segment.cursor, size=size, limit_bytes=_BATCH_BYTES, is_whole=is_whole)
            )
            if not frames:
                return
            outcome = self._stored([frame.payload for frame in frames if frame.payload is not None])
            lost = self._set_aside(outcome)
            if not self._spool.advance(segment, frames[-1].end):
                # The records were moved while they were stored; there they come again, and count.
                return
            self._count(outcome, lost)
            for frame in frames:
                if frame.payload is None:
                    # Read in pieces, one damaged stretch comes in several.
                    self._spool.counts.add("dropped_damaged", int(frame.start != damaged_until))
                    damaged_until = frame.end

    def store_memory(self) -> None:
        """Store what is in memory only. Raises WriteError."""
        while payloads := self._spool.take_memory(
            records=self._batch_records + len(self.suspects), limit_bytes=_BATCH_BYTES
        ):
            try:
                outcome = self._stored(payloads)
            except BaseException:
                self._spool.give_back(payloads)
                raise
            self._count(outcome, self._set_aside(outcome))

    def interrupt(self, started: Sequence[bytes]) -> None:
        """Store of generations that began that they will never end. Raises WriteError."""
        of: dict[int, bytes] = {}
        spans: list[SpooledSpan] = []
        for payload in started:
            try:
                span = span_from(payload)
            except ValueError:
                continue
            span.is_interrupted = True
            spans.append(span)
            of[id(span)] = payload

        def refuse(span: ReadableSpan, sqlstate: str | None, reason: str) -> None:
            set_aside(self._spool.folder, of[id(span)], sqlstate=sqlstate, reason=reason)

        for place in range(0, len(spans), _BATCH_RECORDS):
            self._writer.write(
                spans[place : place + _BATCH_RECORDS],
                deadline=self._deadline(self._batch_seconds),
                refuse=refuse,
            )

    def _piece(self, frames: list[Frame]) -> list[Frame]:
        """As many of them as are stored at once; those under suspicion come on top."""
        number = 0
        for place, frame in enumerate(frames):
            if frame.payload is not None and not (self.suspects and frame.payload in self.suspects):
                number += 1
                if number > self._batch_records:
                    return frames[:place]
        return frames

    def _stored(self, payloads: Sequence[bytes]) -> _Outcome:
        """Store records in one or more transactions. Raises WriteError: then all have to come again."""
        outcome = _Outcome()
        known = [payload for payload in payloads if self.suspects and payload in self.suspects]
        others = [payload for payload in payloads if payload not in known] if known else payloads
        try:
            self._write(others, outcome, self._batch_seconds)
        except WriteError as error:
            if self._is_canceled(error):
                self._narrow(others)
            raise
        if others:
            self.suspects.passed()
            self._batch_records = min(_BATCH_RECORDS, 2 * self._batch_records)
        for payload in known:
            self._try(payload, outcome)
        return outcome

    def _narrow(self, payloads: Sequence[bytes]) -> None:
        """Find the one whose statement runs out of its time."""
        if len(payloads) > 1:
            self._batch_records = max(1, min(len(payloads), self._batch_records) // 8)
        else:
            self.suspects.add(payloads[0])
            self._batch_records = _NEIGHBOURS

    def _try(self, payload: bytes, outcome: _Outcome) -> None:
        """Store one that is under suspicion, alone.

        A busy server is no reason to give up a record: it goes to the end of the queue as long as others
        pass, and is set aside when it alone has failed twenty times.
        """
        try:
            self._write([payload], outcome, _LONE_SHARE * self._batch_seconds)
        except WriteError as error:
            if not self._is_canceled(error) or (failures := self.suspects.failed(payload)) is None:
                raise
            if failures < LONE_FAILURES:
                outcome.put_off.append(payload)
                return
            outcome.refused.append((payload, "57014", str(error)))
        self.suspects.acquit(payload)

    def _is_canceled(self, error: WriteError) -> bool:
        # With the process's end near any statement may run out of its time.
        return error.kind == "canceled" and self.limit == inf

    def _write(self, payloads: Sequence[bytes], outcome: _Outcome, seconds: float) -> None:
        spans: list[ReadableSpan] = []
        of: dict[int, bytes] = {}
        refused: list[tuple[bytes, str | None, str]] = []
        for payload in payloads:
            self._pause()
            try:
                span = span_from(payload)
            except ValueError as error:
                refused.append((payload, None, str(error)))
                continue
            spans.append(span)
            of[id(span)] = payload

        def refuse(span: ReadableSpan, sqlstate: str | None, reason: str) -> None:
            refused.append((of.pop(id(span)), sqlstate, reason))

        if spans:
            self._writer.write(spans, deadline=self._deadline(seconds), refuse=refuse)
        outcome.stored += sum(map(is_of_ended, of.values()))
        outcome.refused += refused

    def _deadline(self, seconds: float) -> float:
        return min(monotonic() + seconds, self.limit)

    def _set_aside(self, outcome: _Outcome) -> int:
        """Keep what cannot be stored, before the cursor moves; how many spans found no room for that."""
        lost = 0
        for payload, sqlstate, reason in outcome.refused:
            if not is_of_ended(payload):
                # Its end tells all that it does; without one its adopter sets it aside.
                continue
            is_kept = set_aside(self._spool.folder, payload, sqlstate=sqlstate, reason=reason)
            if is_kept:
                self._spool.counts.add("quarantined")
                identity = identity_of(payload)
                self._told.say(
                    "quarantined",
                    "the span %s cannot be stored and is kept in %s (%s)",
                    "unknown" if identity is None else identity.span_id,
                    self._spool.folder / "quarantine",
                    reason,
                )
            lost += is_kept is False
        for payload in outcome.put_off:
            self._spool.requeue(payload)
        return lost

    def _count(self, outcome: _Outcome, lost: int) -> None:
        self._spool.counts.add("stored", outcome.stored)
        if lost:
            self._spool.counts.add("dropped_quarantine_full", lost)
