"""F11: two drainers and an adopter on one folder at the same moment."""

from collections.abc import Iterator

from faults.bench import Bench
from faults.process import Child
from faults.row import Row


def run(bench: Bench) -> Iterator[Row]:
    """100 rounds: a process ends spans and dies, and three others want what it left."""
    rounds = bench.size(100, 6)
    for stack in bench.stacks:
        with bench.trial("F11", stack) as trial:
            rivals = trial.keep(Child.python("rivals", trial.order().text(), str(rounds), log=trial.log))
            left = rivals.event("over", seconds=600)["left"]
            rivals.wait()
            yield trial.row(
                "F11",
                f"two drainers and an adopter, {rounds} rounds",
                "twice 0, segments left 0",
                figures={"segments left": left},
                checks={f"{left} segments left": left == 0},
            )
