"""F7: the network to the database fails in ways that no error tells of."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from faults.bench import Bench
from faults.proxy import Mode, Proxy
from faults.row import Row, Stack
from faults.waiting import TooSlowError

_EXIT_SECONDS: Final = 3.0
_SPOKEN: Final[dict[Mode, str]] = {
    "silent": "takes TCP and is silent",
    "reset": "resets connections",
    "trickle": "1 byte a second",
    "half-open": "no answer comes back",
}


def run(bench: Bench) -> Iterator[Row]:
    """10,000 spans, then the process ends; the next process finds the database well again."""
    modes = list(_SPOKEN)
    for mode in modes:
        for is_under_way in (False, True):
            # The short form has each mode once, half of them on open connections.
            if bench.is_short and is_under_way != (modes.index(mode) % 2 == 1):
                continue
            for stack in bench.stacks:
                yield _row(bench, stack, mode, is_under_way=is_under_way)


def _row(bench: Bench, stack: Stack, mode: Mode, *, is_under_way: bool) -> Row:
    count = bench.size(10_000, 3_000)
    name = f"F7 {mode} {int(is_under_way)}"
    with bench.trial(name, stack) as trial, Proxy(bench.server.conninfo) as proxy:
        if not is_under_way:
            proxy.behave(mode)
        load = trial.load(
            dsn=proxy.conninfo(trial.name), count=count, pauses=(count // 2,) if is_under_way else ()
        )
        if is_under_way:
            load.event("paused")
            trial.until_stored(1, seconds=30)
            proxy.behave(mode)
            load.go_on()
        made = load.event("made", seconds=60)
        shut = load.event("shut", seconds=180)
        exit_seconds = load.wait(seconds=60) - made["at"]
        recovery = None
        if trial.is_ours:
            follower = trial.load(count=3, end="stay")
            made_by_follower = follower.event("made")
            with suppress(TooSlowError):
                recovery = trial.until_stored(made["spans"] + made_by_follower["spans"], seconds=60)
            follower.kill()
            follower.wait()
            trial.drain()
        return trial.row(
            "F7",
            f"{_SPOKEN[mode]}, {'in mid-flow' if is_under_way else 'from the start'}",
            f"exit <= {_EXIT_SECONDS:g} s, lost 0 after the next start",
            recovery_seconds=recovery,
            figures={"exit s": exit_seconds, "exceptions": shut["errors"]},
            checks={
                "exceptions": shut["errors"] == 0,
                f"exit took {exit_seconds:.1f} s": exit_seconds <= _EXIT_SECONDS * min(bench.slack, 2.0),
                "the next process stores the rest": recovery is not None,
            },
            refused=shut["refused"],
        )
