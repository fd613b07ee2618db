"""Progress on standard error, for people only, and only for what takes longer than two seconds."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE_SECONDS: Final = 2.0

_Item = TypeVar("_Item")


def counted(
    items: Iterable[_Item],
    *,
    what: str,
    number_of: Callable[[_Item], int] = lambda _: 1,
    total: Callable[[], int | None] = lambda: None,
) -> Iterator[_Item]:
    """The same items; from two seconds on a reader at a terminal sees how many there were, and of how many.

    `number_of`: for how many an item counts. `total` is asked once, and only if somebody looks.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    began = time.monotonic()
    shown: Progress | None = None
    count = 0
    try:
        for item in items:
            yield item
            count += number_of(item)
            if shown is None and time.monotonic() - began > PATIENCE_SECONDS:
                shown = bar()
                shown.start()
                shown.add_task(what, total=total())
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


@contextmanager
def share_done(what: str) -> Iterator[Callable[[float], object] | None]:
    """What to call with the share that is done, from 0.0 to 1.0; None if nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=1.0)
        yield lambda share: shown.update(task, completed=share)
