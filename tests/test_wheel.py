"""The wheel that is built from this tree."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

TOP = Path(__file__).parents[1]
FOLDERS = ("src", "migrations", "exporters", "viewer")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=TOP, check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return ZipFile(path)


@pytest.mark.parametrize("suffix", [".py", ".sql", ".html", ".css", ".js", ".typed"])
def test_every_file_of_the_packages_is_in_the_wheel(wheel: ZipFile, suffix: str) -> None:
    wanted = {
        path.relative_to(TOP / folder).as_posix()
        for folder in FOLDERS
        for path in (TOP / folder).rglob(f"*{suffix}")
        if "__pycache__" not in path.parts
    }

    assert wanted
    assert wanted - set(wheel.namelist()) == set()


def test_the_sql_in_the_wheel_can_be_read(wheel: ZipFile) -> None:
    statements = [wheel.read(name).decode() for name in wheel.namelist() if name.endswith(".sql")]

    assert any("CREATE TABLE" in statement for statement in statements)


def test_the_wheel_holds_nothing_but_the_packages(wheel: ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}

    assert tops == {
        "image_tracing",
        "image_tracing_migrations",
        "image_tracing_postgres",
        "image_tracing_viewer",
    }


def test_the_wheel_names_its_programs(wheel: ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    programs = wheel.read(name).decode()

    assert "image-tracing = image_tracing_viewer.__main__:main" in programs
    assert "image_tracing = image_tracing_postgres.spool_exporter:SpoolSpanExporter" in programs
