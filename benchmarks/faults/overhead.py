"""F14: what the caller pays while the drainer is at work."""

from collections.abc import Iterator

from faults.bench import Bench
from faults.process import Child
from faults.row import Row


def run(bench: Bench) -> Iterator[Row]:
    """`on_end` of 2 kB in a tight loop and at 200 spans a second, of 10 MB, and the lag of an event loop."""
    spans, seconds = bench.size(20_000, 3_000), bench.size(20.0, 2.5)
    limits = {
        "p50 us": 50 * bench.slack,
        "p99 us": 500 * bench.slack_of_tails,
        "big ms": 50 * bench.slack,
        "lag ms": 1 * bench.slack_of_tails,
    }
    for stack in bench.stacks:
        with bench.trial("F14", stack) as trial:
            child = trial.keep(
                Child.python("overheads", trial.order().text(), f"[{spans}, {seconds}]", log=trial.log)
            )
            found = child.event("measured", seconds=300)
            child.wait()
            trial.drain()
            figures = {
                "loop p50 us": found["loop_p50_us"],
                "loop p99 us": found["loop_p99_us"],
                "paced p50 us": found["paced_p50_us"],
                "paced p99 us": found["paced_p99_us"],
                "10 MB big ms": found["big_end_ms"],
                "10 MB decorated big ms": found["big_call_ms"],
                "loop lag ms": found["lag_ms"],
            }
            yield trial.row(
                "F14",
                "on_end of 2 kB while the drainer works",
                ", ".join(f"{name} <= {limit:g}" for name, limit in limits.items()),
                figures=figures,
                checks={
                    f"{name} {value:.3g}": value <= limits[" ".join(name.split()[-2:])]
                    for name, value in figures.items()
                },
                # Dropping is how the stock queue stays quick; ours may not.
                refused=found["refused"],
            )
