"""Fixtures of the embedded Postgres: folders with a stopped server, and processes that use them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from image_tracing_postgres.embedded import EmbeddedPostgres

Until = Callable[[Callable[[], object]], None]
Script = Callable[..., subprocess.Popen[str]]

# Changing accounts and mounting need rights of root's; for an ordinary user every other test is the proof.
collect_ignore = [] if os.geteuid() == 0 else ["test_root.py"]
_CAN_MOUNT = (
    subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    ).returncode
    == 0
    if os.geteuid() == 0 and shutil.which("unshare")
    else False
)
if not _CAN_MOUNT:
    collect_ignore += ["test_containers.py", "test_full_disk.py"]


@pytest.fixture
def until() -> Until:
    """Wait for a condition, 30 s at most."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "waited 30 s in vain"
            time.sleep(0.005)

    return wait


@pytest.fixture(scope="session")
def _first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("first")
    postgres = EmbeddedPostgres(folder)
    with psycopg.connect(postgres.start()) as connection:
        connection.execute("CREATE TABLE kept (number int PRIMARY KEY)")
        connection.execute("INSERT INTO kept VALUES (42)")
    postgres.stop()
    # The copies need no space held back.
    (folder / "postgres" / "ballast").unlink(missing_ok=True)
    return folder


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A folder that every account may pass through, unlike `tmp_path` of root."""
    folder = Path(tempfile.mkdtemp(prefix="it-"))
    folder.chmod(0o711)
    yield folder
    for note in folder.rglob("socket-folder"):
        shutil.rmtree(os.fsdecode(note.read_bytes()), ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture
def copy(_first: Path, anywhere: Path) -> Iterator[Callable[[Path], EmbeddedPostgres]]:
    """Puts a ready, stopped Postgres with one row in table `kept` into a folder that is not there yet."""
    made: list[EmbeddedPostgres] = []

    def copy_to(folder: Path) -> EmbeddedPostgres:
        subprocess.run(["cp", "-a", _first, folder], check=True)
        made.append(EmbeddedPostgres(folder))
        return made[-1]

    yield copy_to
    for postgres in made:
        postgres.stop()


@pytest.fixture
def folder(anywhere: Path) -> Iterator[Path]:
    """A data directory to be."""
    yield anywhere / "data"
    EmbeddedPostgres(anywhere / "data").stop()


@pytest.fixture
def postgres(copy: Callable[[Path], EmbeddedPostgres], folder: Path) -> EmbeddedPostgres:
    """A ready, stopped Postgres with one row in table `kept`."""
    return copy(folder)


@pytest.fixture
def script() -> Iterator[Script]:
    """Runs Python text in a process of its own; what it prints can be read, and it can be killed."""
    running: list[subprocess.Popen[str]] = []

    def run(text: str, *arguments: object, **options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", text, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **options},
        )
        running.append(process)
        return process

    yield run
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.communicate()
