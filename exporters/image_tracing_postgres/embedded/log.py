"""The server's log, and what it said since a moment ago."""

import os
from pathlib import Path
from typing import BinaryIO

from image_tracing_postgres.embedded.account import inherit_owner

_LARGEST_BYTES = 2**20
_TAIL_BYTES = 2000


class ServerLog:
    """A file that server processes append to; the one before it is kept as `.old`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = 0

    def open(self) -> BinaryIO:
        """For appending, by processes to be started."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        inherit_owner(self._path)
        return os.fdopen(descriptor, "ab")

    def mark(self) -> None:
        """Let `since_mark` begin here; a long log is put aside first."""
        try:
            self._mark = self._path.stat().st_size
        except FileNotFoundError:
            self._mark = 0
        if self._mark > _LARGEST_BYTES:
            self._path.replace(self._path.with_name(f"{self._path.name}.old"))
            self._mark = 0

    def since_mark(self) -> str:
        """The last 2,000 bytes or fewer that were written since `mark`."""
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._mark, size - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
