"""What a call returned and its owner threw away unfinished: the recording ends at the next call.

A stream, a generator or a coroutine that nobody began has no code of its own running that could end it.
"""

import atexit
import weakref
from collections import deque
from time import time_ns
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from image_tracing.wrapping import Recording

# A finalizer may run in the middle of anything, locks held: it only notes, the next call ends the recording.
_abandoned: Final[deque[tuple["Recording", BaseException | None, int]]] = deque()


def note_abandoning(
    thing: object, recording: "Recording", inner: object = None
) -> "weakref.finalize[Any, Any]":
    """End the recording if `thing` is thrown away before it; the answer can be told not to.

    `inner` is what a coroutine `thing` would have awaited.
    """
    return weakref.finalize(thing, _abandon, recording, inner)


def end_abandoned() -> None:
    """End the recordings of what was thrown away, at the time it was."""
    while _abandoned:
        try:
            recording, error, end_time = _abandoned.popleft()
        except IndexError:
            return
        if error is None:
            recording.closed(end_time)
        else:
            recording.failed(error, end_time)


def _abandon(recording: "Recording", inner: object) -> None:
    if recording.is_ended:
        return
    error = None
    if type(inner) is CoroutineType:
        if inner.cr_suspended:
            # It was begun: what ends it ends the recording.
            return
        # Cancelled before its first step, it would not be warned of if it were the one that was cancelled.
        inner.close()
        error = GeneratorExit("never awaited, or cancelled before its first step")
    _abandoned.append((recording, error, time_ns()))


atexit.register(end_abandoned)
