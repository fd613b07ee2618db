"""The README does what it says: its Python runs, its shell commands exist, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from image_tracing_postgres.store import Store
from image_tracing_viewer.cli import cli

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SHELL = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
WORDS = [shlex.split(line, comments=True) for line in SHELL]
# What the reader is said to have already.
YOUR_MODELS = """
from image_tracing_viewer.demo.pictures import black_picture, picture

def draw(model: str, prompt: str, *, width: int, height: int, seed: int) -> bytes:
    if seed == 0:
        return black_picture(width=width, height=height)
    return picture(seed, width=width, height=height, format="PNG")

def black(drawn: bytes) -> bool:
    return drawn == black_picture(width=512, height=512)
"""


def run(block: str, database: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "your_models.py").write_text(YOUR_MODELS)
    (folder / "block.py").write_text(block)
    environment = {**os.environ, "IMAGE_TRACING_DATABASE_URL": database}
    command = [sys.executable, "-W", "error", "block.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("block", PYTHON, ids=range(1, len(PYTHON) + 1))
def test_its_python_runs(block: str, database: str, tmp_path: Path) -> None:
    ran = run(block, database, tmp_path)

    assert (ran.returncode, ran.stderr) == (0, "")


def test_its_first_screen_leaves_one_generation_with_a_fallback(database: str, tmp_path: Path) -> None:
    run(PYTHON[0], database, tmp_path)

    with Store(database) as store:
        [trace] = store.list()
    assert (trace.status, trace.lesson_id, trace.model_used) == ("completed", "lesson-1", "sd-3.5")
    assert [attempt.outcome for attempt in trace.attempts] == ["no_image", "ok"]


def test_its_existing_generator_tells_black_pictures(database: str, tmp_path: Path) -> None:
    [block] = [block for block in PYTHON if "your_models" in block]
    run(block, database, tmp_path)

    with Store(database) as store:
        [trace] = store.list()
    assert trace.lesson_id == "lesson-7"
    assert [attempt.outcome for attempt in trace.attempts] == ["blank", "ok"]


def test_its_make_targets_exist() -> None:
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    targets = [words[1] for words in WORDS if words[:1] == ["make"]]

    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize(
    "words", [words[1:] for words in WORDS if words[:1] == ["image-tracing"]], ids=" ".join
)
def test_its_commands_take_their_options(words: list[str]) -> None:
    command = cli.get_command(cli.make_context("image-tracing", ["--help"], resilient_parsing=True), words[0])

    assert command is not None
    command.make_context(words[0], words[1:])


def test_its_packages_are_those_of_the_project() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = set(re.findall(r"image-tracing\[(\w+)\]", README))

    assert named <= set(project["optional-dependencies"])


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_its_links_lead_to_files(document: str) -> None:
    text = (TOP / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)

    assert [link for link in links if not (TOP / link).exists()] == []


def test_its_settings_are_those_that_are_read() -> None:
    files = ("exporters/image_tracing_postgres/settings.py", "src/image_tracing/switches.py")
    sources = [(TOP / file).read_text(encoding="utf-8") for file in files]
    named = {name.removeprefix("IMAGE_TRACING_") for name in re.findall(r"`(IMAGE_TRACING_\w+)`", README)}

    assert named
    assert [name for name in named if not any(name in source for source in sources)] == []


def test_help_is_there_for_whoever_types_nothing() -> None:
    assert "demo" in CliRunner().invoke(cli, []).output
