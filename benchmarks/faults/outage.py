"""F2: the database is stopped for a while, or crashes and comes back, while spans arrive steadily."""

import time
from collections.abc import Iterator
from contextlib import suppress

from faults.bench import Bench
from faults.row import Row, Stack
from faults.waiting import TooSlowError


def run(bench: Bench) -> Iterator[Row]:
    """200 spans a second for 30 s; away for 10 s of them, then once more with a crash and an immediate
    restart.
    """
    for situation, away_seconds in (("stopped", bench.size(10.0, 2.0)), ("crashed once", 0.0)):
        for stack in bench.stacks:
            yield _row(bench, stack, situation, away_seconds)


def _row(bench: Bench, stack: Stack, situation: str, away_seconds: float) -> Row:
    seconds = bench.size(30.0, 6.0)
    count = int(200 * seconds)
    with bench.trial(f"F2 {situation}", stack) as trial:
        # It lives until the database is back: a busy machine takes seconds to start a server.
        load = trial.load(count=count, rate=200, end="wait")
        load.event("begun")
        # The server goes in the midst of the load.
        time.sleep(seconds / 3)
        bench.server.crash()
        # How long it is away.
        time.sleep(away_seconds)
        waiting = trial.lines.count()
        bench.server.start()
        recovery = None
        # What the stock stack has lost never comes.
        with suppress(TooSlowError):
            recovery = trial.until_stored(waiting, seconds=45 if trial.is_ours else 15)
        load.event("made", seconds=120)
        load.go_on()
        shut = load.event("shut")
        load.wait()
        trial.drain()
        away = f"{situation} {away_seconds:g} s of {seconds:g} s" if away_seconds else situation
        return trial.row(
            "F2",
            f"Postgres {away}, 200 spans/s",
            f"lost 0 of {count:,}",
            recovery_seconds=recovery,
            figures={"exceptions": shut["errors"]},
            checks={"exceptions": shut["errors"] == 0, "recovers while running": recovery is not None},
            refused=shut["refused"],
        )
