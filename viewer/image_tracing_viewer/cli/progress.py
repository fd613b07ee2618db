"""Progress on standard error, for people only, and only for what takes longer than two seconds."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE_SECONDS: Final = 2.0

_Item = TypeVar("_Item")


def counted(items: Iterable[_Item], *, what: str) -> Iterator[_Item]:
    """The same items; from two seconds on a reader at a terminal sees how many there were."""
    if not sys.stderr.isatty():
        yield from items
        return
    began = time.monotonic()
    shown: Progress | None = None
    count = 0
    try:
        for item in items:
            yield item
            count += 1
            if shown is None and time.monotonic() - began > PATIENCE_SECONDS:
                shown = bar()
                shown.start()
                shown.add_task(what, total=None)
            if shown is not None:
                shown.update(shown.task_ids[0], completed=count)
    finally:
        if shown is not None:
            shown.stop()


def bar() -> "Progress":
    """A progress display on standard error that leaves nothing behind when that is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


@contextmanager
def working(what: str) -> Iterator[None]:
    """Tells a reader at a terminal what is being waited for, while it lasts."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
