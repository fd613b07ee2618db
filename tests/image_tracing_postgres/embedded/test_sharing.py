"""One server for many processes: who starts it, who joins it, who ends it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen

import psycopg
from psycopg.conninfo import conninfo_to_dict

from image_tracing_postgres.embedded import EmbeddedPostgres

Script = Callable[..., Popen[str]]

START = """
import sys, psycopg
from pathlib import Path
from image_tracing_postgres.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
with psycopg.connect(postgres.start()) as connection:
    print(postgres.started_by_us, connection.execute("SELECT pg_postmaster_start_time()").fetchone()[0])
"""


def kept(conninfo: str) -> list[int]:
    with psycopg.connect(conninfo) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY number")]


def test_the_first_start_makes_the_database_and_a_second_one_joins(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)

    conninfo = first.start()

    assert conninfo_to_dict(conninfo)["dbname"] == "image_tracing"
    assert second.start() == conninfo
    assert (first.started_by_us, second.started_by_us) == (True, False)


def test_four_processes_that_start_cold_at_once_share_one_server(folder: Path, script: Script) -> None:
    processes = [script(START, folder) for _ in range(4)]

    answers = [process.communicate()[0].strip().partition(" ") for process in processes]

    assert len({started_at for _, _, started_at in answers}) == 1
    assert sorted(by_us for by_us, _, _ in answers) == ["False", "False", "False", "True"]


def test_eight_threads_that_start_at_once_share_one_server(postgres: EmbeddedPostgres, folder: Path) -> None:
    objects = [EmbeddedPostgres(folder) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        conninfos = set(pool.map(EmbeddedPostgres.start, objects))

    assert len(conninfos) == 1
    assert [each.started_by_us for each in objects].count(True) == 1


def test_the_server_outlives_the_process_that_started_it(
    postgres: EmbeddedPostgres, folder: Path, script: Script
) -> None:
    script(START, folder).communicate()

    assert postgres.is_running()
    assert kept(postgres.start()) == [42]
    assert not postgres.started_by_us


def test_rows_are_there_after_stop_and_start(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start()) as connection:
        connection.execute("INSERT INTO kept VALUES (43)")
    assert postgres.stop()

    assert kept(postgres.start()) == [42, 43]
    assert postgres.started_by_us


def test_stop_ends_the_server_although_someone_is_connected(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start()):
        assert postgres.stop()

    assert not postgres.is_running()
    assert not postgres.stop()


def test_nothing_runs_in_a_folder_that_is_not_there(folder: Path) -> None:
    assert not EmbeddedPostgres(folder).is_running()
    assert not EmbeddedPostgres(folder).stop()
    assert not folder.exists()


def test_two_folders_have_two_servers(
    copy: Callable[[Path], EmbeddedPostgres], postgres: EmbeddedPostgres, anywhere: Path
) -> None:
    other = copy(anywhere / "other")
    with psycopg.connect(other.start()) as connection:
        connection.execute("DELETE FROM kept")

    assert kept(postgres.start()) == [42]
    assert kept(other.start()) == []


def test_a_server_whose_lock_file_was_deleted_is_joined_and_can_be_stopped(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    postgres.start()
    (folder / "postgres" / "lock").unlink()

    assert kept(postgres.start()) == [42]
    assert not postgres.started_by_us
    assert postgres.stop()
    assert not postgres.is_running()
