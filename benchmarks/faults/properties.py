"""The properties that F10 and F12 ask for are hypothesis tests of the suite: run here, and shown as a row."""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from faults.bench import Bench
from faults.process import environment
from faults.row import Row

_TOP: Final = Path(__file__).resolve().parents[2]


def row_of_tests(bench: Bench, fault: str, situation: str, goal: str, *tests: str) -> Row:
    """Whether these tests pass, the long ones too in the full form; their own figures are in their names."""
    words = ["-m", "" if not bench.is_short else "not long", "-p", "no:cacheprovider", "-q", *tests]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=_TOP,
        env=environment({"IMAGE_TRACING_TEST_SERVER": bench.server.conninfo}),
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    is_well = done.returncode == 0 and passed is not None
    return Row(
        fault,
        situation,
        "ours",
        goal,
        figures={"tests passed": int(passed[1]) if passed else 0, "seconds": round(time.monotonic() - began)},
        missed=()
        if is_well
        else (f"pytest {' '.join(tests)} ended with {done.returncode}: {done.stdout[-1_500:]}",),
    )
