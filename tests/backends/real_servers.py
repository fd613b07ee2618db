"""Arize Phoenix and MLflow as they are installed from PyPI, each on a port and in a folder of its own."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Phoenix applies a hundred migrations when it first starts.
_START_SECONDS = 300
BIN = Path(os.environ.get("IMAGE_TRACING_BACKENDS", ".venv/backends")) / "bin"


class RealServer:
    """A server that runs; `url` is where."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        with urllib.request.urlopen(self.url + path, timeout=30) as response:
            return json.load(response)

    def waited_for(self, path: str, key: str) -> Any:
        """The JSON at a path, once it has something under `key`."""
        deadline = time.monotonic() + 60
        while True:
            try:
                if (found := self.get(path)).get(key):
                    return found
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
            assert time.monotonic() < deadline, f"nothing came to {self.url}{path}"
            time.sleep(0.2)


@contextmanager
def phoenix(folder: Path) -> Iterator[RealServer]:
    port = _free_port()
    told = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(_free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with _running([_program("phoenix"), "serve"], told, folder, port=port, health="/healthz") as server:
        yield server


@contextmanager
def mlflow(folder: Path) -> Iterator[RealServer]:
    port = _free_port()
    command = [_program("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    told = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with _running(command, told, folder, port=port, health="/health") as server:
        yield server


def _program(name: str) -> str:
    path = BIN.absolute() / name
    if not path.exists():
        pytest.fail(f"the tests of real back ends need {path}, which is not there; type: make test-backends")
    return str(path)


@contextmanager
def _running(
    command: list[str], told: dict[str, str], folder: Path, *, port: int, health: str
) -> Iterator[RealServer]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "PHOENIX_", "MLFLOW_", "PYTHON", "VIRTUAL_ENV"))
    }
    server = RealServer(f"http://127.0.0.1:{port}")
    with (folder / "log").open("wb") as log:
        # A session of its own: MLflow has workers, and Ctrl-C is for pytest.
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, "DO_NOT_TRACK": "true", "PATH": f"{BIN.absolute()}:{kept['PATH']}", **told},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(process, server.url + health, folder / "log")
            yield server
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{url} does not answer; its log ends: {log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
