"""The short form of the fault bench: processes, Postgres and disks are broken, and nothing may be lost."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = Path(__file__).parents[1] / "benchmarks" / "faults" / "run.py"
# F10 and F12 are tests of this suite themselves, which the bench only runs.
FAULTS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F11", "F13", "F14", "F15", "F17")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """Where the bench keeps its Postgres from one fault to the next."""
    with tempfile.TemporaryDirectory(prefix="it-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def bench(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, COMMAND, *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost(fault: str, cluster: Path) -> None:
    done = bench(fault, "--short", "--stack", "ours", "--folder", cluster)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bench_sees_what_the_stock_stack_loses(cluster: Path, tmp_path: Path) -> None:
    bench("F6", "--short", "--stack", "stock", "--folder", cluster, "--json", tmp_path / "rows.json")

    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["lost"] for row in rows] == [row["ended"] for row in rows] == [2, 2]


def test_a_fault_that_there_is_not_is_named() -> None:
    done = bench("F99")

    assert done.returncode == 2
    assert "F99: there is no such fault" in done.stderr
