"""F15: half an hour of steady load, with three outages of the database."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from faults.bench import Bench
from faults.row import Row
from faults.watch import Watch

_RATE: Final = 200
_OUTAGES: Final = 3
_GROWTH_MB: Final = 50
# A connection more or less, or a segment.
_FLAT: Final = 2


def run(bench: Bench) -> Iterator[Row]:
    """Both stacks at once, on the same server: they share the outages, each a tenth of the time."""
    seconds = 60 * bench.minutes
    away_seconds = seconds / 10
    count = int(_RATE * seconds)
    with ExitStack() as stack_of:
        trials = [stack_of.enter_context(bench.trial("F15", stack)) for stack in bench.stacks]
        loads = [trial.load(way="decorators", count=count, rate=_RATE, end="wait") for trial in trials]
        for load in loads:
            load.event("begun")
        began = time.monotonic()
        watches = [stack_of.enter_context(Watch(load.pid)) for load in loads]
        recoveries: list[float] = []
        for number in range(_OUTAGES):
            # The first stretch is the warm-up.
            _sleep_until(began + seconds * (number + 1) / (_OUTAGES + 1))
            bench.server.crash()
            time.sleep(away_seconds)
            waiting = trials[0].lines.count()
            bench.server.start()
            if trials[0].is_ours:
                recoveries.append(trials[0].until_stored(waiting, seconds=max(90.0, away_seconds)))
        made = [load.event("made", seconds=seconds + 120) for load in loads]
        over_at = time.monotonic()
        for load in loads:
            load.go_on()
        shut = [load.event("shut", seconds=120) for load in loads]
        for load, trial in zip(loads, trials, strict=True):
            load.wait()
            trial.drain()
        warm_at = began + seconds / 5
        for trial, watch, end, last in zip(trials, watches, made, shut, strict=True):
            growth_mb = watch.growth_mb(warm_at)
            threads = watch.drift_of("threads", warm_at, over_at)
            descriptors = watch.drift_of("descriptors", warm_at, over_at)
            yield trial.row(
                "F15",
                f"{bench.minutes:.3g} min, {_RATE} spans/s, {_OUTAGES} outages of {away_seconds:.3g} s",
                f"lost 0, memory +<= {_GROWTH_MB} MB, threads and descriptors flat",
                recovery_seconds=max(recoveries) if trial.is_ours else None,
                figures={
                    "memory +MB": growth_mb,
                    "threads +": threads,
                    "descriptors +": descriptors,
                    "spans/s": end["spans"] / end["seconds"],
                    "exceptions": last["errors"],
                },
                checks={
                    f"memory grows {growth_mb:.0f} MB": growth_mb <= _GROWTH_MB,
                    f"threads +{threads}": threads <= 0,
                    f"descriptors +{descriptors}": descriptors <= _FLAT,
                    "exceptions": last["errors"] == 0,
                },
                refused=last["refused"],
            )


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))
