"""The tally: which spans have ended, written by the loads and read by the bench.

One line a span, one `write()` a line, to a file opened for appending: whatever kills a process, what it said
stays said. `a` is an attempt, `r` a root; `!` marks a span that the database is made to refuse.
"""

import os
import threading
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from image_tracing import attributes as names

POISON: Final = "poison"


class SpanKey(NamedTuple):
    """Which span: `a` or `r`, and its ids in hex."""

    kind: str
    trace_id: str
    span_id: str


class Tally(SpanProcessor):
    """Notes ended spans; `tell` writes them to the file, to be called when `end()` has returned."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._ended: deque[bytes] = deque()
        self.total = 0
        # What the parent has not told yet is the parent's to tell.
        os.register_at_fork(after_in_child=self._ended.clear)

    def on_end(self, span: ReadableSpan) -> None:
        line = _line(span)
        if line is not None:
            self._ended.append(line)

    def tell(self) -> None:
        """Write what has ended, from any thread."""
        while True:
            try:
                line = self._ended.popleft()
            except IndexError:
                return
            os.write(self._file, line)
            self.total += 1

    def shutdown(self) -> None:
        """Nothing: the file stays open for spans that end later."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - as the SDK names it
        return True


def _line(span: ReadableSpan) -> bytes | None:
    attributes = span.attributes or {}
    role = attributes.get(names.ROLE)
    if role not in (names.ROLE_GENERATION, names.ROLE_ATTEMPT) or span.context is None:
        return None
    mark = "!" if str(attributes.get(names.REQUEST_MODEL)).startswith(POISON) else "."
    kind = "r" if role == names.ROLE_GENERATION else "a"
    return f"{kind}{mark} {span.context.trace_id:032x} {span.context.span_id:016x}\n".encode()


def read_tally(path: Path) -> dict[SpanKey, bool]:
    """The ended spans, and of each whether the database is made to refuse it; empty without a file."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="ascii").splitlines():
        head, trace_id, span_id = line.split(" ")
        found[SpanKey(head[0], trace_id, span_id)] = head[1] == "!"
    return found


class Lines:
    """How many lines the tally has by now, for polling: only what is new is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self._count = 0
        self._lock = threading.Lock()

    def count(self) -> int:
        """Spans ended so far."""
        with self._lock:
            if self._path.exists():
                with self._path.open("rb") as file:
                    file.seek(self._place)
                    data = file.read()
                self._place += len(data)
                self._count += data.count(b"\n")
            return self._count
