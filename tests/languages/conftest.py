"""Generators in other languages, and a viewer that they send to."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.image_tracing_viewer.receiving import serving_process

from image_tracing_viewer.demo.pictures import picture

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
# What tests/packaging/languages.sh made.
_LANGUAGES = Path(os.environ.get("IMAGE_TRACING_LANGUAGES", ".venv/languages")).absolute()


def program(name: str) -> str:
    """The path of a program that these tests need."""
    path = _LANGUAGES / name
    if not path.exists():
        pytest.fail(f"these tests need {path}, which is not there; type: make test-languages")
    return str(path)


class Generator:
    """Runs programs that make pictures, and whose spans go to a viewer."""

    def __init__(self, endpoint: str, database: str, folder: Path) -> None:
        self._folder = folder
        self._viewer = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{endpoint}/v1/traces"}
        self._database = {
            "IMAGE_TRACING_DATABASE_URL": database,
            "IMAGE_TRACING_DATA_DIR": str(folder / "own"),
        }

    def typescript(self, file: str, story: str, **told: str) -> None:
        """Run a program of `project`."""
        self._run([program("bin/node"), file], story, self._viewer | told)

    def stock_python(self, story: str, **told: str) -> None:
        """Run stock.py where nothing of ours is installed."""
        self._run([program("bin/python"), str(HERE / "stock.py")], story, self._viewer | told)

    def ours(self, story: str) -> None:
        """Run ours.py, whose spans go straight to the database."""
        self._run([sys.executable, str(HERE / "ours.py")], story, self._database)

    def _run(self, command: list[str], story: str, told: dict[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
        environment = {**kept, **told, "OTEL_SERVICE_NAME": "lessons", "STORY": story}
        done = subprocess.run(command, cwd=self._folder, env=environment, capture_output=True, text=True)
        # A generation that fails raises in the program as well.
        assert (done.returncode, "no model gave a picture" in done.stderr) == (
            (1, True) if story == "failed" else (0, False)
        ), done.stderr


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a TypeScript program: what docs/other-languages.md shows, with models of ours."""
    folder = tmp_path_factory.mktemp("project")
    text = (DOCS / "other-languages.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```ts\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (folder / "illustrate.ts").write_text(shown, encoding="utf-8")
    for file in (*(DOCS / "typescript").glob("*.*"), *HERE.glob("*.ts")):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "picture.png").write_bytes(picture(1, width=512, height=512, format="PNG"))
    (folder / "node_modules").symlink_to(program("typescript/node_modules"))
    return folder


@pytest.fixture
def generator(database: str, project: Path, tmp_path: Path) -> Iterator[Generator]:
    """Generators whose spans go to a viewer of `database`, a process of its own."""
    with serving_process(database, tmp_path) as (_, address):
        yield Generator(address, database, project)
