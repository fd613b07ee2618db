"""Two viewers killed at any moment: each transition is sent, and none is sent as a new one twice."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[3] / "benchmarks" / "alerts" / "run.py"


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=[pytest.mark.long, pytest.mark.timeout(3_000)])])
def test_killed_viewers_send_each_transition_once(database: str, kills: int) -> None:
    command = [sys.executable, str(BENCH), "--kills", str(kills), "--postgres", database]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("seeds", "weeks"),
    [("4", "0.5"), pytest.param("1-24", "2", marks=[pytest.mark.long, pytest.mark.timeout(3_000)])],
)
def test_outages_are_told_and_little_else(seeds: str, weeks: str) -> None:
    command = [sys.executable, str(BENCH), "--seeds", seeds, "--weeks", weeks]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
