"""F4: processes are killed and the database crashes, again and again, and it refuses some of the spans."""

import random
import signal
import time
from collections.abc import Iterator
from typing import Final

from faults.bench import Bench
from faults.process import Child
from faults.row import Row, Stack
from faults.trial import Trial

_WORKERS: Final = 3
_RATE: Final = 120
_SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM)


def run(bench: Bench) -> Iterator[Row]:
    """200 kills and 30 crashes at random moments of ten minutes."""
    for stack in bench.stacks:
        yield _row(bench, stack)


def _row(bench: Bench, stack: Stack) -> Row:
    seconds = bench.size(600.0, 14.0)
    kills, crashes, poison_every = bench.size(200, 8), bench.size(30, 2), bench.size(500, 50)
    chance = bench.chance("F4")
    # The last crash leaves the workers time to go on.
    events = sorted(
        [(chance.uniform(1, seconds), "kill") for _ in range(kills)]
        + [(chance.uniform(2, seconds - 1), "crash") for _ in range(crashes)]
    )
    with bench.trial("F4", stack) as trial:
        workers = [_worker(trial, chance, poison_every) for _ in range(_WORKERS)]
        began = time.monotonic()
        for at, event in events:
            # Each event has its time in the seed's plan.
            time.sleep(max(0.0, began + at - time.monotonic()))
            if event == "crash":
                bench.server.crash()
                # How long the server is away.
                time.sleep(chance.choice((0.0, 0.3, 1.5)))
                bench.server.start()
            else:
                place = chance.randrange(len(workers))
                workers[place].event("begun")
                # Half of the kills come while a process is young.
                time.sleep(chance.uniform(0, 0.5))
                workers[place].kill(chance.choice(_SIGNALS))
                workers[place].wait()
                workers[place] = _worker(trial, chance, poison_every)
        # After its last event the plan goes on to its end.
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        took = time.monotonic() - began
        for worker in workers:
            worker.kill()
            worker.wait()
        recovery = trial.drain(seconds=120)
        left, unended = trial.segments(), _unended(trial)
        return trial.row(
            "F4",
            f"{kills} kills, {crashes} crashes of Postgres, 1 of {poison_every} refused",
            "lost 0, twice 0, quarantined = refused",
            recovery_seconds=recovery if trial.is_ours else None,
            figures={"seconds": round(took), "segments left": left, "unended": unended},
            checks={
                f"{left} segments left": left == 0,
                f"{unended} generations of dead processes still started": unended == 0,
            },
        )


def _worker(trial: Trial, chance: random.Random, poison_every: int) -> Child:
    return trial.load(
        way=chance.choice(("sdk", "decorators")),
        rate=_RATE,
        poison_every=poison_every,
        seed=chance.randrange(2**31),
    )


def _unended(trial: Trial) -> int:
    with trial.connect() as connection:
        found = connection.execute("SELECT count(*) FROM image_traces WHERE status = 'started'").fetchall()
        return int(found[0][0])
