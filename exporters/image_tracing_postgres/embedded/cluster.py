"""The files of one database cluster: making them, their version, their configuration."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from image_tracing_postgres.embedded.account import Account
from image_tracing_postgres.embedded.binaries import Binaries
from image_tracing_postgres.embedded.configuration import INCLUDE, ROLE, configuration
from image_tracing_postgres.embedded.disk import full_disk, is_full, require_room
from image_tracing_postgres.embedded.errors import EmbeddedPostgresError
from image_tracing_postgres.embedded.lock import ServerLock
from image_tracing_postgres.embedded.log import ServerLog

_PREFIX_OF_NEW = "cluster.new-"
# PostgreSQL goes into its data directory first and then works with relative paths. Named like this it never
# has to walk through the folders above, so they may stay closed to its account.
# For initdb it is the only name that may have any letter in it, a line feed too.
_WORKING_FOLDER = "/proc/self/cwd"
_IS_LINUX = sys.platform.startswith("linux")

# Not for secrets: the server and all it starts have no business with the caller's environment.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")


class Cluster:
    """One cluster in `folder`/cluster, served as `account` by `binaries`."""

    def __init__(self, folder: Path, *, account: Account, binaries: Binaries, log: ServerLog) -> None:
        self._folder = folder
        self._data = folder / "cluster"
        self._account = account
        self._binaries = binaries
        self._log = log
        self._is_reachable = not account.is_another or account.can("-x", folder)
        if not self._is_reachable and not _IS_LINUX:
            raise EmbeddedPostgresError(
                f"the server has to run as the account {account.name!r}, who cannot reach {str(folder)!r}; "
                "set IMAGE_TRACING_DATA_DIR to a folder below ones that every account may pass through"
            )

    def create(self, lock: ServerLock) -> None:
        """Make the cluster: aside and then renamed, so that one cut short never counts. Needs the lock.

        Raises:
            DiskFullError: the disk has too little room.
            EmbeddedPostgresError: initdb failed; its own words are in the message.
        """
        for leftover in self._folder.glob(f"{_PREFIX_OF_NEW}*"):
            shutil.rmtree(leftover)
        require_room(self._folder)
        new = Path(tempfile.mkdtemp(prefix=_PREFIX_OF_NEW, dir=self._folder))
        try:
            self._account.own(new)
            self._initdb(new, lock)
            _append(new / "postgresql.conf", INCLUDE)
            new.rename(self._data)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def configure(self, socket_folder: Path) -> None:
        """Write our settings and who may connect; both hold where the folder is now and who serves it now."""
        listening = os.fspath(socket_folder)
        if socket_folder == self._data and not self._is_reachable:
            listening = "."
        for name, text in configuration(listening, self._account.name).items():
            self._write(name, text)

    def launch(self, lock: ServerLock) -> None:
        """Start the server, detached and with the lock; whether it comes up is for others to see."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        with self._log.open() as log:
            # The shell leaves at once, so that the server is nobody's child and Ctrl-C does not reach it.
            subprocess.run(  # noqa: S603 - a list of arguments, the shell's text is constant
                [
                    "/bin/sh",
                    "-c",
                    '"$@" &',
                    "sh",
                    self._binaries.program("postgres"),
                    "-D",
                    os.fspath(self._data) if self._is_reachable else _WORKING_FOLDER,
                ],
                cwd=self._data,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock.descriptor,),
                check=True,
                **self._account.switch,
            )

    def _initdb(self, folder: Path, lock: ServerLock) -> None:
        for locale in _locales(self._binaries.major):
            self._log.mark()
            with self._log.open() as log:
                # It holds the lock too: should this process be killed, nobody clears away under its hands.
                done = subprocess.run(  # noqa: S603 - a list of arguments
                    [
                        self._binaries.program("initdb"),
                        f"--pgdata={_WORKING_FOLDER if _IS_LINUX else folder}",
                        f"--username={ROLE}",
                        "--auth-local=peer",
                        "--auth-host=reject",
                        "--encoding=UTF8",
                        "--data-checksums",
                        *locale,
                    ],
                    cwd=folder,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock.descriptor,),
                    check=False,
                    **self._account.switch,
                )
            if done.returncode == 0:
                return
        said = self._log.since_mark()
        if is_full(self._folder, said):
            raise full_disk(self._folder)
        raise EmbeddedPostgresError(
            f"making a database in {str(self._folder)!r} failed: initdb of PostgreSQL "
            f"{self._binaries.version} ended with {done.returncode} and said {said!r}; "
            "mend that, or set IMAGE_TRACING_DATABASE_URL to a Postgres of your own"
        )

    def _write(self, name: str, text: str) -> None:
        # The folder belongs to an account with fewer rights than root has: never write through what is there.
        new = self._data / f"{name}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        self._account.own(new)
        new.replace(self._data / name)


def major_version(folder: Path) -> int | None:
    """The major version that made the cluster in this folder; None if there is no cluster.

    Raises:
        EmbeddedPostgresError: there is a cluster, but its version cannot be read.
    """
    file = folder / "cluster" / "PG_VERSION"
    try:
        text = file.read_text(encoding="utf-8").strip()
        return int(text.split(".")[0])
    except FileNotFoundError:
        if not (folder / "cluster").exists():
            return None
        text = ""
    except ValueError:
        pass
    raise EmbeddedPostgresError(
        f"the version of the Postgres in {str(folder)!r} should be in {str(file)!r}, which holds {text!r}; "
        "restore the folder from a backup, or move it away to start with an empty database"
    )


def _append(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW), "a", encoding="utf-8") as file:
        file.write(text)


def _locales(major: int) -> tuple[tuple[str, ...], ...]:
    """What to try in turn: the same order of letters everywhere, whatever locales the system has."""
    if major >= 17:
        return (("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),)
    return (("--locale=C.UTF-8",), ("--locale=C",))


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
