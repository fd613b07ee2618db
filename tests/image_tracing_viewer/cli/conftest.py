"""The command line: called in this process, or run as a program at a terminal of its own."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result

from image_tracing_viewer.cli import cli

Command = Callable[..., Result]
Terminal = Callable[..., "Shown"]


@dataclass(frozen=True)
class Shown:
    """What a person saw, and the exit code."""

    text: str
    exit_code: int


@pytest.fixture
def command(database: str) -> Command:
    """Runs a command on this test's database, its output in a pipe."""

    def run(*words: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(
            cli, [*words, "--database-url", database], input=answer, prog_name="image-tracing"
        )

    return run


@pytest.fixture
def terminal(database: str) -> Terminal:
    """Runs a command on this test's database at a terminal, 160 characters wide unless told otherwise."""

    def run(*words: str, columns: int = 160) -> Shown:
        controller, device = pty.openpty()
        program = [sys.executable, "-m", "image_tracing_viewer", *words, "--database-url", database]
        environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color"}
        with subprocess.Popen(
            program, stdin=device, stdout=device, stderr=device, env=environment
        ) as process:
            os.close(device)
            shown = b"".join(iter(lambda: _read(controller), b""))
        os.close(controller)
        return Shown(shown.decode(), process.returncode)

    return run


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 65_536)
    except OSError:
        # Linux tells the end of a terminal's other side this way.
        return b""
