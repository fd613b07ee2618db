"""What all faults share: the server, the folder, the seed, and whether this is the short form."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from faults.row import Stack
from faults.server import Server
from faults.trial import Trial

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class Bench:
    """One run of the bench. `stacks` in the order of their turns."""

    server: Server
    folder: Path
    seed: int
    is_short: bool
    stacks: tuple[Stack, ...]
    minutes: float

    @property
    def slack(self) -> float:
        """By how much a bar on speed is let down: the short form shares its machine with other tests."""
        return 5.0 if self.is_short else 1.0

    @property
    def slack_of_tails(self) -> float:
        """The same for the slowest hundredth, which is what a busy machine makes of it."""
        return 40.0 if self.is_short else 1.0

    def size(self, full: _Number, short: _Number) -> _Number:
        """The number of this form."""
        return short if self.is_short else full

    def chance(self, name: str) -> random.Random:
        """Random numbers that depend on the seed and this name alone, not on what ran before."""
        return random.Random(f"{self.seed} {name}")

    def trial(self, name: str, stack: Stack) -> Trial:
        """A fresh database, spool and tally under this name."""
        whole = f"{name}_{stack}".lower().replace("-", "_").replace(" ", "_")
        folder = self.folder / whole
        folder.mkdir()
        return Trial(
            whole, stack, server=self.server, folder=folder, seed=self.chance(name).randrange(1, 2**31)
        )
