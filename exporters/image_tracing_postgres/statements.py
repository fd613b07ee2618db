"""The SQL of this package: one file of `sql/` a statement."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> bytes:
    """The text of `sql/<name>.sql`, as bytes so that no value can be formatted into it."""
    return (files(__package__) / "sql" / f"{name}.sql").read_bytes()
