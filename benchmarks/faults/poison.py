"""F9: spans that the database refuses, and values that it would refuse if nobody cleaned them, among good
ones.
"""

from collections.abc import Iterator

from faults.bench import Bench
from faults.row import Row


def run(bench: Bench) -> Iterator[Row]:
    """1 of 500 and 1 of 50 refused (SQLSTATE 23514 and 54000), and hostile ones, which are cleaned."""
    count = bench.size(5_000, 1_000)
    for every in (500, 50):
        for stack in bench.stacks:
            with bench.trial(f"F9 {every}", stack) as trial:
                load = trial.load(
                    way="hostile", count=count, poison_every=every, hostile_every=max(2, every // 10)
                )
                load.event("made", seconds=120)
                shut = load.event("shut", seconds=120)
                load.wait()
                recovery = trial.drain()
                yield trial.row(
                    "F9",
                    f"1 of {every} refused, as many hostile",
                    "good rows lost 0, quarantined = refused",
                    recovery_seconds=recovery if trial.is_ours else None,
                    figures={"exceptions": shut["errors"]},
                    checks={"exceptions": shut["errors"] == 0},
                    refused=shut["refused"],
                )
