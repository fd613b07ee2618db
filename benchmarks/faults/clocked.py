"""A load whose clock can be set while it runs; run by the bench only.

The clock of Python is replaced before anything is imported that could keep the old one; as with a real clock
that is set, the monotonic clock goes on. libfaketime 0.9.10 is no help: under it Python's own sleep fails
with EINVAL.
"""

import os
import time
from pathlib import Path


def _set_clock(path: Path) -> None:
    now_ns = time.time_ns

    def shifted_ns() -> int:
        return now_ns() + int(path.read_text(encoding="ascii")) * 10**9

    time.time_ns = shifted_ns
    time.time = lambda: shifted_ns() / 1e9


if __name__ == "__main__":
    _set_clock(Path(os.environ["FAULTS_CLOCK"]))
    from faults.load import main

    main()
