"""F6: a process is killed while a generation is open."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from faults.bench import Bench
from faults.row import Row, Stack
from faults.trial import Trial
from faults.waiting import TooSlowError, wait_until

_VISIBLE_SECONDS: Final = 1.0
_STARTED: Final = "SELECT count(*) FROM image_traces WHERE root_state = 'started' AND status = 'started'"
_INTERRUPTED: Final = (
    "SELECT count(*) FROM image_traces WHERE status = 'failed' "
    "AND error_class = 'interrupted' AND error_message = 'process ended'"
)


def run(bench: Bench) -> Iterator[Row]:
    """The row is there while the generation runs, and tells of its process's end when that is known."""
    for number in (signal.SIGKILL, signal.SIGTERM):
        for stack in bench.stacks:
            yield _row(bench, stack, number)


def _row(bench: Bench, stack: Stack, number: signal.Signals) -> Row:
    rounds = bench.size(10, 2)
    slowest: float | None = 0.0
    with bench.trial(f"F6 {number.name}", stack) as trial:
        for turn in range(1, rounds + 1):
            program = trial.load(module="opened")
            opened = program.event("open")
            seen_at = _seen_at(trial)
            slowest = None if seen_at is None or slowest is None else max(slowest, seen_at - opened["at"])
            program.event("attempted")
            program.kill(number)
            program.wait()
            trial.drain()
            interrupted = _count(trial, _INTERRUPTED)
            if interrupted != turn:
                break
        limit = _VISIBLE_SECONDS * bench.slack
        return trial.row(
            "F6",
            f"{number.name} with a generation open, {rounds} times",
            f"started within {limit:g} s, then failed: process ended",
            figures={"seen after s": "never" if slowest is None else slowest, "process ended": interrupted},
            checks={
                f"seen after {slowest or 0:.2f} s": slowest is not None and slowest <= limit,
                f"{interrupted} of {rounds} told of their process's end": interrupted == rounds,
            },
        )


def _seen_at(trial: Trial) -> float | None:
    """When the started generation was in the database, in monotonic seconds; None if it never came."""
    with trial.connect() as connection, suppress(TooSlowError):
        wait_until(
            lambda: connection.execute(_STARTED).fetchall()[0][0],
            seconds=10 if trial.is_ours else 2,
            wanted="a started row",
            poll_seconds=0.005,
        )
        return time.monotonic()
    return None


def _count(trial: Trial, statement: str) -> int:
    with trial.connect() as connection:
        return int(connection.execute(statement).fetchall()[0][0])
