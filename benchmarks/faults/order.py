"""What a load is told to do, as it travels to its process."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from faults.row import Stack

# SDK spans cost the load least, decorators are what users write, hostile is what others send.
Way = Literal["sdk", "decorators", "hostile"]
# How the process ends when it has made all its spans; `wait` waits for a line on its standard input,
# `stay` to be killed.
End = Literal["return", "exit", "wait", "stay"]


@dataclass(frozen=True, slots=True)
class Order:
    """One load: so many spans, so fast, into this database by this stack.

    `count` None goes on until the process is killed; `rate` is in spans a second, None for as fast as it can.
    At each number of spans in `pauses` it says `paused` and waits for a line on its standard input; the rate
    holds after the last of them. Every `poison_every`-th span is an attempt that the database refuses; of
    hostile loads every `hostile_every`-th generation is one that tries to be. Each generation takes
    `inner_seconds` more than its own work.
    """

    stack: Stack
    dsn: str
    spool: str
    tally: str
    way: Way = "sdk"
    count: int | None = None
    rate: float | None = None
    prompt_bytes: int = 500
    poison_every: int | None = None
    hostile_every: int = 100
    pauses: tuple[int, ...] = ()
    inner_seconds: float = 0.0
    end: End = "return"
    seed: int = 1

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Order":
        return cls(**json.loads(text))
