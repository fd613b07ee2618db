"""One line of the result: what became of the spans of one load under one fault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Stack = Literal["ours", "stock"]


@dataclass(frozen=True, slots=True)
class Row:
    """What was counted; `lost` = ended - stored - quarantined - dropped, where dropped spans are in a
    counter.

    `duplicates` are rows of one span beyond the first. `figures` are what this fault measures beside losses,
    each with its unit in its name. `missed` names the goals that were not reached; it is empty for the stock
    stack, which promises nothing. Counts are None where a fault counts no spans.
    """

    fault: str
    situation: str
    stack: Stack
    goal: str
    ended: int | None = None
    stored: int | None = None
    lost: int | None = None
    dropped: int | None = None
    duplicates: int | None = None
    quarantined: int | None = None
    recovery_seconds: float | None = None
    figures: Mapping[str, float | str] = field(default_factory=dict)
    missed: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool | None:
        """Whether all goals were reached; None for the stock stack."""
        return None if self.stack == "stock" else not self.missed
