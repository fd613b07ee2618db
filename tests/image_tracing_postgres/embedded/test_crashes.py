"""Kill -9 of anything: the next start finds every committed row."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from image_tracing_postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError

Script = Callable[..., subprocess.Popen[str]]
Until = Callable[[Callable[[], object]], None]

WRITE = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for number in range(1000, 10**9):
        connection.execute("INSERT INTO kept VALUES (%s)", [number])
        print(number, flush=True)
"""


def kept(postgres: EmbeddedPostgres) -> set[int]:
    with psycopg.connect(postgres.start()) as connection:
        return {number for (number,) in connection.execute("SELECT number FROM kept")}


def server_pids(conninfo: str, folder: Path) -> list[int]:
    """The postmaster's pid, then those of all its children."""
    postmaster = int((folder / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
    with psycopg.connect(conninfo) as connection:
        return [postmaster, *(pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity"))]


@pytest.mark.parametrize("whom", ["the postmaster", "every process"])
def test_a_killed_server_comes_back_with_every_acknowledged_row(
    postgres: EmbeddedPostgres, folder: Path, script: Script, whom: str
) -> None:
    conninfo = postgres.start()
    pids = server_pids(conninfo, folder)
    writer = script(WRITE, conninfo)
    assert writer.stdout is not None
    acknowledged = {int(writer.stdout.readline()) for _ in range(200)}

    for pid in pids if whom == "every process" else pids[:1]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    acknowledged |= {int(line) for line in writer.stdout if line.endswith("\n")}

    assert acknowledged <= kept(postgres)
    assert postgres.started_by_us


def test_a_killed_server_that_is_still_a_zombie_is_no_hindrance(
    postgres: EmbeddedPostgres, folder: Path, script: Script
) -> None:
    # Where it can, this process takes the orphans of init's, and like a bad first process never reaps them.
    restarted = script(
        """
import ctypes, os, sys
from pathlib import Path
from image_tracing_postgres.embedded import EmbeddedPostgres
system = ctypes.CDLL(None)
can_adopt = hasattr(system, "prctl") and system.prctl(36, 1, 0, 0, 0) == 0
postgres = EmbeddedPostgres(Path(sys.argv[1]))
postgres.start()
pid = int((Path(sys.argv[1]) / "postgres/cluster/postmaster.pid").read_text().split()[0])
os.kill(pid, 9)
postgres.start()
if can_adopt:
    os.kill(pid, 0)
print(postgres.started_by_us, flush=True)
""",
        folder,
    )

    assert restarted.communicate()[0] == "True\n"
    assert kept(postgres) == {42}


def test_a_killed_client_takes_nothing_with_it(postgres: EmbeddedPostgres, script: Script) -> None:
    writer = script(WRITE, postgres.start())
    assert writer.stdout is not None
    acknowledged = {int(writer.stdout.readline()) for _ in range(200)}

    writer.kill()

    assert acknowledged <= kept(postgres)
    assert not postgres.started_by_us


def test_the_process_that_started_the_server_may_be_killed(
    postgres: EmbeddedPostgres, folder: Path, script: Script
) -> None:
    starter = script(
        "import sys; from pathlib import Path; from image_tracing_postgres.embedded import EmbeddedPostgres;"
        "print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True); sys.stdin.read()",
        folder,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline()

    starter.kill()

    assert kept(postgres) == {42}
    assert not postgres.started_by_us


def test_a_first_start_killed_in_the_middle_leaves_nothing_broken(
    folder: Path, script: Script, until: Until
) -> None:
    home = folder / "postgres"
    starter = script(
        "import sys; from pathlib import Path; from image_tracing_postgres.embedded import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1])).start()",
        folder,
    )
    until(lambda: list(home.glob("cluster.new-*/base")))
    starter.kill()
    starter.wait()
    assert not (home / "cluster").exists()

    postgres = EmbeddedPostgres(folder)
    postgres.start()

    assert postgres.started_by_us
    assert not list(home.glob("cluster.new-*"))


@pytest.mark.parametrize("pid_file", ["{us}\n", "1\n", "", "junk"])
def test_a_stale_pid_file_is_not_believed(postgres: EmbeddedPostgres, folder: Path, pid_file: str) -> None:
    cluster = folder / "postgres" / "cluster"
    (cluster / "postmaster.pid").write_text(pid_file.format(us=os.getpid()))
    (cluster / ".s.PGSQL.5432.lock").write_text(pid_file.format(us=os.getpid()))

    assert kept(postgres) == {42}
    assert postgres.started_by_us


def test_a_server_that_cannot_run_says_why(postgres: EmbeddedPostgres, folder: Path) -> None:
    with (folder / "postgres" / "cluster" / "postgresql.auto.conf").open("a") as file:
        file.write("max_connections = 'plenty'\n")

    with pytest.raises(EmbeddedPostgresError, match=r"ended at once; it said .*plenty.*; mend that, or set"):
        postgres.start()

    assert not postgres.is_running()


def test_an_initdb_that_fails_says_why_and_leaves_nothing(folder: Path, anywhere: Path) -> None:
    programs = anywhere / "programs"
    programs.mkdir()
    for name, text in {
        "postgres": "echo 'postgres (PostgreSQL) 18.6'",
        "initdb": "echo no luck; exit 3",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    programs.chmod(0o755)

    with pytest.raises(EmbeddedPostgresError, match=re.escape("ended with 3 and said 'no luck'")):
        EmbeddedPostgres(folder, binaries=programs).start()

    assert {each.name for each in (folder / "postgres").iterdir()} == {"lock", "server.log"}
