"""Folders with any name and of any length."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from image_tracing_postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError

Copy = Callable[[Path], EmbeddedPostgres]

TERRIBLE = """it's "$HOME" `id` \\n; %p\n"""
NAMES = [
    "Application Support",
    "Bilder für Ömer 絵 🦊",
    TERRIBLE,
    "one,two",
    os.fsdecode(b"latin-1 \xe4"),
    "x" * 120,
]


def row(conninfo: str) -> tuple[int] | None:
    with psycopg.connect(conninfo) as connection:
        return connection.execute("SELECT number FROM kept").fetchone()


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_server_runs_in_a_folder_of_any_name(copy: Copy, anywhere: Path, name: str) -> None:
    postgres = copy(anywhere / name)

    assert row(postgres.start()) == (42,)
    assert EmbeddedPostgres(anywhere / name).start() == postgres.start()
    assert postgres.stop()


def test_a_database_is_made_in_a_folder_with_a_terrible_name(anywhere: Path) -> None:
    folder = anywhere / TERRIBLE / NAMES[-3] / NAMES[-2] / NAMES[-1]
    postgres = EmbeddedPostgres(folder)

    postgres.start()

    assert postgres.started_by_us
    assert postgres.stop()


def test_the_short_private_folder_of_a_long_path_is_used_again_or_replaced(
    copy: Copy, anywhere: Path
) -> None:
    postgres = copy(anywhere / ("x" * 120))
    first = postgres.start()
    folder = Path(str(conninfo_to_dict(first)["host"]))
    assert len(os.fsencode(folder)) < 60
    assert folder.stat().st_mode & 0o777 == 0o700
    postgres.stop()
    assert postgres.start() == first
    postgres.stop()

    shutil.rmtree(folder)
    assert row(postgres.start()) == (42,)


def test_a_folder_may_be_moved_while_nothing_runs(copy: Copy, anywhere: Path) -> None:
    postgres = copy(anywhere / ("x" * 120))
    postgres.start()
    postgres.stop()
    (anywhere / ("x" * 120)).rename(anywhere / "moved")

    moved = EmbeddedPostgres(anywhere / "moved")
    conninfo = moved.start()
    assert row(conninfo) == (42,)
    assert conninfo_to_dict(conninfo)["host"] == str(anywhere / "moved" / "postgres" / "cluster")
    moved.stop()


def test_a_relative_folder_is_the_same_folder(
    postgres: EmbeddedPostgres, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    relative = EmbeddedPostgres(Path("data"))

    assert relative.start() == postgres.start()


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(EmbeddedPostgresError, match="set IMAGE_TRACING_DATA_DIR to a folder on a local disk"):
        EmbeddedPostgres(tmp_path / "taken").start()
