"""A load: the process that makes spans until it has made enough or is killed. Run by the bench only."""

import os
import random
import sys
import threading
import time

from faults.generations import SPANS, Generations
from faults.order import Order
from faults.stacks import Tracing, say


def main() -> None:
    order = Order.read(sys.argv[1])
    tracing = Tracing(order)
    chance = random.Random(order.seed)
    made = Generations(
        tracing.tally,
        chance,
        prompt_bytes=order.prompt_bytes,
        poison_every=order.poison_every,
        inner_seconds=order.inner_seconds,
    )
    if order.way == "hostile":
        from faults.hostile import Hostile

        one = Hostile(tracing.tally, chance, made, every=order.hostile_every).generation
    else:
        one = made.by_sdk if order.way == "sdk" else made.by_decorators
    say(event="begun", at=time.monotonic(), pid=os.getpid())
    began = paced_at = time.monotonic()
    paced = 0
    pauses = list(order.pauses)
    while order.count is None or tracing.tally.total < order.count:
        if order.rate is not None and not pauses:
            ahead = paced_at + paced * SPANS / order.rate - time.monotonic()
            if ahead > 0:
                # The rate that was asked for.
                time.sleep(ahead)
            paced += 1
        one()
        if pauses and tracing.tally.total >= pauses[0]:
            say(event="paused", at=time.monotonic(), errors=made.errors)
            sys.stdin.readline()
            pauses.pop(0)
            paced_at, paced = time.monotonic(), 0
    say(
        event="made",
        at=time.monotonic(),
        spans=tracing.tally.total,
        seconds=time.monotonic() - began,
        errors=made.errors,
    )
    if order.end == "wait":
        sys.stdin.readline()
    if order.end == "stay":
        threading.Event().wait()
    if order.end == "exit":
        os._exit(0)
    try:
        tracing.provider.shutdown()
    except Exception:  # noqa: BLE001 - counted: tracing must not raise
        made.errors += 1
    say(event="shut", at=time.monotonic(), errors=made.errors, refused=tracing.refused())


if __name__ == "__main__":
    main()
