"""Where the server listens: a Unix socket in its own folder, or in a short one when the path is too long."""

import os
import socket
import struct
import sys
import tempfile
from pathlib import Path

from image_tracing_postgres.embedded.account import Account, inherit_owner

PORT = 5432
_NAME = f".s.PGSQL.{PORT}"
# sun_path of the kernel without its closing NUL.
_LONGEST_PATH_BYTES = 103 if sys.platform == "darwin" else 107
_SHORT_FOLDERS = Path("/tmp")  # noqa: S108 - a folder of mode 0700 with a random name is made in it
_LOCAL_PEERPID = 2


class SocketFolder:
    """The folder of the socket, and a note of it for those who join."""

    def __init__(self, cluster: Path, note: Path) -> None:
        self._cluster = cluster
        self._note = note

    def current(self) -> Path:
        """Where a running server listens."""
        try:
            return Path(os.fsdecode(self._note.read_bytes()))
        except FileNotFoundError:
            return self._cluster

    def prepare(self, account: Account) -> Path:
        """The folder for the server about to start; what a dead one left in it is removed. Needs the lock."""
        folder = self._chosen(account)
        # Its .lock holds a pid as well, and PostgreSQL would believe it, whoever has that number now.
        for name in (_NAME, f"{_NAME}.lock"):
            (folder / name).unlink(missing_ok=True)
        return folder

    def postmaster_pid(self) -> int | None:
        """The pid of the server that listens there, from the kernel; None if none does.

        0 means a process that this one cannot see, in another container.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            try:
                client.connect(os.fspath(self.current() / _NAME))
            except OSError:
                return None
            if sys.platform == "darwin":
                return int(client.getsockopt(0, _LOCAL_PEERPID))
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", credentials)[0])

    def _chosen(self, account: Account) -> Path:
        if _is_usable(self._cluster):
            self._note.unlink(missing_ok=True)
            return self._cluster
        noted = self.current()
        if noted != self._cluster and _is_private(noted, account):
            return noted
        folder = Path(tempfile.mkdtemp(prefix="image-tracing-", dir=_SHORT_FOLDERS))
        account.own(folder)
        new = self._note.with_name(f"{self._note.name}.new")
        new.unlink(missing_ok=True)
        with new.open("xb") as file:
            file.write(os.fsencode(folder))
        inherit_owner(new)
        new.replace(self._note)
        return folder


def _is_usable(folder: Path) -> bool:
    path = os.fspath(folder / _NAME)
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return False
    # libpq takes a comma as the end of one host and the start of the next.
    return len(encoded) <= _LONGEST_PATH_BYTES and "," not in path


def _is_private(folder: Path, account: Account) -> bool:
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return status.st_uid == account.uid and status.st_mode == 0o040700
