"""The lock that follows the server."""

from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from image_tracing_postgres.embedded import EmbeddedPostgresError
from image_tracing_postgres.embedded.lock import ServerLock

Script = Callable[..., Popen[str]]


def test_only_one_can_have_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = ServerLock.take(path)
    assert first is not None

    with first:
        assert ServerLock.is_held(path)
        assert ServerLock.take(path) is None

    assert not ServerLock.is_held(path)


def test_asking_makes_nothing(tmp_path: Path) -> None:
    assert not ServerLock.is_held(tmp_path / "lock")
    assert not (tmp_path / "lock").exists()


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    lock = ServerLock.take(tmp_path / "lock")
    assert lock is not None
    lock.close()
    with (tmp_path / "other").open("w") as other:
        lock.close()
        other.write("the number of the descriptor is another file's now")


def test_a_process_forked_meanwhile_does_not_keep_it(tmp_path: Path, script: Script) -> None:
    forking = script(
        "import os, sys; from pathlib import Path\n"
        "from image_tracing_postgres.embedded.lock import ServerLock\n"
        "path = Path(sys.argv[1]); lock = ServerLock.take(path)\n"
        "awake, call = os.pipe()\n"
        "if os.fork() == 0: os.write(call, b'!'); sys.stdin.read(); os._exit(0)\n"
        "lock.close(); os.read(awake, 1); print(ServerLock.is_held(path), flush=True); sys.stdin.read()",
        tmp_path / "lock",
    )

    assert forking.stdout is not None
    assert forking.stdout.readline() == "False\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"):
        ServerLock.take(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_on_something_that_cannot_be_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()

    with pytest.raises((OSError, EmbeddedPostgresError)):
        ServerLock.take(tmp_path / "lock")
