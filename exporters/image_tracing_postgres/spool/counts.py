"""What became of the spans of a process, by reason; a figure for everything that is not in the database."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# In the order in which they are shown.
REASONS: Final[Mapping[str, str]] = {
    "ended": "image spans that ended",
    "stored": "spans stored in the database",
    "stripped": "spans whose prompts, parameters and answers were given up because the spool was full",
    "quarantined": "spans that the database can never take; kept in files",
    "dropped_spool_full": "spans lost because the spool had reached its limit",
    "dropped_memory_full": "spans lost because the spool's disk took nothing and memory was full",
    "dropped_at_exit": "spans lost because the process ended while the spool's disk took nothing",
    "dropped_quarantine_full": "spans lost that the database can never take and the quarantine took no more",
    "dropped_unreadable": "spans lost because they could not be read",
    "dropped_damaged": "stretches of segment files lost because they were damaged",
}


class Counts:
    """Exact figures by reason, from any thread."""

    def __init__(self) -> None:
        # Reentrant: a signal's handler may end spans while its own thread counts.
        self._lock = threading.RLock()
        self._values = dict.fromkeys(REASONS, 0)
        self.version = 0

    def add(self, reason: str, number: int = 1) -> None:
        """Count. KeyError for a reason that is not in REASONS."""
        with self._lock:
            self._values[reason] += number
            self.version += 1

    def __getitem__(self, reason: str) -> int:
        return self._values[reason]

    def values(self) -> dict[str, int]:
        """All figures by reason, zeros too."""
        with self._lock:
            return dict(self._values)

    @property
    def dropped(self) -> int:
        """Spans that are nowhere any more."""
        return sum(number for reason, number in self.values().items() if reason.startswith("dropped_"))

    def forget(self) -> None:
        """Start anew, as in a forked child."""
        self._lock = threading.RLock()
        self._values = dict.fromkeys(REASONS, 0)


def read_counts(path: Path) -> dict[str, int]:
    """The figures in a file of counts; empty if it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: number for name, number in found.items() if name in REASONS and type(number) is int}


def write_counts(path: Path, values: Mapping[str, int]) -> None:
    """Write the figures so that a reader sees the old or the new ones. Raises OSError."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(json.dumps(values).encode())
    new.replace(path)
