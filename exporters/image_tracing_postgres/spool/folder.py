"""Where the spool of a database lies, and what its files are called.

Spans for one database must never be stored in another, so each has a folder of its own below the data
directory.
"""

import os
import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

SPOOL: Final = "spool"
EMBEDDED: Final = "embedded"
QUARANTINE: Final = "quarantine"
# A segment that its owner is just making: nobody else looks at it.
NEW: Final = ".new"
SEGMENT: Final = ".segment"
CURSOR: Final = ".cursor"
COUNTS: Final = ".counts"

_NAME: Final = re.compile(r"([0-9]+-[0-9a-f]{12})-([0-9]{8})\.segment")
# What says which database is meant; who asks and with what password does not.
_PARTS: Final = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "service": "PGSERVICE",
}


class SegmentName(NamedTuple):
    """Whose segment a file is, and its place among that process's."""

    process: str
    sequence: int


def spool_folder(data_dir: Path, dsn: str | None) -> Path:
    """The spool's folder for a database; `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded one.

    The same for each spelling of host, port and database, also of the embedded one's; user and password do
    not count. It is not made here.
    """
    if dsn is None:
        from image_tracing_postgres.settings import settings_from_environment

        dsn = settings_from_environment().database_url
    return data_dir / SPOOL / (EMBEDDED if not dsn else _key(dsn, data_dir))


def _key(dsn: str, data_dir: Path) -> str:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        given = conninfo_to_dict(dsn)
    except psycopg.Error:
        # It will never be reached, and its spans wait under a name of their own.
        return "unknown-" + sha256(dsn.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    found = {name: str(given.get(name) or os.environ.get(variable, "")) for name, variable in _PARTS.items()}
    if not found["service"]:
        found["port"] = found["port"] or "5432"
        found["host"] = found["host"] or found["hostaddr"] or "local"
        found["dbname"] = found["dbname"] or str(given.get("user") or os.environ.get("PGUSER", ""))
    if found["host"] == str(data_dir / "postgres" / "cluster"):
        # What `image-tracing database-url` prints.
        return EMBEDDED
    found["host"] = found["host"].lower()
    if found["host"] in ("127.0.0.1", "::1"):
        found["host"] = "localhost"
    del found["hostaddr"]
    spelled = "\0".join(f"{name}={value}" for name, value in sorted(found.items()))
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", found["dbname"] or found["service"])[:40].strip("-.")
    return f"{readable or 'database'}-{sha256(spelled.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def make(folder: Path) -> None:
    """Make the folder, for its owner alone; no error if it is there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if sys.platform != "win32" and folder.stat().st_uid == os.geteuid():
        folder.chmod(0o700)


def new_process() -> str:
    """A name for this process's segments that no other process ever had."""
    return f"{os.getpid()}-{uuid4().hex[:12]}"


def segment_path(folder: Path, process: str, sequence: int) -> Path:
    """The file of a process's segment; they sort by their sequence."""
    return folder / f"{process}-{sequence:08}{SEGMENT}"


def segment_name(path: Path) -> SegmentName | None:
    """Whose segment it is; None for a file that is none."""
    found = _NAME.fullmatch(path.name)
    return SegmentName(found[1], int(found[2])) if found else None


def segments_in(folder: Path) -> list[Path]:
    """The segments there are, each process's in order; none if there is no such folder."""
    return [folder / name for name in sorted(_names_in(folder, ""))]


def sequences_of(folder: Path, process: str) -> list[int]:
    """Which of a process's segments there are, in no order."""
    names = _names_in(folder, process + "-")
    return [found.sequence for name in names if (found := segment_name(Path(name))) is not None]


def _names_in(folder: Path, beginning: str) -> list[str]:
    try:
        return [
            entry.name
            for entry in os.scandir(folder)
            if entry.name.startswith(beginning) and _NAME.fullmatch(entry.name)
        ]
    except OSError:
        return []
