"""Room on the disk: a server whose log of writes cannot grow stops, and cannot start again without some."""

import contextlib
import os
import shutil
from pathlib import Path

from image_tracing_postgres.embedded.errors import DiskFullError

NO_SPACE = "No space left on device"

# To recover, a server needs a new file of its log of writes, 16 MiB, and a checkpoint of what it replays.
_BALLAST_BYTES = 32 * 2**20
_PLENTY_BYTES = 4 * _BALLAST_BYTES
_NEW_CLUSTER_BYTES = 80 * 2**20


class Ballast:
    """A file that holds some space back, to be thrown out so that a server on a full disk can start."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> None:
        """Hold the space back, if the disk has plenty."""
        if self._path.exists() or free_bytes(self._path.parent) < _PLENTY_BYTES:
            return
        with contextlib.suppress(OSError), self._path.open("xb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, _BALLAST_BYTES)
            else:
                # Not zeros: a file system that compresses would hold nothing back.
                file.write(os.urandom(_BALLAST_BYTES))

    def drop(self) -> bool:
        """Give the space to the server; False if there is none left to give."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def is_full(folder: Path, said: str) -> bool:
    """Whether a server that ended with these words ended for want of room; it does not always say so."""
    return NO_SPACE in said or free_bytes(folder) < _BALLAST_BYTES // 2


def require_room(folder: Path) -> None:
    """Refuse to make a database on a disk that is about to be full.

    Raises:
        DiskFullError: less than 80 MiB are free; a new database takes about 40.
    """
    free = free_bytes(folder)
    if free < _NEW_CLUSTER_BYTES:
        raise DiskFullError(
            f"a new database in {str(folder)!r} needs {_NEW_CLUSTER_BYTES // 2**20} MiB, and the disk has "
            f"{free // 2**20} MiB free; make room, or set IMAGE_TRACING_DATA_DIR to a folder on another disk"
        )


def full_disk(folder: Path) -> DiskFullError:
    """The error of a server that cannot start because the disk has filled up."""
    return DiskFullError(
        f"the embedded Postgres could not start: the disk of {str(folder)!r} is full "
        f"({free_bytes(folder) // 2**20} MiB free); make room and start again, no stored row is lost"
    )
