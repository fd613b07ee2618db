"""A disk that fills up: a clear word, a server that comes back, and every row that was stored."""

import subprocess
import sys
from pathlib import Path

import pytest

# On a small disk of its own at argv[1]: the log of writes fills it, and the server panics.
FILL = """
import os, sys, psycopg
from pathlib import Path
from image_tracing_postgres.embedded import DiskFullError, EmbeddedPostgres

disk = Path(sys.argv[1])
postgres = EmbeddedPostgres(disk / "data")
ballast = disk / "data" / "postgres" / "ballast"

def occupy(name, left_bytes):
    with (disk / name).open("wb") as other:
        status = os.statvfs(disk)
        os.posix_fallocate(other.fileno(), 0, status.f_bavail * status.f_frsize - left_bytes)

def write_until_it_dies():
    with psycopg.connect(postgres.start(), autocommit=True) as connection:
        try:
            while True:
                connection.execute("INSERT INTO stored DEFAULT VALUES")
                written.append(1)
                connection.execute("SELECT pg_logical_emit_message(true, '', repeat('x', 1000000))")
        except psycopg.OperationalError:
            pass

def found():
    with psycopg.connect(postgres.start()) as connection:
        return connection.execute("SELECT count(*) FROM stored").fetchone()[0]

written = []
try:
    with psycopg.connect(postgres.start()) as connection:
        connection.execute("CREATE TABLE stored (number int GENERATED ALWAYS AS IDENTITY)")
    print("ballast", ballast.exists())
    occupy("other", 2 * 2**20)
    write_until_it_dies()
    print("found", found() >= len(written) > 5)
    print("ballast", ballast.exists())

    write_until_it_dies()
    with (disk / "more").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    try:
        print("found", found() >= len(written))
    except DiskFullError as error:
        print(error)

    (disk / "other").unlink()
    print("found", found() >= len(written))
finally:
    postgres.stop()
"""

NO_ROOM = """
import sys
from pathlib import Path
from image_tracing_postgres.embedded import DiskFullError, EmbeddedPostgres
try:
    EmbeddedPostgres(Path(sys.argv[1])).start()
except DiskFullError as error:
    print(error)
"""


def said(text: str, disk: Path, *, size: str) -> list[str]:
    """What the text prints when run with a disk of this size."""
    inside = f'mount -t tmpfs -o size={size},mode=0755 none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "/bin/sh", "-c", inside, "sh", str(disk), sys.executable, text]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return said(FILL, tmp_path_factory.mktemp("disk"), size="260m")


def test_a_server_that_died_of_a_full_disk_drops_its_ballast_and_has_every_row(filled: list[str]) -> None:
    assert filled[:3] == ["ballast True", "found True", "ballast False"]


def test_a_full_disk_without_ballast_is_told(filled: list[str]) -> None:
    assert filled[3].startswith("the embedded Postgres could not start: the disk of ")
    assert filled[3].endswith("make room and start again, no stored row is lost")


def test_with_room_again_the_server_comes_back_with_every_row(filled: list[str]) -> None:
    assert filled[4:] == ["found True"]


def test_no_database_is_begun_on_a_disk_that_is_too_small(anywhere: Path) -> None:
    [told] = said(NO_ROOM, anywhere, size="50m")

    assert "needs 80 MiB, and the disk has " in told
    assert "set IMAGE_TRACING_DATA_DIR to a folder on another disk" in told
