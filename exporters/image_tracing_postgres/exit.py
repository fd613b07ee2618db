"""For containers whose disk dies with them: what waits in the spool reaches the database before the process
ends.

Elsewhere nothing needs to be done at an exit: the next process, the viewer or `image-tracing drain` stores
what is left on disk.
"""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType
from typing import Any, Final

from opentelemetry.sdk.trace import SpanProcessor

from image_tracing_postgres.configuration import configured_processor

# Kubernetes and Docker kill after 30 and 10 seconds; some of that is the server's own.
_SECONDS: Final = 8.0

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


def lifespan(
    inner: Lifespan | None = None,
    *,
    processor: SpanProcessor | None = None,
    timeout_seconds: float = _SECONDS,
) -> Lifespan:
    """A lifespan for an ASGI app (Starlette, FastAPI) that stores what waits when the app ends.

    Runs `inner`, the app's own lifespan, within itself. Waits in a thread for at most `timeout_seconds`, so
    that the event loop goes on. `processor` None means that of `configure()`.
    """

    @asynccontextmanager
    async def drained(app: Any) -> AsyncIterator[Any]:
        try:
            if inner is None:
                yield
            else:
                async with inner(app) as state:
                    yield state
        finally:
            await asyncio.to_thread(_drain, processor, timeout_seconds)

    return drained


def drain_on_sigterm(*, processor: SpanProcessor | None = None, timeout_seconds: float = _SECONDS) -> None:
    """Let a SIGTERM wait until what is in the spool is stored, for at most `timeout_seconds`.

    Then it does what it did before this call: the handler that was set, else the end of the process. The
    program goes on meanwhile; a second SIGTERM does not wait. Servers that set handlers of their own
    (uvicorn, gunicorn, Celery) replace this one; uvicorn raises the signal again when it has stopped, and
    then it holds.

    Raises:
        ValueError: called outside of the main thread.
    """
    previous = signal.getsignal(signal.SIGTERM)
    is_asked = threading.Event()

    def act() -> None:
        _drain(processor, timeout_seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    def handle(number: int, frame: FrameType | None) -> None:
        if not is_asked.is_set():
            is_asked.set()
            # Not a daemon: an interpreter that ends meanwhile waits for it.
            threading.Thread(target=act, name="image-tracing SIGTERM").start()
        elif callable(previous):
            previous(number, frame)
        elif previous is not signal.SIG_IGN:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, handle)


def _drain(processor: SpanProcessor | None, seconds: float) -> None:
    found = configured_processor() if processor is None else processor
    if found is not None:
        found.force_flush(int(1000 * seconds))
