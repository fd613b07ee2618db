"""The lock that lives exactly as long as a server process does.

`flock` belongs to the open file, not to a process: the postmaster inherits the descriptor, and so do its
children, and the kernel frees the lock when the last of them is gone, however they went. No pid has to be
believed.
"""

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType

from image_tracing_postgres.embedded.account import inherit_owner
from image_tracing_postgres.embedded.errors import EmbeddedPostgresError

_mutex = threading.Lock()
_descriptors: set[int] = set()
_is_registered = False


class ServerLock:
    """The held lock; closing it leaves it with the processes that inherited it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> "ServerLock | None":
        """The lock of this file, or None while a server, or someone starting one, has it."""
        global _is_registered
        with _mutex:
            if not _is_registered:
                # A process forked by another thread meanwhile would keep the lock as long as it lives.
                os.register_at_fork(
                    before=_mutex.acquire, after_in_parent=_mutex.release, after_in_child=_forget
                )
                _is_registered = True
            descriptor = _open(path, os.O_RDWR | os.O_CREAT)
            if not _locked(descriptor, fcntl.LOCK_EX, path):
                os.close(descriptor)
                return None
            _descriptors.add(descriptor)
            return cls(descriptor)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Whether a server runs or is being started; takes microseconds and disturbs nobody."""
        try:
            descriptor = _open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not _locked(descriptor, fcntl.LOCK_SH, path)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        with _mutex:
            if self.descriptor in _descriptors:
                _descriptors.discard(self.descriptor)
                # Never LOCK_UN: it would take the lock from the server as well.
                os.close(self.descriptor)

    def __enter__(self) -> "ServerLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _open(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    if flags & os.O_CREAT:
        inherit_owner(path)
    return descriptor


def _locked(descriptor: int, kind: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the embedded Postgres needs file locks, but locking {str(path)!r} failed: {error}; "
            "set IMAGE_TRACING_DATA_DIR to a folder on a local disk"
        ) from error
    return True


def _forget() -> None:
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()
    _mutex.release()
