"""A program that forks in the ways Python programs do; run by the bench only, with the way's name."""

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from faults.generations import MODELS, paint
from faults.order import Order
from faults.stacks import Tracing, say

_fork: Final = multiprocessing.get_context("fork")
_CHILDREN: Final = 10
_tracing: Tracing


def _paint(number: int) -> None:
    for _ in range(number):
        paint(MODELS[1], "a lighthouse")
        _tracing.tally.tell()


def _processes(count: int) -> None:
    """multiprocessing.Process: the children end without atexit."""
    running = [_fork.Process(target=_paint, args=(count // _CHILDREN,)) for _ in range(_CHILDREN)]
    for process in running:
        process.start()
    for process in running:
        process.join()


def _pool(count: int) -> None:
    with ProcessPoolExecutor(4, mp_context=_fork) as pool:
        list(pool.map(_paint, [1] * count))


def _exit(count: int) -> None:
    _paint(count)
    say(event="forked", at=time.monotonic())
    os._exit(0)


def _orphan(count: int) -> None:
    """The child goes on after its parent is gone."""
    _paint(count // 2)
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        # Nothing tells an orphan that its parent is gone.
        time.sleep(0.001)
    _paint(count - count // 2)
    say(event="forked", at=time.monotonic())
    os._exit(0)


def _threads(count: int) -> None:
    """Forks while other threads are within `end()` and hold what locks there are."""
    if order.stack == "stock":
        # The first call imports, and an import lock that is held at a fork is lost for the child.
        _paint(1)
    is_over = threading.Event()

    def paint_on() -> None:
        while not is_over.is_set():
            _paint(1)

    painters = [threading.Thread(target=paint_on) for _ in range(4)]
    for painter in painters:
        painter.start()
    for _ in range(_CHILDREN):
        child = os.fork()
        if child == 0:
            _paint(count // _CHILDREN)
            os._exit(0)
        os.waitpid(child, 0)
    is_over.set()
    for painter in painters:
        painter.join()
    say(event="forked", at=time.monotonic())
    os._exit(0)


WAYS: Final[dict[str, Callable[[int], None]]] = {
    "process": _processes,
    "pool": _pool,
    "exit": _exit,
    "orphan": _orphan,
    "threads": _threads,
}


if __name__ == "__main__":
    order = Order.read(sys.argv[2])
    _tracing = Tracing(order)
    assert order.count is not None
    WAYS[sys.argv[1]](order.count)
    say(event="forked", at=time.monotonic())
