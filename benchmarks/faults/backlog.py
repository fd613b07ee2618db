"""F3: the database is away while very many spans arrive, and comes back."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from faults.bench import Bench
from faults.row import Row, Stack
from faults.trial import Trial
from faults.waiting import TooSlowError
from faults.watch import Watch

_RATE: Final = 5_000
_GROWTH_MB: Final = 50


def run(bench: Bench) -> Iterator[Row]:
    """200,000 spans as fast as one process makes them, then to the database by the same process."""
    for stack in bench.stacks:
        yield _row(bench, stack)


def _row(bench: Bench, stack: Stack) -> Row:
    count = bench.size(200_000, 15_000)
    with bench.trial("F3", stack) as trial:
        bench.server.crash()
        load = trial.load(count=count, end="stay")
        load.event("begun")
        with Watch(load.pid) as watch:
            made = load.event("made", seconds=900)
            warm_at = made["at"] - 0.9 * made["seconds"]
            bench.server.start()
            back_at = time.monotonic()
            times = _drained(trial, made["spans"], seconds=bench.size(300.0, 90.0))
        load.kill()
        load.wait()
        first, last = times
        rate = (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0
        wanted = _RATE / bench.slack
        growth_mb = watch.growth_mb(warm_at)
        return trial.row(
            "F3",
            f"Postgres away while {count:,} spans arrive",
            f"lost 0; >= {wanted:,.0f} spans/s; memory +<= {_GROWTH_MB} MB",
            recovery_seconds=last[0] - back_at if last[1] >= made["spans"] else None,
            figures={
                "arrived/s": made["spans"] / made["seconds"],
                "drained/s": rate,
                "memory +MB": growth_mb,
                "exceptions": made["errors"],
            },
            checks={
                "exceptions": made["errors"] == 0,
                f"drains at {rate:,.0f} spans/s": rate >= wanted,
                f"memory grows {growth_mb:.0f} MB": growth_mb <= _GROWTH_MB,
            },
        )


def _drained(trial: Trial, spans: int, *, seconds: float) -> tuple[tuple[float, int], tuple[float, int]]:
    """When the first spans were seen in the database, and the last, with their number at both times."""
    seen: list[tuple[float, int]] = []
    # What the stock stack has lost never comes.
    patience = seconds if trial.is_ours else 15.0
    with suppress(TooSlowError):
        trial.until_stored(1, seconds=min(patience, 60.0))
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        stored = trial.stored()
        seen.append((time.monotonic(), stored))
        if stored >= spans:
            break
        # Each look counts rows, which more of them would slow down.
        time.sleep(0.2)
    return seen[0], next(each for each in seen if each[1] == seen[-1][1])
