"""F13: the clock of the machine is set, forth and back, while generations are open."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from faults.bench import Bench
from faults.row import Row, Stack
from faults.trial import Trial
from faults.waiting import TooSlowError

_HOUR: Final = 3_600
_YEAR: Final = 365 * 24 * _HOUR
# Each is a step from the one before.
_STEPS: Final = (_HOUR, 0, -_HOUR, 0, 10 * _YEAR, 0, -10 * _YEAR)
_STORED_SECONDS: Final = 3.0
_EXIT_SECONDS: Final = 3.0
_NEGATIVE: Final = """
SELECT (SELECT count(*) FROM image_traces WHERE total_duration_ms < 0 OR completed_at < created_at)
    + (SELECT count(*) FROM image_attempts WHERE duration_ms < 0 OR ended_at < started_at)
"""


def run(bench: Bench) -> Iterator[Row]:
    """An hour and ten years, forth and back."""
    for stack in bench.stacks:
        yield _row(bench, stack)


def _row(bench: Bench, stack: Stack) -> Row:
    step_seconds = bench.size(4.0, 0.7)
    with bench.trial("F13", stack) as trial:
        clock = trial.folder / "clock"
        _step(clock, 0)
        count = int(100 * step_seconds * (len(_STEPS) + 1))
        load = trial.load(
            module="clocked",
            environment={"FAULTS_CLOCK": str(clock)},
            way="decorators",
            count=count,
            rate=100,
            inner_seconds=0.02,
        )
        load.event("begun")
        # Spans of before the first step are part of the fault.
        time.sleep(step_seconds)
        slowest: float | None = 0.0
        for offset in _STEPS:
            _step(clock, offset)
            began = time.monotonic()
            waited = _until_stored(trial)
            slowest = None if slowest is None or waited is None else max(slowest, waited)
            # Each step of the clock lasts as long, however soon its spans were stored.
            time.sleep(max(0.0, began + step_seconds - time.monotonic()))
        made = load.event("made", seconds=120)
        shut = load.event("shut", seconds=120)
        exit_seconds = load.wait() - made["at"]
        trial.drain()
        with trial.connect() as connection:
            negative = int(connection.execute(_NEGATIVE).fetchall()[0][0])
        stored_limit = _STORED_SECONDS * min(bench.slack, 3.0)
        return trial.row(
            "F13",
            "clock +-1 h, +-10 years",
            f"durations >= 0, stored <= {stored_limit:g} s, exit <= {_EXIT_SECONDS:g} s",
            figures={
                "negative": negative,
                "stored after s": "too long" if slowest is None else slowest,
                "exit s": exit_seconds,
                "exceptions": shut["errors"],
            },
            checks={
                f"{negative} negative durations": negative == 0,
                f"stored after {slowest or 0:.1f} s": slowest is not None and slowest <= stored_limit,
                f"exit took {exit_seconds:.1f} s": exit_seconds <= _EXIT_SECONDS * min(bench.slack, 2.0),
                "exceptions": shut["errors"] == 0,
            },
            refused=shut["refused"],
        )


def _step(clock: Path, offset: int) -> None:
    new = clock.with_suffix(".new")
    new.write_text(str(offset), encoding="ascii")
    new.replace(clock)


def _until_stored(trial: Trial) -> float | None:
    """How long it takes until what had ended by now is stored; None if that takes over 10 s."""
    with suppress(TooSlowError):
        return trial.until_stored(trial.lines.count(), seconds=10)
    return None
