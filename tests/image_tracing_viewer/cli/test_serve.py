"""`image-tracing serve`."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from image_tracing_viewer.cli import cli


@contextmanager
def serving(database: str, *words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address that the command prints, and its process."""
    command = [sys.executable, "-m", "image_tracing_viewer", "serve", "--port", "0", *words]
    program = subprocess.Popen([*command, "--database-url", database], stdout=subprocess.PIPE, text=True)
    with program:
        assert program.stdout is not None
        found = re.search(r"http://\S+", program.stdout.readline())
        assert found is not None
        yield found[0], program
        program.kill()


def test_the_printed_address_shows_the_traces(rows: Any, database: str) -> None:
    rows.add(lesson_id="lesson-of-this-test")

    with serving(database) as (address, _program):
        page = httpx.get(address, trust_env=False, timeout=20)

    assert page.status_code == 200
    assert "lesson-of-this-test" in page.text


def test_an_interruption_ends_it(database: str) -> None:
    with serving(database) as (address, program):
        httpx.get(address, trust_env=False, timeout=20)
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=20) == 130


def test_a_port_in_use_is_told(database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shown = CliRunner().invoke(cli, ["serve", "--port", port, "--database-url", database])

    assert shown.exit_code == 1
    assert port in shown.stderr
    assert "--port" in shown.stderr


def test_other_machines_need_a_token(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGE_TRACING_TOKEN", raising=False)

    shown = CliRunner().invoke(cli, ["serve", "--host", "0.0.0.0", "--port", "0", "--database-url", database])

    assert shown.exit_code == 1
    assert "IMAGE_TRACING_TOKEN" in shown.stderr


def test_a_token_stays_out_of_a_pipe(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_TOKEN", "open-sesame")

    with serving(database) as (address, _program):
        answer = httpx.get(
            address, trust_env=False, timeout=20, headers={"Authorization": "Bearer open-sesame"}
        )
        assert httpx.get(address, trust_env=False, timeout=20).status_code == 401

    assert "open-sesame" not in address
    assert answer.status_code == 200
