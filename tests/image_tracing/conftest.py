"""Pictures, and interpreters of their own for what depends on the global provider."""

import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from PIL import Image


class Pictures(Protocol):
    def __call__(self, kind: str = "PNG", *, width: int = 64, height: int = 48, seed: int = 0) -> bytes: ...


@pytest.fixture(scope="session")
def picture() -> Pictures:
    """A factory of encoded pictures; another seed gives another picture."""

    def encoded(kind: str = "PNG", *, width: int = 64, height: int = 48, seed: int = 0) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (width, height), (seed % 256, 40, 200)).save(buffer, kind)
        return buffer.getvalue()

    return encoded


@pytest.fixture
def interpreter() -> Callable[..., Any]:
    """Runs code in a fresh interpreter; what it printed as JSON. `environment` replaces OTEL_* and ours."""

    def run(code: str, **environment: str) -> Any:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "IMAGE_TRACING_"))
        }
        answer = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            env=kept | environment,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run
