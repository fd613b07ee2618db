"""F10: segment files that were cut and whose bits were flipped. The stock stack keeps no files."""

from collections.abc import Iterator

from faults.bench import Bench
from faults.properties import row_of_tests
from faults.row import Row


def run(bench: Bench) -> Iterator[Row]:
    """1,000 truncations and bit flips, found by hypothesis."""
    yield row_of_tests(
        bench,
        "F10",
        "1,000 segments cut and flipped",
        "the reader never raises, loses what is damaged, counts it",
        "tests/image_tracing_postgres/spool/test_frames.py",
    )
