"""Threads that a kind of work has for itself, so that it keeps none from the pages while it waits."""

from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple

import anyio.to_thread
from anyio.lowlevel import RunVar

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")


class OwnThreads:
    """At most `number` threads of each event loop. `name`: unique among them."""

    def __init__(self, name: str, number: int) -> None:
        self._number: Final = number
        self._limiter: Final[RunVar[anyio.CapacityLimiter]] = RunVar(name)

    async def run(self, act: Callable[[*_Arguments], _Result], *arguments: *_Arguments) -> _Result:
        """What `act` gives in one of the threads, once one is free."""
        try:
            limiter = self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._number)
            self._limiter.set(limiter)
        return await anyio.to_thread.run_sync(act, *arguments, limiter=limiter)
