"""`opentelemetry-instrument python app.py` finds the instrumentors by their entry points."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.openai_shapes import pictures
from tests.image_tracing.instrumentors.servers import Api

from image_tracing import instrumentors
from image_tracing.instrumentors.instrumentor import Instrumentor

APP = """
import sys
{before}
try:
    from openai import OpenAI
except ModuleNotFoundError as error:
    print(error, file=sys.stderr)
    sys.exit(3)
with OpenAI(api_key="k", base_url="{url}") as client:
    client.images.generate(prompt="a red fox", model="gpt-image-2")
"""


class Run:
    """Runs a program under `opentelemetry-instrument`."""

    def __init__(self, folder: Path, url: str) -> None:
        self._path = folder / "app.py"
        self._url = url

    def __call__(self, *, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        self._path.write_text(APP.format(before=before, url=self._url))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        chosen = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("LOGS", "METRICS")}
        return subprocess.run(
            [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, self._path],
            env={**kept, **chosen, "OTEL_TRACES_EXPORTER": "console", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def run(tmp_path: Path, api: Api, picture: Pictures) -> Run:
    """A program that asks openai for a picture; its spans come out as JSON."""
    api.answer(pictures(picture()))
    return Run(tmp_path, api.url)


def test_a_program_is_instrumented_without_a_word_in_it(run: Run) -> None:
    result = run()

    assert result.returncode == 0, result.stderr
    span = json.loads(result.stdout)
    assert span["name"] == "generate_content gpt-image-2"
    assert span["attributes"]["image_generation.outcome"] == "ok"
    assert "Traceback" not in result.stderr
    assert "image_tracing" not in result.stderr


def test_an_instrumentor_can_be_switched_off_by_its_name(run: Run) -> None:
    result = run(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="image_tracing_openai")

    assert (result.returncode, result.stdout) == (0, "")


def test_being_instrumented_by_hand_too_is_once(run: Run) -> None:
    result = run(before="import image_tracing; image_tracing.instrument()")

    assert json.loads(result.stdout)["name"] == "generate_content gpt-image-2"


def test_a_program_may_take_it_back(run: Run) -> None:
    result = run(before="import image_tracing; image_tracing.uninstrument()")

    assert (result.returncode, result.stdout) == (0, "")


def test_an_sdk_that_is_absent_is_the_programs_own_affair(run: Run) -> None:
    result = run(before="sys.modules['openai'] = None")

    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.endswith("import of openai halted; None in sys.modules\n")


def test_every_instrumentor_has_an_entry_point_under_a_name_of_ours() -> None:
    registered = {
        point.name: point
        for point in entry_points(group="opentelemetry_instrumentor")
        if point.name.startswith("image_tracing_")
    }

    assert sorted(registered) == sorted(f"image_tracing_{name}" for name in instrumentors._SDKS)
    for name, point in registered.items():
        found = point.load()()
        assert isinstance(found, Instrumentor)
        assert found is instrumentors._instrumentor(name.removeprefix("image_tracing_"))
        assert found.instrumentation_dependencies() == ()
