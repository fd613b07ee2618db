"""Rounds of one dead writer and three processes that want its segments; run by the bench only.

Everything is imported before the first fork, so that a round takes a fraction of a second.
"""

import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from faults.generations import Generations
from faults.order import Order
from faults.stacks import Tracing, say
from image_tracing_postgres.spool import Drainer


def _forked(act: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        act()
    finally:
        os._exit(0)


def _write(order: Order, seed: int) -> None:
    """End spans and die at once."""
    tracing = Tracing(order)
    made = Generations(tracing.tally, random.Random(seed))
    for _ in range(order.count or 0):
        made.by_sdk()


def _drain(order: Order) -> None:
    drainer = Drainer(Path(order.spool), order.dsn)
    drainer.drain(30)
    drainer.stop(2)


def _adopt(order: Order, seed: int) -> None:
    """A program that begins to trace while the others drain."""
    tracing = Tracing(order)
    made = Generations(tracing.tally, random.Random(seed))
    made.by_sdk()
    tracing.provider.force_flush()
    tracing.provider.shutdown()


def main() -> None:
    order = Order.read(sys.argv[1])
    rounds = int(sys.argv[2])
    chance = random.Random(order.seed)
    most_left = 0
    for _ in range(rounds):
        count, seed = chance.randint(1, 100), chance.randrange(2**31)
        os.waitpid(_forked(partial(_write, replace(order, count=count), seed)), 0)
        if order.stack == "stock":
            continue
        acts = [partial(_drain, order), partial(_drain, order), partial(_adopt, order, seed + 1)]
        rivals = [_forked(act) for act in acts]
        for rival in rivals:
            os.waitpid(rival, 0)
        most_left = max(most_left, len(list(Path(order.spool).glob("*.segment"))))
    say(event="over", left=most_left)


if __name__ == "__main__":
    main()
