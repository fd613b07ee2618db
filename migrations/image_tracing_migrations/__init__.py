"""The database schema of image-tracing: numbered SQL files, and `schema.sql` with all of them in one.

A statement ends with a semicolon at the end of a line; bodies that hold such lines stand between `$$`.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

__all__ = ["Migration", "migrations", "schema", "statements"]

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file. `checksum` is the SHA-256 of its text in hexadecimal."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> Sequence[Migration]:
    """All numbered files of this package, in the order in which they have to run."""
    found = []
    for entry in files(__name__).iterdir():
        if match := _FILE.fullmatch(entry.name):
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def schema() -> str:
    """The text of `schema.sql`: an empty database becomes what all migrations make of it."""
    return (files(__name__) / "schema.sql").read_text(encoding="utf-8")


def statements(text: str) -> list[str]:
    """The single statements of an SQL file, in order, without their final semicolon.

    Sent one by one, since Citus refuses several schema changes in one string.
    """
    found: list[str] = []
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        is_in_body = "\n".join(lines).count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not is_in_body and not line.lstrip().startswith("--"):
            found.append("\n".join(lines).strip().removesuffix(";"))
            lines = []
    if rest := "\n".join(lines).strip():
        found.append(rest)
    return found
