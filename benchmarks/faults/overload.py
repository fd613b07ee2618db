"""F1: more spans than the database takes at once, because each of its answers takes 200 ms."""

from collections.abc import Iterator

from faults.bench import Bench
from faults.proxy import Proxy
from faults.row import Row


def run(bench: Bench) -> Iterator[Row]:
    """5,000 spans a second for 4 s; the process then ends."""
    count = bench.size(20_000, 5_000)
    for stack in bench.stacks:
        with bench.trial("F1", stack) as trial, Proxy(bench.server.conninfo) as proxy:
            proxy.behave("pass", delay_seconds=0.2)
            load = trial.load(dsn=proxy.conninfo(trial.name), count=count, rate=5_000)
            made = load.event("made", seconds=120)
            shut = load.event("shut")
            load.wait()
            recovery = trial.drain()
            yield trial.row(
                "F1",
                "5,000 spans/s, 200 ms a round trip",
                f"lost 0 of {count:,}",
                recovery_seconds=recovery if trial.is_ours else None,
                figures={
                    "spans/s": made["spans"] / made["seconds"],
                    "exceptions": shut["errors"],
                    "exit s": shut["at"] - made["at"],
                },
                checks={"exceptions": shut["errors"] == 0},
                refused=shut["refused"],
            )
