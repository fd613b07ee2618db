"""What a process uses over time."""

import threading
import time
from statistics import median
from types import TracebackType
from typing import NamedTuple, Self

from faults.process import Vitals, vitals


class Sample(NamedTuple):
    """Vitals at a moment, in monotonic seconds."""

    at: float
    vitals: Vitals


class Watch:
    """Looks at a process every quarter of a second while the block runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.samples: list[Sample] = []

    def _look(self) -> None:
        while not self._is_over.wait(0.25):
            try:
                self.samples.append(Sample(time.monotonic(), vitals(self._pid)))
            except (OSError, KeyError):
                # Gone, or going: a zombie has no memory.
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def growth_mb(self, since: float) -> float:
        """The most memory since then beyond what it was then, in MB; 0.0 without a sample."""
        sizes = [sample.vitals.rss_bytes for sample in self.samples if sample.at >= since]
        return (max(sizes) - sizes[0]) / 1e6 if sizes else 0.0

    def drift_of(self, name: str, start: float, end: float) -> int:
        """How many threads or descriptors there are more at the end than at the start, by the median."""
        found = [int(getattr(sample.vitals, name)) for sample in self.samples if start <= sample.at <= end]
        if not found:
            return 0
        few = max(1, len(found) // 20)
        return int(median(found[-few:])) - int(median(found[:few]))
