"""A Postgres of the user's own: started by who comes first, joined by the others, there until stopped."""

import contextlib
import errno
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from image_tracing_postgres.embedded.account import Account, account_for, inherit_owner
from image_tracing_postgres.embedded.binaries import binaries_for, readable_binaries
from image_tracing_postgres.embedded.cluster import Cluster, major_version
from image_tracing_postgres.embedded.connection import Refusal, conninfo_of
from image_tracing_postgres.embedded.disk import Ballast, full_disk, is_full
from image_tracing_postgres.embedded.errors import AccountError, EmbeddedPostgresError
from image_tracing_postgres.embedded.lock import ServerLock
from image_tracing_postgres.embedded.log import ServerLog
from image_tracing_postgres.embedded.sockets import SocketFolder
from image_tracing_postgres.settings import settings_from_environment

_logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 30.0
# A server that says it is recovering is alive, and works through its log of writes as fast as it can.
_RECOVERY_SECONDS = 600.0
_RETRY_SECONDS = 5.0
_POLL_SECONDS = 0.02
# A pid that is a zombie, or shared memory of a server that was just killed: gone in a moment.
_PASSING = ("lock file", "is still in use", "shutdown request")


class EmbeddedPostgres:
    """The server of one data directory, shared by all processes that name it.

    The cluster is in `data_dir`/postgres. The server is not stopped when a process exits. Objects are cheap
    and hold no connection; any number of them, in any thread or process, may start and stop the same server.
    """

    def __init__(
        self, data_dir: Path | None = None, *, binaries: Path | None = None, cache_dir: Path | None = None
    ) -> None:
        """`data_dir` None is `IMAGE_TRACING_DATA_DIR` or its default; `binaries` is a folder with `postgres`.

        `cache_dir` is where root's server gets a copy of programs that its account cannot read.
        """
        self._data_dir = (settings_from_environment().data_dir if data_dir is None else data_dir).absolute()
        self._folder = self._data_dir / "postgres"
        self._binaries = binaries
        self._cache_dir = cache_dir
        self._lock = self._folder / "lock"
        self._log = ServerLog(self._folder / "server.log")
        self._ballast = Ballast(self._folder / "ballast")
        self._socket = SocketFolder(self._folder / "cluster", self._folder / "socket-folder")
        self.started_by_us = False

    def start(self) -> str:
        """The conninfo of database `image_tracing`, made if need be, on a server that runs when this returns.

        `started_by_us` then says whether this call started it. What a killed server had committed is there.

        Raises:
            AccountError: the account of this process does not fit, or the folder is another user's.
            BinariesMissingError: no PostgreSQL is to be found.
            DiskFullError: the disk has no room.
            VersionMismatchError: the data is of a major version that is not here.
            EmbeddedPostgresError: the server does not come up, or does not answer within 30 seconds.
        """
        self.started_by_us = False
        with self._explained():
            account = account_for(self._folder / "cluster", self._folder, self._data_dir)
            self._make_folders(account)
            return self._answering(account)

    def stop(self) -> bool:
        """End the server for everyone; False if none ran. Committed rows stay, open connections break.

        Raises:
            EmbeddedPostgresError: it runs where this process cannot reach it, or does not end.
        """
        if not self.is_running():
            return False
        began = time.monotonic()
        # A fast shutdown; should that hang, one without a checkpoint, from which the next start recovers.
        signals = [signal.SIGINT, signal.SIGQUIT]
        while self.is_running():
            waited = time.monotonic() - began
            if waited > _PATIENCE_SECONDS + _RETRY_SECONDS:
                raise EmbeddedPostgresError(
                    f"the embedded Postgres in {str(self._folder)!r} was told to stop and runs on after "
                    f"{waited:.0f} s; see server.log there"
                )
            if len(signals) == 2 or (signals and waited > _PATIENCE_SECONDS):
                pid = self._socket.postmaster_pid()
                if pid is not None:
                    self._signal(pid, signals.pop(0))
            time.sleep(_POLL_SECONDS)
        return True

    def is_running(self) -> bool:
        """Whether the server runs or is being started, be it from another container on the same folder."""
        with self._explained():
            return ServerLock.is_held(self._lock) or self._socket.postmaster_pid() is not None

    def _answering(self, account: Account) -> str:
        """The conninfo, as soon as a server answers; one is launched whenever nobody holds the lock."""
        began = time.monotonic()
        patience = _PATIENCE_SECONDS
        while True:
            lock = ServerLock.take(self._lock)
            if lock is not None:
                with lock:
                    # A server that answers though the lock is free: its lock file was deleted. Let it serve.
                    if self._socket.postmaster_pid() is None:
                        if self.started_by_us:
                            self._forgive_death(time.monotonic() - began)
                        self._launch(account, lock)
            try:
                return conninfo_of(self._socket.current())
            except Refusal as refusal:
                found = refusal
            if found.is_final:
                raise EmbeddedPostgresError(
                    f"the embedded Postgres in {str(self._folder)!r} runs, but refused the connection: "
                    f"{found}; see server.log there, or set IMAGE_TRACING_DATABASE_URL to your own Postgres"
                )
            if found.is_recovering:
                patience = _RECOVERY_SECONDS
            if time.monotonic() - began > patience:
                raise EmbeddedPostgresError(
                    f"the embedded Postgres in {str(self._folder)!r} runs, or another process is starting "
                    f"it, but it did not answer within {patience:.0f} s: {found}; see server.log there, "
                    "or stop it (image-tracing stop) and try again"
                )
            time.sleep(_POLL_SECONDS)

    def _launch(self, account: Account, lock: ServerLock) -> None:
        """Start a server, a new cluster under it if there is none. Needs the lock."""
        major = major_version(self._folder)
        binaries = binaries_for(major, given=self._binaries)
        binaries = readable_binaries(binaries, account, cache_dir=self._cache())
        cluster = Cluster(self._folder, account=account, binaries=binaries, log=self._log)
        if major is None:
            cluster.create(lock)
        self._ballast.load()
        try:
            cluster.configure(self._socket.prepare(account))
            self._log.mark()
            cluster.launch(lock)
        except OSError as error:
            if error.errno != errno.ENOSPC or not self._ballast.drop():
                raise
            cluster.configure(self._socket.prepare(account))
            cluster.launch(lock)
        self.started_by_us = True
        _logger.info("started PostgreSQL %s in %s", binaries.version, self._folder)

    def _forgive_death(self, waited: float) -> None:
        """Return if the server that has just been launched and ended may be launched again."""
        said = self._log.since_mark()
        if is_full(self._folder, said):
            if self._ballast.drop():
                _logger.warning(
                    "the disk of %s is full: the ballast was dropped to start Postgres", self._folder
                )
                return
            raise full_disk(self._folder)
        if waited < _RETRY_SECONDS and any(sign in said for sign in _PASSING):
            return
        raise EmbeddedPostgresError(
            f"the embedded Postgres in {str(self._folder)!r} was started and ended at once; it said "
            f"{said!r}; mend that, or set IMAGE_TRACING_DATABASE_URL to a Postgres of your own"
        )

    def _signal(self, pid: int, number: signal.Signals) -> None:
        found = "it runs in another container, whose processes cannot be seen from here"
        if pid > 0:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            except PermissionError:
                found = f"process {pid} belongs to another account"
            else:
                return
        raise EmbeddedPostgresError(
            f"the embedded Postgres in {str(self._folder)!r} was to be stopped, but {found}; stop it there"
        )

    def _cache(self) -> Path:
        if self._cache_dir is not None:
            return self._cache_dir
        return platformdirs.site_cache_path("image-tracing", appauthor=False)

    def _make_folders(self, account: Account) -> None:
        for folder in (*reversed(self._folder.parents), self._folder):
            if not folder.is_dir():
                with contextlib.suppress(FileExistsError):
                    folder.mkdir(mode=0o700)
                    # Only what is made here gets a mode: the server's account may pass, no more.
                    if account.is_another:
                        folder.chmod(0o711)
                        inherit_owner(folder)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Say which folder it was, and what to do, when the operating system refuses."""
        try:
            yield
        except PermissionError as error:
            raise AccountError(
                f"the embedded Postgres needs to read and write {str(self._folder)!r}, and may not: {error}; "
                "run as the user it belongs to, or set IMAGE_TRACING_DATA_DIR to a folder of your own"
            ) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise full_disk(self._folder) from error
            raise EmbeddedPostgresError(
                f"the embedded Postgres keeps its files in {str(self._folder)!r}, and that failed: {error}; "
                "set IMAGE_TRACING_DATA_DIR to a folder on a local disk that can be written"
            ) from error
