"""One thing that a diagnosis looked at."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `note` needs no action, `wrong` has its remedy in `next_step`."""

    subject: str
    verdict: Verdict
    found: str
    next_step: str = ""
