"""F12: the records of one generation in any order and any number of times."""

from collections.abc import Iterator

from faults.bench import Bench
from faults.properties import row_of_tests
from faults.row import Row


def run(bench: Bench) -> Iterator[Row]:
    """2,000 examples, found by hypothesis."""
    yield row_of_tests(
        bench,
        "F12",
        "any order and repetition of a generation's records",
        "2,000 examples give the same row",
        "tests/image_tracing_postgres/test_merge.py",
    )
